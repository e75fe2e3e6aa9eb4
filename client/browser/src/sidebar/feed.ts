/** The anomalies, newest first. Cards come as far as somebody scrolls: of 500, most are never looked at. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { arrangeFeed, type FeedQuery } from "./arrange.ts";
import { icons, reviewIcon } from "./icons.ts";
import type { Item, ReviewState, Row } from "./model.ts";
import { type Actions, Part, type Words } from "./part.ts";

/** Two screens of a large display. */
const AT_ONCE = 40;
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
    shown: { state: true },
    away: { state: true },
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
  declare shown: number;
  /** Whether the newest card is out of sight. */
  declare away: boolean;

  #list: Item[] = [];
  #watch: IntersectionObserver | null = null;

  constructor() {
    super();
    this.items = [];
    this.reviews = new Map();
    this.fresh = new Set();
    this.openId = null;
    this.inside = true;
    this.known = false;
    this.shown = AT_ONCE;
    this.away = false;
  }

  /** The ids that are shown, in their order: what J and K walk along. */
  get order(): string[] {
    return this.#list.map((item) => item.anomaly.id);
  }

  /** Brings a card to the eye and the keyboard to it. */
  async reveal(id: string, focus: boolean): Promise<void> {
    const place = this.order.indexOf(id);
    if (place < 0) return;
    this.shown = Math.max(this.shown, place + 10);
    await this.updateComplete;
    const head = this.querySelector<HTMLElement>(`[data-anomaly="${CSS.escape(id)}"]`);
    head?.scrollIntoView({ block: "nearest" });
    if (focus) head?.focus({ preventScroll: true });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#watch?.disconnect();
    this.#watch = null;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("query")) this.shown = AT_ONCE;
    this.#list = arrangeFeed(this.items, this.query, this.openId);
  }

  protected override updated(): void {
    const scroller = this.querySelector(".scroller");
    this.#watch ??= new IntersectionObserver(
      (seen) => {
        for (const { target, isIntersecting } of seen) {
          if (target.classList.contains("start")) this.away = !isIntersecting;
          else if (isIntersecting && this.shown < this.#list.length) this.shown += AT_ONCE;
        }
      },
      { root: scroller, rootMargin: "0px 0px 600px 0px" },
    );
    this.#watch.disconnect(); // observing anew tells anew: the end may have come into sight without moving
    for (const edge of this.querySelectorAll(".edge")) this.#watch.observe(edge);
  }

  protected override render(): TemplateResult {
    const { words, inside } = this;
    const { t } = words;
    const list = this.#list;
    const unseen = this.away ? list.filter((item) => this.fresh.has(item.anomaly.id)).length : 0;
    return html`${this.#tools()}
      <div class="scroller" tabindex="-1">
        <span class="edge start"></span>
        ${
          unseen > 0
            ? html`<button type="button" class="button primary to-top" @click=${this.#toTop}>${icons.up} ${t.newOnes(unseen)}</button>`
            : nothing
        }
        ${list.length === 0 ? this.#none() : nothing}
        <ol class="cards" aria-label=${t.anomaliesTitle}>
          ${repeat(
            list.slice(0, this.shown),
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
              ></ut-card>
            </li>`,
          )}
        </ol>
        <span class="edge"></span>
      </div>`;
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
