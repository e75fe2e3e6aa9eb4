/** One clip: heard, and seen as who spoke when. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import type { Evidence } from "../wire/messages.ts";
import type { Clip } from "./clips.ts";
import { icons } from "./icons.ts";
import { lanes, timeAxis, turnList, waveform } from "./lanes.ts";
import { type Actions, Part, type Words } from "./part.ts";
import { RATES } from "./preferences.ts";
import {
  firstOther,
  type Kind,
  nextTurn,
  previousTurn,
  speaking,
  type Turn,
  turnsOf,
  type Voice,
  voicesOf,
} from "./turns.ts";

/** A link plays for five minutes: one that fails sooner won't play at all. */
const FRESH_MS = 60_000;

export class Player extends Part {
  static override properties = {
    evidence: { attribute: false },
    kind: { attribute: false },
    words: { attribute: false },
    actions: { attribute: false },
    rate: { attribute: false },
    clip: { state: true },
    playing: { state: true },
    lit: { state: true },
    fault: { state: true },
  };
  declare evidence: Evidence;
  declare kind: Kind;
  declare words: Words;
  declare actions: Actions;
  declare rate: number;
  declare clip: Clip | null;
  declare playing: boolean;
  declare lit: readonly number[];
  declare fault: string | null;

  readonly #audio = new Audio();
  #voices: Voice[] = [];
  #turns: Turn[] = [];
  /** Where playing begins, in ms of the window; what is played decides once it has begun. */
  #atMs = 0;
  #touched = false;
  #linkedAt = Number.NEGATIVE_INFINITY;
  #loading: Promise<void> = Promise.resolve();
  #frame = 0;

