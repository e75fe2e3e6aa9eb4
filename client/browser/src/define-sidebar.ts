/** Registers <undertone-sidebar> and the parts it is put together from. Importing this is all a page has to do. */

import { Card } from "./sidebar/card.ts";
import { EvidenceView } from "./sidebar/evidence.ts";
import { Feed } from "./sidebar/feed.ts";
import { Header } from "./sidebar/header.ts";
import { Player } from "./sidebar/player.ts";
import { ReviewForm } from "./sidebar/review.ts";
import { Roster } from "./sidebar/roster.ts";
import { CandidateRow } from "./sidebar/row.ts";
import { UndertoneSidebar } from "./sidebar/sidebar.ts";

const ELEMENTS: Readonly<Record<string, CustomElementConstructor>> = {
  "ut-header": Header,
  "ut-roster": Roster,
  "ut-row": CandidateRow,
  "ut-feed": Feed,
  "ut-card": Card,
  "ut-evidence": EvidenceView,
  "ut-player": Player,
  "ut-review": ReviewForm,
  "undertone-sidebar": UndertoneSidebar,
};

// A page may load this twice, in two bundles.
for (const [name, element] of Object.entries(ELEMENTS)) {
  if (!customElements.get(name)) customElements.define(name, element);
}

declare global {
  interface HTMLElementTagNameMap {
    "undertone-sidebar": UndertoneSidebar;
    "ut-feed": Feed;
    "ut-evidence": EvidenceView;
    "ut-player": Player;
  }
}
