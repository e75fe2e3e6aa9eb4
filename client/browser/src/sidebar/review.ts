/** What a proctor decides of an anomaly, and what was decided. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { icons, reviewIcon } from "./icons.ts";
import type { Item, ReviewState } from "./model.ts";
import { type Actions, Part, type Words } from "./part.ts";

/** As the protocol has it. */
const LONGEST_NOTE = 2000;

export class ReviewForm extends Part {
  static override properties = {
    item: { attribute: false },
    words: { attribute: false },
    actions: { attribute: false },
    note: { state: true },
  };
  declare item: Item;
  declare words: Words;
  declare actions: Actions;
  declare note: string;
  #hadFocus = false;

  constructor() {
    super();
    this.note = "";
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get("item");
    if (!before) return;
    // Another anomaly, or the decision has arrived: the note was said.
    const arrived = before.pending && !this.item.pending && !this.item.fault;
    if (before.anomaly.id !== this.item.anomaly.id || arrived) this.note = "";
    this.#hadFocus = this.contains((this.getRootNode() as ShadowRoot).activeElement);
  }

  /** The button that was pressed may be gone: the keyboard goes on at what stands in its place. */
  protected override updated(): void {
    const lost = this.#hadFocus && !this.contains((this.getRootNode() as ShadowRoot).activeElement);
    this.#hadFocus = false;
    if (lost) this.querySelector<HTMLElement>(".decisions button")?.focus();
  }

  protected override render(): TemplateResult {
    const { item, words } = this;
    const { t } = words;
    return html`<section class="review-form" aria-label=${t.decision}>
      ${this.#decided()}
      ${item.anomaly.state === "open" || item.pending ? this.#form() : this.#undo()}
      <p class="fault" role="alert">${item.fault ? t.decisionFailed(item.fault) : nothing}</p>
      <p class="sr-only" role="status">${item.pending ? t.sending : nothing}</p>
    </section>`;
  }

  #decided(): TemplateResult | typeof nothing {
    const { review } = this.item.anomaly;
    const { t } = this.words;
    if (!review) return nothing;
    const at = Date.parse(review.at);
    return html`<div class="decided ${review.decision}">
      ${reviewIcon(review.decision)}
      <p>
        <strong>${t.decidedBy(review.decision, review.by)}</strong>
        <time class="quiet" datetime=${review.at}>${t.moment(at)}</time>
        ${review.note ? html`<span class="note" dir="auto">${review.note}</span>` : nothing}
      </p>
    </div>`;
  }

  #form(): TemplateResult {
    const { t } = this.words;
    return html`<label class="note-field">
        <span>${t.note}</span>
        <textarea
          rows="2"
          maxlength=${LONGEST_NOTE}
          dir=${this.note ? "auto" : this.words.dir}
          .value=${this.note}
          placeholder=${t.notePlaceholder}
          @input=${(event: InputEvent) => {
            this.note = (event.target as HTMLTextAreaElement).value;
          }}
        ></textarea>
      </label>
      <div class="decisions">
        ${this.#button("confirmed", t.confirm, "primary")} ${this.#button("dismissed", t.dismiss, "")}
      </div>`;
  }

  #button(decision: ReviewState, label: string, kind: string): TemplateResult {
    const { pending } = this.item;
    const waiting = pending?.decision === decision;
    return html`<button
      type="button"
      class="button ${kind} ${waiting ? "waiting" : ""}"
      aria-disabled=${pending !== null}
      @click=${() => this.#decide(decision)}
    >
      ${decision === "confirmed" ? icons.check : icons.dismiss} ${waiting ? this.words.t.sending : label}
    </button>`;
  }

  #undo(): TemplateResult {
    const { t } = this.words;
    return html`<div class="decisions">
      <button type="button" class="button" @click=${() => this.#decide("open")}>${icons.undo} ${t.undo}</button>
    </div>`;
  }

  #decide(decision: ReviewState): void {
    if (this.item.pending) return;
    this.actions.decide(this.item.anomaly.id, decision, this.note.trim() || null);
  }
}
