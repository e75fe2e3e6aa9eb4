/** A candidate in the roster; unfolded, the whole exam, and what holders of `admin_id` may change. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import type { ChangeParticipant } from "../wire/messages.ts";
import { icons, stateIcon } from "./icons.ts";
import type { Row } from "./model.ts";
import { type Actions, Part, type Words } from "./part.ts";
import { axisTimes, collatedCounts, spokenStrip } from "./row-facts.ts";
import type { Axis } from "./strip.ts";
import { stripView } from "./strip-view.ts";

/** As the protocol has it. */
const MOST_VOICES = 16;

export class CandidateRow extends Part {
  static override properties = {
    row: { attribute: false },
    axis: { attribute: false },
    words: { attribute: false },
    actions: { attribute: false },
    mayChange: { attribute: false },
    stop: { attribute: false },
    unfolded: { state: true },
    busy: { state: true },
    fault: { state: true },
    sure: { state: true },
  };
  declare row: Row;
  declare axis: Axis | null;
  declare words: Words;
  declare actions: Actions;
  declare mayChange: boolean;
  /** Whether it is the one of the list that the Tab key stops at. */
  declare stop: boolean;
  declare unfolded: boolean;
  declare busy: boolean;
  declare fault: string | null;
  declare sure: boolean;

  constructor() {
    super();
    this.mayChange = false;
    this.stop = false;
    this.unfolded = false;
    this.busy = false;
    this.fault = null;
    this.sure = false;
  }

  /** The button that asked is gone, or the one that answered: the keyboard goes on at what stands in its place. */
  protected override updated(changed: PropertyValues<this>): void {
    if (!changed.has("sure") || changed.get("sure") === undefined) return;
    this.querySelector<HTMLElement>(this.sure ? ".sure .danger" : ".revoke")?.focus();
  }

  protected override render(): TemplateResult {
    const { row, words } = this;
    const { t } = words;
    return html`<button
        type="button"
        class="row-head"
        aria-expanded=${this.unfolded}
        tabindex=${this.stop ? 0 : -1}
        @click=${() => {
          this.unfolded = !this.unfolded;
        }}
      >
        <span class="row-line">
          ${stateIcon(row.state)}
          <span class="row-name" dir="auto" title=${row.name}>${row.name}</span>
          ${
            row.anomalies > 0
              ? html`<span class="count ${row.open > 0 ? "some" : ""}">
                  <span aria-hidden="true">${t.number(row.anomalies)}</span>
                  <span class="sr-only">${t.anomalies(row.anomalies)}, ${t.openOnes(row.open)}</span>
                </span>`
              : nothing
          }
          ${icons.chevron}
        </span>
        <span class="row-line second">
          <span class="row-state ${row.state}">${t.states[row.state]}</span>
          <span class="row-outcome">${row.lastOutcome ? t.outcomes[row.lastOutcome] : t.noOutcome}</span>
        </span>
        ${stripView(row.strip.spans(), this.axis, this.unfolded ? t.strip : spokenStrip(row.strip.counts(), words))}
      </button>
      ${this.unfolded ? this.#more() : nothing}`;
  }

  #more(): TemplateResult {
    const { row, words, actions } = this;
    const { t } = words;
    return html`<div class="row-more">
      ${axisTimes(this.axis, words)}
      ${row.reason ? html`<p class="quiet" dir="auto">${row.reason}</p>` : nothing}
      ${
        row.lastOutcome && row.lastReason && row.lastReason !== row.reason
          ? html`<p class="quiet">${t.because(t.outcomes[row.lastOutcome], row.lastReason)}</p>`
          : nothing
      }
      ${collatedCounts(row.strip.counts(), words)}
      ${row.externalId ? html`<p class="quiet">${t.externalId} <bdi class="mono">${row.externalId}</bdi></p>` : nothing}
      <div class="row-actions">
        <span class="expected">
          <span id="voices-${row.id}">${t.expectedVoices}</span>
          ${this.mayChange ? this.#stepper() : html`<strong>${t.number(row.expectedVoices)}</strong>`}
        </span>
        ${
          row.anomalies > 0
            ? html`<button type="button" class="button small" @click=${() => actions.filter({ participant: row.id, state: "all" })}>
                ${t.showAnomalies(row.anomalies)}
              </button>`
            : nothing
        }
        ${this.mayChange ? this.#revoke() : nothing}
      </div>
      <p class="fault" role="alert">${this.fault ?? nothing}</p>
    </div>`;
  }

  #stepper(): TemplateResult {
    const { row, words } = this;
    const { t } = words;
    const step = (by: number, label: string, sign: string, off: boolean): TemplateResult =>
      html`<button
        type="button"
        class="button step"
        aria-label=${label}
        aria-disabled=${off || this.busy}
        @click=${() => {
          if (!off) void this.#change({ expected_voices: row.expectedVoices + by });
        }}
      >
        ${sign}
      </button>`;
    return html`<span class="stepper" role="group" aria-labelledby="voices-${row.id}">
      ${step(-1, t.fewerVoices, "−", row.expectedVoices <= 1)}
      <output>${t.number(row.expectedVoices)}</output>
      ${step(1, t.moreVoices, "+", row.expectedVoices >= MOST_VOICES)}
    </span>`;
  }

  /** Two clicks: the first says what the second does. */
  #revoke(): TemplateResult {
    const { t } = this.words;
    const revoked = this.row.state === "revoked";
    if (revoked || !this.sure) {
      return html`<button
        type="button"
        class="button small revoke"
        aria-disabled=${this.busy}
        @click=${() => {
          if (revoked) void this.#change({ revoked: false });
          else this.sure = true;
        }}
      >
        ${revoked ? t.letIn : t.revoke}
      </button>`;
    }
    return html`<span class="sure" role="group" aria-label=${t.revokeSure(this.row.name)}>
      <span>${t.revokeSure(this.row.name)}</span>
      <button type="button" class="button small danger" @click=${() => void this.#change({ revoked: true })}>${t.revoke}</button>
      <button
        type="button"
        class="button small"
        @click=${() => {
          this.sure = false;
        }}
      >
        ${t.cancel}
      </button>
    </span>`;
  }

  /** What changed comes back as an event, as it does for everybody. */
  async #change(change: ChangeParticipant): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.fault = null;
    this.sure = false;
    try {
      await this.actions.change(this.row.id, change);
    } catch (error) {
      this.fault = error instanceof Error ? error.message : String(error);
    }
    this.busy = false;
  }
}
