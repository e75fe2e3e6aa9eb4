/** The exam: a recorder, a screen that stays on, and a warning before the page is left. */

import type { Bitrate } from "../recorder/encoder.ts";
import type { Microphone } from "../recorder/microphone.ts";
import type { Status } from "../recorder/protocol.ts";
import { Recorder } from "../recorder/recorder.ts";
import type { Credentials } from "./credentials.ts";

export interface ExamOptions {
  server: string;
  kbps: Bitrate;
  credentials: Credentials;
  onChange: () => void;
  onFinished: (finished: { bytes: number; windows: number }) => void;
  /** `close` is 0 where no server said it. */
  onOver: (over: { close: number; code: string; detail: string }) => void;
}

export class Exam {
  status: Status | null = null;
  since: Date | null = null;
  #microphone: Microphone;
  #options: ExamOptions;
  #recorder: Recorder | undefined;
  #awake: WakeLockSentinel | undefined;
  #awaySince: number | undefined;
  #stopped = false;

  constructor(microphone: Microphone, options: ExamOptions) {
    this.#microphone = microphone;
    this.#options = options;
  }

  /** For how long there has been no connection, in ms. */
  get awayMs(): number {
    return this.#awaySince === undefined ? 0 : performance.now() - this.#awaySince;
  }

  /** Whether there is something to finish: it has joined, and records. */
  get begun(): boolean {
    return this.#recorder !== undefined;
  }

  /** Rejects with ApiError where no token is to be had. */
  async start(): Promise<void> {
    const { server, kbps, credentials, onFinished, onOver } = this.#options;
    const token = await credentials.first();
    if (this.#stopped) return;
    this.since = new Date();
    this.#awaySince = performance.now();
    this.#recorder = new Recorder(this.#microphone, {
      server,
      token,
      kbps,
      renew: () => credentials.renew(),
      onStatus: (status) => this.#moved(status),
      onFinished: (finished) => {
        this.stop();
        onFinished(finished);
      },
      onOver: (over) => {
        this.stop();
        onOver(over);
      },
    });
    addEventListener("beforeunload", this.#warn);
    document.addEventListener("visibilitychange", this.#keepAwake);
    this.#keepAwake();
  }

  finish(): void {
    this.#recorder?.finish();
  }

  /** Without finishing; the microphone stays open. */
  stop(): void {
    this.#stopped = true;
    removeEventListener("beforeunload", this.#warn);
    document.removeEventListener("visibilitychange", this.#keepAwake);
    void this.#awake?.release();
    this.#awake = undefined;
    this.#recorder?.stop();
  }

  #moved(status: Status): void {
    if (status.connected) this.#awaySince = undefined;
    else this.#awaySince ??= performance.now();
    this.status = status;
    this.#options.onChange();
  }

  /** Whoever leaves now loses what is not yet stored. The browser asks in its own words. */
  readonly #warn = (event: BeforeUnloadEvent): void => event.preventDefault();

  /** A computer that nobody touches would fall asleep. The lock ends whenever the tab is hidden. */
  readonly #keepAwake = async (): Promise<void> => {
    if (document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
    try {
      const lock = await navigator.wakeLock.request("screen");
      if (this.#stopped) void lock.release();
      else this.#awake = lock;
    } catch {
      // An empty battery or the page's policy: then it may sleep, and the gap will be told.
    }
  };
}
