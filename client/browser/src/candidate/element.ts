/** `<undertone-candidate>`: consent, check, exam, finished. */

import { html, LitElement, type PropertyValues, type TemplateResult } from "lit";
import { type CandidateStrings, candidate } from "../locale/candidate.ts";
import { languagesOf, wordsFor } from "../locale/index.ts";
import { DEFAULT_BITRATE } from "../recorder/encoder.ts";
import { Microphone } from "../recorder/microphone.ts";
import { loadAhead, workletUrl } from "../recorder/recorder.ts";
import { ApiError } from "../shell/api.ts";
import { tokens } from "../style/tokens.ts";
import type { RoomData } from "../wire/messages.ts";
import { MicrophoneCheck } from "./check.ts";
import { Credentials } from "./credentials.ts";
import { Exam } from "./exam.ts";
import { exam, line } from "./examview.ts";
import { ATTRIBUTES, bitrateOf, processingOf } from "./settings.ts";
import { type CandidateState, type Phase, reasonOf, stateOf } from "./state.ts";
import { styles } from "./styles.ts";
import { examKey, forget, remember, underWay } from "./tab.ts";
import { checking, consent, elsewhere, failed, finished, finishing } from "./views.ts";

const TAKEN_OVER = 4506;
/** After these another try joins anew. */
const FORGETS = ["unauthorized", "not_found"];
/** What the server keeps by default (docs/operations.md); `retention-days` says what this one keeps. */
const RETENTION_DAYS = 30;

/**
 * Attributes: `server` (default: where the page is from), `meeting`, `name`, and `join-secret` or `token`; `lang`,
 * `theme`; `no-check`; `bitrate` (kbit/s); `retention-days`; `echo-cancellation`, `noise-suppression`, `auto-gain`
 * (`on` or `off`). Properties: the same in camelCase, and `renew`, which gives the next token.
 * Slot `consent` replaces the consent text. Events, composed: `undertone-state` {state}, `undertone-finished`
 * {bytes, windows}, `undertone-error` {code, detail}; for a video room `undertone-token` {token, room?} and
 * `undertone-track` {track}, which is the property `track` too.
 */
export class UndertoneCandidate extends LitElement {
  static override properties = ATTRIBUTES;
  static override styles = [tokens, styles];

  declare server: string;
  declare meeting: string;
  declare name: string;
  declare token: string;
  declare joinSecret: string;
  declare theme: string | undefined;
  declare bitrate: number;
  declare retentionDays: number;
  declare noCheck: boolean;
  declare echoCancellation: string | undefined;
  declare noiseSuppression: string | undefined;
  declare autoGain: string | undefined;
  renew: (() => Promise<string>) | undefined;

  #phase: Phase = "consent";
  #told: CandidateState | undefined;
  #failure = { code: "", detail: "" };
  #microphone: Microphone | undefined;
  #device: string | undefined; // the microphone that was chosen and checked
  #check: MicrophoneCheck | undefined;
  #exam: Exam | undefined;
  #devices: readonly MediaDeviceInfo[] = [];
  #sure = false;
  #track: MediaStreamTrack | null = null;

  constructor() {
    super();
    this.server = location.origin;
    this.meeting = this.name = this.token = this.joinSecret = "";
    this.bitrate = DEFAULT_BITRATE;
    this.retentionDays = RETENTION_DAYS;
    this.noCheck = false;
  }

  /** The state as `undertone-state` last told it. */
  get state(): CandidateState {
    return stateOf({
      phase: this.#phase,
      trouble: this.#microphone?.trouble ?? null,
      status: this.#exam?.status ?? null,
      awayMs: this.#exam?.awayMs ?? 0,
    });
  }

  /** The microphone as it is open now; null while it is not. Not to be stopped or muted: Undertone hears by it. */
  get track(): MediaStreamTrack | null {
    return this.#track;
  }

