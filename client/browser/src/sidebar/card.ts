/** An anomaly in the feed: who, when, how many voices, how sure; opened, its evidence. */

import { html, nothing, type TemplateResult } from "lit";
import { kindIcon, reviewIcon } from "./icons.ts";
import { miniature } from "./lanes.ts";
import type { Item } from "./model.ts";
import { type Actions, Part, type Words } from "./part.ts";
import { heardMs, strongest } from "./turns.ts";

export class Card extends Part {
  static override properties = {
    item: { attribute: false },
    expected: { attribute: false },
    words: { attribute: false },
    actions: { attribute: false },
    now: { attribute: false },
    rate: { attribute: false },
    opened: { attribute: false },
    inside: { attribute: false },
    fresh: { attribute: false },
    stop: { attribute: false },
  };
  declare item: Item;
  declare expected: number | null;
  declare words: Words;
  declare actions: Actions;
  /** ms since 1970, moved once a minute. */
  declare now: number;
  declare rate: number;
  declare opened: boolean;
  /** Whether the evidence is shown in the card; otherwise it is beside the feed. */
  declare inside: boolean;
  /** Came while somebody watched, and nobody has opened it yet. */
  declare fresh: boolean;
  /** Whether it is the one of the list that the Tab key stops at. */
  declare stop: boolean;

  protected override render(): TemplateResult {
    const { item, words, opened } = this;
    const { t } = words;
    const { anomaly } = item;
    const shown = anomaly.evidence[strongest(anomaly)];
    const state = item.pending?.decision ?? anomaly.state;
    return html`<article class="card ${anomaly.kind} ${state} ${opened ? "opened" : ""} ${this.fresh ? "fresh" : ""} ${item.pending ? "pending" : ""}">
      <h3>
        <button
          type="button"
          class="card-head"
          data-anomaly=${anomaly.id}
          aria-expanded=${opened}
          tabindex=${this.stop ? 0 : -1}
          @click=${(event: MouseEvent) => this.actions.open(opened ? null : anomaly.id, event.detail === 0)}
        >
          ${kindIcon(anomaly.kind)}
          <span class="card-line">
            <span class="card-name" dir="auto" title=${anomaly.participant.name}>${anomaly.participant.name}</span>
            ${this.fresh ? html`<span class="new">${t.fresh}</span>` : nothing}
            <time class="card-time" datetime=${anomaly.opened_at} title=${t.moment(item.openedMs)}>
              <span class="quiet">${t.ago(item.openedMs, this.now)}</span> ${t.clock(item.openedMs)}
            </time>
          </span>
          ${
            shown
              ? html`<span class="card-line facts-line">
                    <span class="card-heard">${t.heard(anomaly.kind, shown.voices, heardMs(shown, anomaly.kind))}</span>
                    <span class="quiet"
                      ><bdi>${t.sureShort(shown.confidence)}</bdi
                      >${anomaly.count > 1 ? html`${t.separator}<bdi>${t.windowCount(anomaly.count)}</bdi>` : nothing}</span
                    >
                  </span>
                  ${miniature(shown, anomaly.kind)}`
              : nothing
          }
          ${this.#decided()}
        </button>
      </h3>
      ${
        opened && this.inside
          ? html`<ut-evidence
              .item=${item}
              .expected=${this.expected}
              .words=${words}
              .actions=${this.actions}
              .rate=${this.rate}
            ></ut-evidence>`
          : nothing
      }
    </article>`;
  }

  #decided(): TemplateResult | typeof nothing {
    const { anomaly, pending, fault } = this.item;
    const { t } = this.words;
    if (pending) return html`<span class="card-line state-line">${reviewIcon(pending.decision)} ${t.sending}</span>`;
    if (fault) return html`<span class="card-line state-line fault">${t.decisionFailed(fault)}</span>`;
    if (anomaly.state === "open" || !anomaly.review) return nothing;
    const { review } = anomaly;
    return html`<span class="card-line state-line ${anomaly.state}">
      ${reviewIcon(anomaly.state)}
      <span class="by">${t.decidedBy(anomaly.state, review.by)}</span>
      ${review.note ? html`<span class="quiet note" dir="auto">${review.note}</span>` : nothing}
    </span>`;
  }
}
