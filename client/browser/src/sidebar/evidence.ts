/** An anomaly looked into: its windows, who spoke when, and the decision. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import type { Evidence } from "../wire/messages.ts";
import { icons } from "./icons.ts";
import type { Item, Row } from "./model.ts";
import { type Actions, Part, type Words } from "./part.ts";
import type { Player } from "./player.ts";
import { examView } from "./row-facts.ts";
import type { Axis } from "./strip.ts";
import { exceeded, heardMs, strongest } from "./turns.ts";

function spanOf({ start_at, duration_ms }: Evidence): [number, number] {
  const start = Date.parse(start_at);
  return [start, start + duration_ms];
}

export class EvidenceView extends Part {
  static override properties = {
    item: { attribute: false },
    expected: { attribute: false },
    words: { attribute: false },
    actions: { attribute: false },
    rate: { attribute: false },
    row: { attribute: false },
    axis: { attribute: false },
    clip: { state: true },
  };
  declare item: Item;
  declare expected: number | null;
  declare words: Words;
  declare actions: Actions;
  declare rate: number;
  /** Whose it is, if it stands alone; in a card, the card has said so. */
  declare row: Row | null;
  declare axis: Axis | null;
  declare clip: string | null;

  constructor() {
    super();
    this.expected = null;
    this.rate = 1;
    this.row = null;
    this.axis = null;
    this.clip = null;
  }

  get player(): Player | null {
    return this.querySelector("ut-player");
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const { anomaly } = this.item;
    const { id, evidence } = anomaly;
    if (!changed.has("item") || changed.get("item")?.anomaly.id === id) return;
    this.clip = evidence[strongest(anomaly)]?.clip ?? null; // and stays: what grows meanwhile is not what is being heard
  }

  protected override render(): TemplateResult {
    const { item, words, actions } = this;
    const { t } = words;
    const { evidence, count, kind, participant } = item.anomaly;
    const index = Math.max(
      0,
      evidence.findIndex((each) => each.clip === this.clip),
    );
    const shown = evidence[index];
    return html`<div class="evidence">
      ${
        this.row
          ? html`<div class="evidence-head">
              <h2 dir="auto" tabindex="-1">${participant.name}</h2>
              <button type="button" class="button icon-only quiet-button" aria-label=${t.close} title=${t.close} @click=${() => actions.open(null)}>
                ${icons.close}
              </button>
            </div>`
          : nothing
      }
      ${shown ? this.#facts(shown) : nothing} ${evidence.length > 1 ? this.#choice(index) : nothing}
      ${
        shown
          ? html`<ut-player .evidence=${shown} .kind=${kind} .words=${words} .actions=${actions} .rate=${this.rate}></ut-player>`
          : nothing
      }
      ${count > evidence.length ? html`<p class="quiet">${t.moreWindows(count - evidence.length)}</p>` : nothing}
      <ut-review .item=${item} .words=${words} .actions=${actions}></ut-review>
      ${this.row ? examView(this.row, this.axis, evidence.map(spanOf), words) : nothing}
    </div>`;
  }

  #facts(shown: Evidence): TemplateResult {
    const { item, words } = this;
    const { t } = words;
    const { kind } = item.anomaly;
    const expected = exceeded(shown.voices, this.expected);
    return html`<p class="lead">${t.heardLong(kind, shown.voices, expected, heardMs(shown, kind))}</p>
      <dl class="facts">
        <div>
          <dt>${t.when}</dt>
          <dd><time datetime=${shown.start_at}>${t.moment(Date.parse(shown.start_at))}</time></dd>
        </div>
        <div>
          <dt>${t.sure}</dt>
          <dd>${t.sureLong(shown.confidence)}</dd>
        </div>
      </dl>`;
  }

  /** Radio buttons: one stop for the Tab key, arrows between them. */
  #choice(index: number): TemplateResult {
    const { t } = this.words;
    const { evidence, kind } = this.item.anomaly;
    return html`<fieldset class="choice">
      <legend>${t.heardIn(evidence.length)}</legend>
      ${evidence.map(
        (each, number) => html`<label class="chip">
          <input
            type="radio"
            class="sr-only"
            name="evidence"
            .checked=${number === index}
            @change=${() => {
              this.clip = each.clip;
            }}
          />
          <span><time datetime=${each.start_at}><bdi>${t.clock(Date.parse(each.start_at))}</bdi></time>${t.separator}<bdi>${t.seconds(heardMs(each, kind))}</bdi></span>
        </label>`,
      )}
    </fieldset>`;
  }
}
