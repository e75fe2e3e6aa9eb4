/** Registers `<undertone-candidate>`. */

import { UndertoneCandidate } from "./candidate/element.ts";

if (!customElements.get("undertone-candidate")) customElements.define("undertone-candidate", UndertoneCandidate);

declare global {
  interface HTMLElementTagNameMap {
    "undertone-candidate": UndertoneCandidate;
  }
}
