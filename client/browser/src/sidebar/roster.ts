/** Every candidate of the meeting: search, filter, order. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { withArrow } from "../style/select.ts";
import { arrangeRoster, type RosterQuery, SORTS, type Sort } from "./arrange.ts";
import { Growing } from "./growing.ts";
import { icons, stateIcon } from "./icons.ts";
import { KeptFocus } from "./kept-focus.ts";
import { rove } from "./keys.ts";
import { type CandidateState, type Row, STATES } from "./model.ts";
import { type Actions, Part, type Words } from "./part.ts";
import type { CandidateRow } from "./row.ts";
import type { Axis } from "./strip.ts";

export class Roster extends Part {
  static override properties = {
    rows: { attribute: false },
    states: { attribute: false },
    axis: { attribute: false },
    words: { attribute: false },
    actions: { attribute: false },
    mayChange: { attribute: false },
    known: { attribute: false },
    sort: { attribute: false },
    text: { state: true },
    state: { state: true },
    anomaliesOnly: { state: true },
    current: { state: true },
  };
  declare rows: readonly Row[];
  declare states: ReadonlyMap<CandidateState, number>;
  declare axis: Axis | null;
  declare words: Words;
  declare actions: Actions;
  declare mayChange: boolean;
  declare known: boolean;
  declare sort: Sort;
  declare text: string;
  declare state: RosterQuery["state"];
  declare anomaliesOnly: boolean;
  /** The row that had the focus last. */
  declare current: string | null;
  readonly #growing = new Growing(this);
  readonly #focus = new KeptFocus(this);

  constructor() {
    super();
    this.rows = [];
    this.states = new Map();
    this.axis = null;
    this.mayChange = false;
    this.known = false;
    this.sort = "name";
    this.text = "";
    this.state = "all";
    this.anomaliesOnly = false;
    this.current = null;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const asked = ["text", "state", "anomaliesOnly", "sort"] as const;
    if (asked.some((field) => changed.has(field))) this.#growing.reset();
  }

  protected override render(): TemplateResult {
    const { t, lang } = this.words;
    const { text, state, anomaliesOnly, sort } = this;
    const shown = arrangeRoster(this.rows, { text, state, anomaliesOnly, sort }, lang);
    const stop = (shown.find((row) => row.id === this.current) ?? shown[0])?.id;
    const used = this.#focus.inside<CandidateRow>("ut-row")?.row.id;
    this.#growing.reach(shown.findIndex((row) => row.id === used)); // it may move far down, not away
    return html`<div class="tools" ?hidden=${this.rows.length === 0}>
        <div class="tools-line">
          <label class="search">
            ${icons.search}
            <input
              type="search"
              .value=${this.text}
              placeholder=${t.searchHint}
              aria-label=${t.search}
              @input=${(event: InputEvent) => {
                this.text = (event.target as HTMLInputElement).value;
              }}
            />
          </label>
          <button
            type="button"
            class="toggle"
            aria-pressed=${anomaliesOnly}
            @click=${() => {
              this.anomaliesOnly = !anomaliesOnly;
            }}
          >
            ${t.withAnomalies}
          </button>
        </div>
        <div class="tools-line">
          ${this.#states()}
          <label class="field">
            <span class="sr-only">${t.sortBy}</span>
            ${withArrow(html`<select
              .value=${sort}
              @change=${(event: Event) => this.actions.remember({ sort: (event.target as HTMLSelectElement).value as Sort })}
            >
              ${SORTS.map((each) => html`<option value=${each} ?selected=${each === sort}>${t.sorts[each]}</option>`)}
            </select>`)}
          </label>
        </div>
      </div>
      <p class="sr-only" role="status">${text || state !== "all" || anomaliesOnly ? t.found(shown.length) : nothing}</p>
      <div class="scroller" tabindex="-1">
        <span class="edge start"></span>
        ${shown.length === 0 ? this.#none() : nothing}
        <ul
          class="rows"
          aria-label=${t.candidates}
          @keydown=${(event: KeyboardEvent) => rove(event, "row-head")}
          @focusin=${this.#focused}
        >
          ${repeat(
            this.#growing.of(shown),
            (row) => row.id,
            (row, place) => html`<li aria-setsize=${shown.length} aria-posinset=${place + 1}>
              <ut-row
                .row=${row}
                .axis=${this.axis}
                .words=${this.words}
                .actions=${this.actions}
                .mayChange=${this.mayChange}
                .stop=${row.id === stop}
              ></ut-row>
            </li>`,
          )}
        </ul>
        <span class="edge end"></span>
      </div>`;
  }

  #focused(event: FocusEvent): void {
    this.current = (event.target as Element).closest<CandidateRow>("ut-row")?.row.id ?? this.current;
  }

  #states(): TemplateResult {
    const { t } = this.words;
    return html`<label class="field">
      <span class="sr-only">${t.filterByState}</span>
      ${withArrow(html`<select
        @change=${(event: Event) => {
          this.state = (event.target as HTMLSelectElement).value as RosterQuery["state"];
        }}
      >
        <option value="all" ?selected=${this.state === "all"}>${t.allStates(this.rows.length)}</option>
        ${STATES.map((state) => {
          const count = this.states.get(state) ?? 0;
          return html`<option value=${state} ?selected=${this.state === state} ?hidden=${count === 0 && this.state !== state}>
            ${t.stateCount(t.states[state], count)}
          </option>`;
        })}
      </select>`)}
    </label>`;
  }

  #none(): TemplateResult {
    const { t } = this.words;
    if (this.rows.length > 0) {
      return html`<div class="nothing">
        <p>${t.noneFound}</p>
        <button
          type="button"
          class="button small"
          @click=${() => {
            this.text = "";
            this.state = "all";
            this.anomaliesOnly = false;
          }}
        >
          ${t.clearFilters}
        </button>
      </div>`;
    }
    return html`<div class="nothing">
      ${this.known ? html`${stateIcon("joined")}<p><strong>${t.nobody}</strong></p><p>${t.nobodyYet}</p>` : html`<p>${t.loading}</p>`}
    </div>`;
  }
}
