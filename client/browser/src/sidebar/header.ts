/** The sidebar's first line: is the line up, how are the candidates, and what reaches a proctor who looks elsewhere. */

import { html, nothing, type TemplateResult } from "lit";
import type { Line } from "./desk.ts";
import { icons, stateIcon } from "./icons.ts";
import { type CandidateState, STATES } from "./model.ts";
import { type Actions, Part, type Words } from "./part.ts";
import { askToNotify, canNotify } from "./signals.ts";

export class Header extends Part {
  static override properties = {
    line: { attribute: false },
    ended: { attribute: false },
    states: { attribute: false },
    words: { attribute: false },
    actions: { attribute: false },
    sound: { attribute: false },
    notify: { attribute: false },
    unfolded: { state: true },
    refused: { state: true },
  };
  declare line: Line;
  declare ended: boolean;
  declare states: ReadonlyMap<CandidateState, number>;
  declare words: Words;
  declare actions: Actions;
  declare sound: boolean;
  declare notify: boolean;
  declare unfolded: boolean;
  /** Whether the browser does not let this page notify. */
  declare refused: boolean;

  constructor() {
    super();
    this.states = new Map();
    this.unfolded = false;
    this.refused = false;
  }

  protected override render(): TemplateResult {
    const { t } = this.words;
    return html`<div class="masthead">
      ${this.#line()}
      <ul class="states" aria-label=${t.candidates}>
        ${STATES.map((state) => {
          const count = this.states.get(state) ?? 0;
          return count === 0
            ? nothing
            : html`<li title=${t.states[state]}>
                ${stateIcon(state)}
                <span aria-hidden="true"><span class="state-name">${t.states[state]}</span> <b>${t.number(count)}</b></span>
                <span class="sr-only">${t.stateCount(t.states[state], count)}</span>
              </li>`;
        })}
      </ul>
      <div
        class="options"
        @focusout=${(event: FocusEvent) => {
          if (!(event.currentTarget as Element).contains(event.relatedTarget as Node | null)) this.unfolded = false;
        }}
        @keydown=${(event: KeyboardEvent) => {
          if (event.key !== "Escape" || !this.unfolded) return;
          event.stopPropagation();
          this.unfolded = false;
          this.querySelector<HTMLElement>(".options > button")?.focus();
        }}
      >
        <button
          type="button"
          class="button icon-only quiet-button"
          aria-expanded=${this.unfolded}
          aria-label=${t.options}
          title=${t.options}
          @click=${() => {
            this.unfolded = !this.unfolded;
          }}
        >
          ${icons.settings}
        </button>
        ${this.unfolded ? this.#options() : nothing}
      </div>
    </div>`;
  }

  #line(): TemplateResult {
    const { t } = this.words;
    const state = this.line.state === "live" && this.ended ? "ended" : this.line.state;
    return html`<p class="line-state ${state}" role="status"><span class="dot"></span>${t.lines[state]}</p>`;
  }

  /** It takes the focus of a click on its words, which would otherwise go nowhere, and so close it. */
  #options(): TemplateResult {
    const { t } = this.words;
    return html`<div class="popover" role="group" tabindex="-1" aria-label=${t.options}>
      <label class="option">
        <input
          type="checkbox"
          .checked=${this.sound}
          @change=${(event: Event) => this.actions.remember({ sound: (event.target as HTMLInputElement).checked })}
        />
        <span>${t.sound}<small>${t.soundMeans}</small></span>
      </label>
      <label class="option">
        <input type="checkbox" .checked=${this.notify} ?disabled=${!canNotify()} @change=${this.#asked} />
        <span>${t.notify}<small>${this.refused ? t.notifyRefused : t.notifyMeans}</small></span>
      </label>
      <p class="keys">${t.keys}</p>
    </div>`;
  }

  async #asked(event: Event): Promise<void> {
    const box = event.target as HTMLInputElement;
    const wanted = box.checked && (await askToNotify());
    this.refused = box.checked && !wanted;
    box.checked = wanted;
    this.actions.remember({ notify: wanted });
  }
}