  /** The consent was given (elsewhere, if by the page): opens the microphone, then the check or the exam. */
  async start(): Promise<void> {
    if (this.#phase === "consent") await this.#enter(this.noCheck);
  }

  /** The exam is over: sends the rest. Where nothing was recorded yet, it is as if it had not begun. */
  finish(): void {
    if (this.#phase !== "exam") return;
    if (!this.#exam?.begun) {
      this.#letGo();
      this.#go("consent");
      return;
    }
    this.#exam.finish();
    this.#microphone?.close();
    this.#go("finishing");
  }

  /** A reload in the midst of an exam asks nothing again; nor does a page that moves the element. */
  override connectedCallback(): void {
    super.connectedCallback();
    void this.updateComplete.then(() => {
      if (!this.isConnected || this.#phase !== "consent") return;
      const device = underWay(examKey(this));
      if (device === null) return loadAhead();
      this.#device = device || undefined;
      void this.#enter(true);
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    // Whoever moves the element takes it out and puts it back at once: what is not yet sent must outlive that.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#letGo();
      this.#phase = "consent";
    });
  }

  protected override render(): TemplateResult {
    const { t, lang, dir } = wordsFor(candidate, languagesOf(this));
    return html`<div lang=${lang} dir=${dir}>
      ${this.#view(t)}
      <p class="sr-only" role="status">${this.#said(t)}</p>
    </div>`;
  }

  protected override updated(_changed: PropertyValues): void {
    const track = this.#microphone?.track ?? null;
    if (track !== this.#track) {
      this.#track = track;
      this.#dispatch("undertone-track", { track });
    }
    const { state } = this;
    if (state === this.#told) return;
    this.#told = state;
    this.#dispatch("undertone-state", { state });
  }

  // --- what is shown

  /** What is said aloud when it changes. */
  #said(t: CandidateStrings): string {
    if (this.#phase === "exam") return line(t, this.#facts);
    const result = this.#check?.result;
    return result ? t.check.verdict[result.verdict].title : "";
  }

  #view(t: CandidateStrings): TemplateResult {
    switch (this.#phase) {
      case "consent":
        return consent(t.consent, this.retentionDays, () => void this.start());
      case "check":
        return checking(t, {
          check: this.#check,
          trouble: this.#microphone?.trouble ?? null,
          devices: this.#devices,
          device: this.#microphone?.device,
          choose: (device) => void this.#choose(device),
          wake: () => void this.#microphone?.wake(),
          start: () => void this.#begin(this.#microphone!),
        });
      case "exam":
        return exam(t, {
          ...this.#facts,
          since: this.#exam?.since ?? null,
          sure: this.#sure,
          ask: (sure) => this.#ask(sure),
          wake: () => void this.#microphone?.wake(),
          finish: () => this.finish(),
        });
      case "finishing":
        return finishing(t.finishing, this.#exam?.status?.unstoredMs ?? 0, this.#exam?.status?.connected ?? false);
      case "finished":
        return finished(t.finished);
      case "elsewhere":
        return elsewhere(t.elsewhere, () => void this.#enter(true));
      case "failed":
        return failed(t.failed, reasonOf(this.#failure.code), this.#failure.detail, () => void this.#enter(true));
    }
  }

  get #facts() {
    return { state: this.state, status: this.#exam?.status ?? null, trouble: this.#microphone?.trouble ?? null };
  }

  #ask(sure: boolean): void {
    this.#sure = sure;
    this.requestUpdate();
  }

  /** The next view takes the focus if this one had it. */
  #go(phase: Phase): void {
    const hadFocus = this.shadowRoot?.activeElement != null;
    this.#phase = phase;
    this.#sure = false;
    if (phase === "exam") remember(examKey(this), this.#device ?? "");
    else forget(examKey(this));
    this.requestUpdate();
    if (hadFocus) {
      void this.updateComplete.then(() => this.shadowRoot?.querySelector<HTMLElement>("[data-focus]")?.focus());
    }
  }

  // --- what is done

  /** Opens the microphone, then comes the check, or `straight` the exam: also here instead of in the other tab. */
  async #enter(straight: boolean): Promise<void> {
    this.#microphone?.close();
    const microphone = new Microphone(workletUrl(), processingOf(this), () => void this.#microphoneChanged());
    this.#microphone = microphone;
    await microphone.open(this.#device);
    if (this.#microphone !== microphone) return; // let go, or begun anew, meanwhile
    if (straight && microphone.ready) return this.#begin(microphone);
    this.#go("check");
    return this.#microphoneChanged();
  }

  async #microphoneChanged(): Promise<void> {
    const microphone = this.#microphone;
    if (!microphone) return;
    if (microphone.ready && this.#phase === "check") {
      this.#check ??= new MicrophoneCheck(microphone, () => this.requestUpdate());
    }
    this.requestUpdate();
    this.#devices = await microphone.devices();
    this.requestUpdate();
  }

  async #choose(device: string): Promise<void> {
    this.#check?.reset();
    this.#device = device;
    await this.#microphone?.choose(device);
  }

  async #begin(microphone: Microphone): Promise<void> {
    this.#check?.stop();
    this.#check = undefined;
    this.#device ??= microphone.device;
    this.#go("exam");
    const { server, meeting, name, token, joinSecret, renew } = this;
    const onToken = (fresh: string, room?: RoomData) => this.#dispatch("undertone-token", { token: fresh, room });
    const credentials = new Credentials({ server, meeting, name, token, joinSecret, renew, onToken });
    const running = new Exam(microphone, {
      server,
      kbps: bitrateOf(this.bitrate),
      credentials,
      onChange: () => this.requestUpdate(),
      onFinished: (detail) => {
        if (this.#exam !== running) return;
        this.#go("finished");
        this.#dispatch("undertone-finished", detail);
      },
      onOver: (over) => {
        if (this.#exam !== running) return;
        if (FORGETS.includes(over.code)) credentials.forget();
        this.#over(over);
      },
    });
    this.#exam = running;
    try {
      await running.start();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (this.#exam !== running) return;
      this.#over({ close: 0, code: error.code, detail: error.detail });
    }
  }

  #over({ close, code, detail }: { close: number; code: string; detail: string }): void {
    this.#letGo();
    this.#failure = { code, detail };
    this.#go(close === TAKEN_OVER ? "elsewhere" : "failed");
    if (this.#phase === "failed") this.#dispatch("undertone-error", { code, detail });
  }

  #letGo(): void {
    this.#check?.stop();
    this.#check = undefined;
    this.#exam?.stop();
    this.#exam = undefined;
    this.#microphone?.close();
    this.#microphone = undefined;
    this.requestUpdate();
  }

  #dispatch(type: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}
