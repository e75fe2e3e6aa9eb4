/** What a proctor has to know about the line: that it is down, why it won't come back, and what came meanwhile. */

import { html, nothing, type TemplateResult } from "lit";
import type { Line } from "./desk.ts";
import { icons } from "./icons.ts";
import type { Missed } from "./missed.ts";
import type { Words } from "./part.ts";

export function banner(
  line: Line,
  missed: Missed | null,
  known: boolean,
  { t }: Words,
  onRead: () => void,
): TemplateResult {
  return html`<div class="banners" role="status">
    ${
      line.state === "over"
        ? html`<p class="banner bad"><strong>${t.faults(line.fault?.code ?? "")}</strong> <span dir="auto">${line.fault?.detail ?? nothing}</span></p>`
        : nothing
    }
    ${line.state === "down" ? html`<p class="banner warn"><strong>${t.down}</strong> ${known ? t.downMeans : t.downAtFirst}</p>` : nothing}
    ${
      line.state === "live" && missed
        ? html`<p class="banner">
            <span>${t.back(missed.downMs)} ${t.missed(missed.events, missed.anomalies)}</span>
            <button type="button" class="button icon-only quiet-button" aria-label=${t.gotIt} title=${t.gotIt} @click=${onRead}>
              ${icons.close}
            </button>
          </p>`
        : nothing
    }
  </div>`;
}
