/** What stands around roster and feed: the tabs of a narrow sidebar, the evidence beside the feed of a wide one. */

import { html, type TemplateResult } from "lit";
import { icons } from "./icons.ts";
import type { Item, Row } from "./model.ts";
import type { Actions, Words } from "./part.ts";
import type { Axis } from "./strip.ts";

export type Tab = "feed" | "roster";

/** Which of the two is shown where there is room for one. */
export function tabs(
  chosen: Tab,
  counts: Readonly<Record<Tab, number>>,
  { t }: Words,
  choose: (tab: Tab) => void,
): TemplateResult {
  const labels: Record<Tab, string> = { feed: t.anomaliesTitle, roster: t.candidates };
  return html`<div class="tabs" role="group" aria-label=${t.views}>
    ${(["feed", "roster"] as const).map(
      (tab) => html`<button type="button" class="tab" aria-pressed=${tab === chosen} @click=${() => choose(tab)}>
        ${labels[tab]} <span class="tally">${t.number(counts[tab])}</span>
      </button>`,
    )}
  </div>`;
}

/** The evidence of the chosen anomaly, in a pane of its own. `some`: there are anomalies to choose from. */
export function detail(
  some: boolean,
  item: Item | undefined,
  row: Row | undefined,
  axis: Axis | null,
  rate: number,
  words: Words,
  actions: Actions,
  onKey: (event: KeyboardEvent) => void,
): TemplateResult {
  return html`<section class="pane detail-pane" aria-label=${words.t.evidence} @keydown=${onKey}>
    ${
      item
        ? html`<div class="scroller" tabindex="-1">
            <ut-evidence
              .item=${item}
              .expected=${row?.expectedVoices ?? null}
              .row=${row ?? null}
              .axis=${axis}
              .words=${words}
              .actions=${actions}
              .rate=${rate}
            ></ut-evidence>
          </div>`
        : html`<div class="nothing">${icons.lanes}<p>${some ? words.t.pickOne : words.t.noneToPick}</p></div>`
    }
  </section>`;
}
