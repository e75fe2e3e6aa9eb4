/** The anomalies, newest first. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { arrangeFeed, type FeedQuery } from "./arrange.ts";
import type { Card } from "./card.ts";
import { Growing } from "./growing.ts";
import { icons, reviewIcon } from "./icons.ts";
import { KeptFocus } from "./kept-focus.ts";
import { rove } from "./keys.ts";
import type { Item, ReviewState, Row } from "./model.ts";
import { type Actions, Part, type Words } from "./part.ts";

const FILTERS = ["open", "confirmed", "dismissed", "all"] as const;

export class Feed extends Part {
  static override properties = {
    items: { attribute: false },
    reviews: { attribute: false },
    rowOf: { attribute: false },
    query: { attribute: false },
    openId: { attribute: false },
    fresh: { attribute: false },
    words: { attribute: false },
    actions: { attribute: false },
    now: { attribute: false },
    rate: { attribute: false },
    inside: { attribute: false },
    known: { attribute: false },
    current: { state: true },
    held: { state: true },
  };
  declare items: readonly Item[];
  declare reviews: ReadonlyMap<ReviewState, number>;
  declare rowOf: (id: string) => Row | undefined;
  declare query: FeedQuery;
  declare openId: string | null;
  declare fresh: ReadonlySet<string>;
  declare words: Words;
  declare actions: Actions;
  declare now: number;
  declare rate: number;
  declare inside: boolean;
  declare known: boolean;
  /** The card that had the focus last. */
  declare current: string | null;
  /** The card that has it: whatever is decided meanwhile, the keyboard does not lose its place. */
  declare held: string | null;

  #list: Item[] = [];
  readonly #growing = new Growing(this);
  readonly #focus = new KeptFocus(this);

  constructor() {
    super();
    this.items = [];
    this.reviews = new Map();
    this.fresh = new Set();
    this.openId = null;
    this.inside = true;
    this.known = false;
    this.current = null;
    this.held = null;
  }

  /** The ids that are shown, in their order: what J and K walk along. */
  get order(): string[] {
    return this.#list.map((item) => item.anomaly.id);
  }

  /** Brings a card to the eye and the keyboard to it; if it is not in the list, `instead`, or else the filters. */
  async reveal(id: string, focus: boolean, instead?: string): Promise<void> {
    await this.updateComplete; // the list is the one that was asked for
    const { order } = this;
    const shown = order.includes(id) ? id : (instead ?? "");
    this.#growing.reach(order.indexOf(shown));
    await this.updateComplete;
    const head =
      this.querySelector<HTMLElement>(`[data-anomaly="${CSS.escape(shown)}"]`) ??
      this.querySelector<HTMLElement>(".segment");
    head?.scrollIntoView({ block: "nearest" });
    if (focus) head?.focus({ preventScroll: true });
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("query")) this.#growing.reset();
    // What is heard, written or under the keyboard stays, however many come before it, and whoever decides it.
    const used = [this.openId, this.held];
    this.#list = arrangeFeed(this.items, this.query, used);
    for (const id of used) this.#growing.reach(this.#list.findIndex(({ anomaly }) => anomaly.id === id));
  }

  protected override render(): TemplateResult {
    const { words, inside } = this;
    const { t } = words;
    const list = this.#list;
    const stop = (list.find((item) => item.anomaly.id === this.current) ?? list[0])?.anomaly.id;
    const unseen = this.#growing.away ? list.filter((item) => this.fresh.has(item.anomaly.id)).length : 0;
    return html`${this.#tools()}
      <div class="scroller" tabindex="-1">
        <span class="edge start"></span>
        ${
          unseen > 0
            ? html`<button type="button" class="button primary to-top" @click=${this.#toTop}>${icons.up} ${t.newOnes(unseen)}</button>`
            : nothing
        }
        ${list.length === 0 ? this.#none() : nothing}
        <ol
          class="cards"
          aria-label=${t.anomaliesTitle}
          @keydown=${(event: KeyboardEvent) => rove(event, "card-head")}
          @focusin=${this.#focused}
          @focusout=${this.#hold}
        >
          ${repeat(
            this.#growing.of(list),
            (item) => item.anomaly.id,
            (item, place) => html`<li aria-setsize=${list.length} aria-posinset=${place + 1}>
              <ut-card
                .item=${item}
                .expected=${this.rowOf(item.anomaly.participant.id)?.expectedVoices ?? null}
                .words=${words}
                .actions=${this.actions}
                .now=${this.now}
                .rate=${this.rate}
                .opened=${item.anomaly.id === this.openId}
                .inside=${inside}
                .fresh=${this.fresh.has(item.anomaly.id)}
                .stop=${item.anomaly.id === stop}
              ></ut-card>
            </li>`,
          )}
        </ol>
        <span class="edge end"></span>
      </div>`;
  }

  #focused(event: FocusEvent): void {
    const card = (event.target as Element).closest<Card>("ut-card")?.item.anomaly.id;
    this.current = card ?? this.current;
    this.#hold();
  }

  /** Not while a button of the mouse is down: a card that left then would move what is being pressed. */
  #hold(): void {
    const hold = (): void => {
      this.held = this.#focus.inside<Card>("ut-card")?.item.anomaly.id ?? null;
    };
    if (this.matches(":active")) addEventListener("pointerup", () => setTimeout(hold), { once: true });
    else hold();
  }

  #toTop(): void {
    this.querySelector(".scroller")?.scrollTo({ top: 0 });
    this.querySelector<HTMLElement>(".card-head")?.focus();
  }

  #tools(): TemplateResult {
    const { query, words } = this;
    const { t } = words;
    const person = query.participant === null ? null : this.rowOf(query.participant);
    return html`<div class="tools" ?hidden=${this.items.length === 0}>
      <div class="segments" role="group" aria-label=${t.filterByReview}>
        ${FILTERS.map((state) => {
          const count = state === "all" ? this.items.length : (this.reviews.get(state) ?? 0);
          return html`<button
            type="button"
            class="segment"
            aria-pressed=${query.state === state}
            @click=${() => this.actions.filter({ state })}
          >
            ${state === "all" ? nothing : reviewIcon(state)}<span>${t.reviews[state]}</span
            ><span class="tally">${t.number(count)}</span>
          </button>`;
        })}
      </div>
      ${
        person
          ? html`<button type="button" class="only" @click=${() => this.actions.filter({ participant: null })}>
              ${icons.people}<span dir="auto">${person.name}</span>${icons.close}<span class="sr-only">${t.showEverybody}</span>
            </button>`
          : nothing
      }
    </div>`;
  }

  #none(): TemplateResult {
    const { t } = this.words;
    if (!this.known) return html`<div class="nothing"><p>${t.loading}</p></div>`;
    if (this.items.length === 0) {
      return html`<div class="nothing">
        ${icons.calm}
        <p><strong>${t.noAnomalies}</strong></p>
        <p>${t.noAnomaliesYet}</p>
      </div>`;
    }
    return html`<div class="nothing">
      <p>${this.query.state === "open" ? t.allDecided : t.noneFound}</p>
      <button type="button" class="button small" @click=${() => this.actions.filter({ state: "all", participant: null })}>
        ${t.showAll(this.items.length)}
      </button>
    </div>`;
  }
}