  constructor() {
    super();
    this.clip = null;
    this.playing = false;
    this.lit = [];
    this.fault = null;
    this.rate = 1;
    this.#audio.preload = "auto";
    this.#audio.preservesPitch = true;
    this.#audio.addEventListener("play", () => this.#follow());
    this.#audio.addEventListener("pause", () => {
      this.playing = false;
    });
    this.#audio.addEventListener("seeked", () => this.#show());
    this.#audio.addEventListener("error", () => void this.#failed());
  }

  /** What plays, for tests and for pages that want to measure it. */
  get audio(): HTMLAudioElement {
    return this.#audio;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#audio.pause();
    cancelAnimationFrame(this.#frame);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("evidence") && changed.get("evidence")?.clip !== this.evidence.clip) this.#loading = this.#load();
    if (changed.has("rate")) this.#audio.playbackRate = this.#audio.defaultPlaybackRate = this.rate;
  }

  protected override updated(): void {
    this.#show();
  }

  /** Plays, from the second voice's first word if nobody chose a place yet; or stops. */
  toggle(): void {
    if (!this.#audio.paused) this.#audio.pause();
    else void this.#play();
  }

  /** To the next turn, or the one before. */
  jump(by: 1 | -1): void {
    const turn = by > 0 ? nextTurn(this.#turns, this.#positionMs) : previousTurn(this.#turns, this.#positionMs);
    if (turn) this.#seek(turn.startMs);
  }

  async #load(): Promise<void> {
    const { evidence } = this;
    this.#audio.pause();
    this.#voices = voicesOf(evidence, this.kind);
    this.#turns = turnsOf(this.#voices);
    this.#atMs = firstOther(this.#voices);
    this.#touched = false;
    this.#linkedAt = Number.NEGATIVE_INFINITY;
    this.clip = this.fault = null;
    this.lit = [];
    try {
      const clip = await this.actions.clip(evidence);
      if (evidence.clip !== this.evidence.clip) return;
      this.#audio.src = clip.url;
      this.#audio.playbackRate = this.rate;
      this.clip = clip;
    } catch (error) {
      if (evidence.clip === this.evidence.clip) this.fault = error instanceof Error ? error.message : String(error);
    }
  }

  /** What was fetched may not be played here (a policy without `blob:`), or a link has run out: ask for a new one. */
  async #failed(): Promise<void> {
    const at = this.#positionMs;
    const fresh = performance.now() - this.#linkedAt < FRESH_MS;
    if (fresh || !this.clip) {
      this.fault = this.words.t.cannotPlay;
      this.playing = false;
      return;
    }
    this.#linkedAt = performance.now();
    try {
      this.#audio.src = await this.actions.link(this.evidence.clip);
      if (this.#touched) this.#seek(at);
      if (this.playing) await this.#play(); // asked for by now, if not before
    } catch (error) {
      this.fault = error instanceof Error ? error.message : String(error);
    }
  }

  async #play(): Promise<void> {
    await this.#loading;
    if (this.fault && !this.clip) await this.#load();
    if (!this.clip) return;
    if (!this.#touched || this.#audio.ended) this.#seek(firstOther(this.#voices));
    this.#audio.playbackRate = this.rate;
    this.playing = true;
    try {
      await this.#audio.play();
      this.fault = null;
    } catch (error) {
      // Paused again before it began is no fault, nor a browser that waits for a click; what cannot be played says so by
      // its own event, and plays on if there is a way.
      const name = error instanceof DOMException ? error.name : "";
      if (name !== "NotSupportedError") this.playing = !this.#audio.paused;
      if (!["AbortError", "NotAllowedError", "NotSupportedError"].includes(name)) throw error;
    }
  }

  get #positionMs(): number {
    return this.#touched ? this.#audio.currentTime * 1000 - this.evidence.lead_in_ms : this.#atMs;
  }

  #seek(ms: number): void {
    this.#touched = true;
    this.#atMs = Math.min(Math.max(0, ms), this.evidence.duration_ms - 50);
    this.#audio.currentTime = (this.#atMs + this.evidence.lead_in_ms) / 1000;
    this.#show();
  }

  #follow(): void {
    this.playing = true;
    cancelAnimationFrame(this.#frame);
    const step = (): void => {
      this.#show();
      if (!this.#audio.paused) this.#frame = requestAnimationFrame(step);
    };
    step();
  }

  /** The place, at each frame: past the template, which has nothing else to say 60 times a second. */
  #show(): void {
    const at = this.#positionMs;
    const slider = this.querySelector(".picture");
    const line = this.querySelector(".playhead line");
    if (!slider || !line) return;
    const share = `${(Math.min(1, Math.max(0, at / this.evidence.duration_ms)) * 100).toFixed(3)}%`;
    line.setAttribute("x1", share);
    line.setAttribute("x2", share);
    const lit = speaking(this.#turns, at);
    const { t } = this.words;
    const time = this.querySelector(".player-time")!;
    if (time.textContent !== t.position(at)) time.textContent = t.position(at);
    // While it plays it is heard: a screen reader need not say each second.
    if (this.#audio.paused) {
      const labels = lit.map((voice) => this.#voices[voice]!.label);
      slider.setAttribute("aria-valuenow", String(Math.floor(at / 1000)));
      slider.setAttribute("aria-valuetext", t.placeOf(at, labels));
    }
    if (lit.join() !== this.lit.join()) this.lit = lit;
  }

  #key(event: KeyboardEvent): void {
    const { duration_ms } = this.evidence;
    const to: Record<string, number> = {
      PageUp: this.#positionMs + 5000,
      PageDown: this.#positionMs - 5000,
      Home: 0,
      End: duration_ms,
    };
    const place = to[event.key];
    if (place === undefined) return;
    event.preventDefault();
    this.#seek(place);
  }

  #point(event: MouseEvent): void {
    const box = this.querySelector(".playhead")!.getBoundingClientRect();
    this.#seek(((event.clientX - box.left) / box.width) * this.evidence.duration_ms);
    if (this.#audio.paused) void this.#play();
  }

  protected override render(): TemplateResult {
    const { evidence, words, clip } = this;
    const { t } = words;
    return html`<div class="player" role="group" aria-label=${t.player}>
      <div
        class="picture"
        dir="ltr"
        role="slider"
        tabindex="0"
        aria-label=${t.place}
        aria-valuemin="0"
        aria-valuemax=${Math.round(evidence.duration_ms / 1000)}
        @keydown=${this.#key}
        @click=${this.#point}
      >
        ${
          clip?.peaks
            ? waveform(clip.peaks, this.#voices, evidence.duration_ms)
            : html`<div class="waveform none">${clip || this.fault ? nothing : t.loadingClip}</div>`
        }
        ${lanes(this.#voices, evidence.duration_ms, this.lit, words)} ${timeAxis(evidence.duration_ms, words)}
        <svg class="playhead" aria-hidden="true"><line y1="0" y2="100%" /></svg>
      </div>
      <div class="controls" dir="ltr">
        <button type="button" class="button icon-only" aria-label=${t.previousTurn} title=${t.previousTurn} @click=${() => this.jump(-1)}>
          ${icons.previous}
        </button>
        <button
          type="button"
          class="button icon-only primary play"
          aria-label=${this.playing ? t.pause : t.play}
          title=${this.playing ? t.pause : t.play}
          @click=${this.toggle}
        >
          ${this.playing ? icons.pause : icons.play}
        </button>
        <button type="button" class="button icon-only" aria-label=${t.nextTurn} title=${t.nextTurn} @click=${() => this.jump(1)}>
          ${icons.next}
        </button>
        <span class="player-times">
          <bdi class="player-time"></bdi><span class="quiet"> / <bdi>${t.position(evidence.duration_ms)}</bdi></span>
        </span>
        <fieldset class="rates">
          <legend class="sr-only">${t.speed}</legend>
          ${RATES.map(
            (rate) => html`<label class="rate">
              <input
                type="radio"
                class="sr-only"
                name="rate"
                .checked=${rate === this.rate}
                @change=${() => this.actions.remember({ rate })}
              /><span>${t.times(rate)}</span>
            </label>`,
          )}
        </fieldset>
      </div>
      ${this.fault ? html`<p class="fault" role="alert">${this.fault}</p>` : nothing}
      ${turnList(this.#turns, this.#voices, words, ({ startMs }) => {
        this.#seek(startMs);
        void this.#play();
      })}
    </div>`;
  }
}
