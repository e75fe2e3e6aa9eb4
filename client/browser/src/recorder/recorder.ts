/** Starts the worker that streams, and tells what becomes of it. The page's side: everything that matters is over there. */

import type { Bitrate } from "./encoder.ts";
import type { Microphone } from "./microphone.ts";
import type { FromWorker, Load, Start, Status, ToWorker } from "./protocol.ts";

export interface RecorderOptions {
  server: string;
  token: string;
  kbps: Bitrate;
  /** Gives a fresh token. What it throws with a `final` of true ends the recording. */
  renew: () => Promise<string>;
  onStatus: (status: Status) => void;
  onFinished: (finished: { bytes: number; windows: number }) => void;
  /** For good: by the server (`close` is its code), or (`close` 0) as the browser can't ("unsupported", "unloadable"). */
  onOver: (over: { close: number; code: string; detail: string }) => void;
}

export class Recorder {
  #worker: Worker;
  #release: () => void;
  #options: RecorderOptions;

  constructor(microphone: Microphone, options: RecorderOptions) {
    this.#options = options;
    [this.#worker, this.#release] = startWorker();
    this.#worker.onmessage = (event: MessageEvent<FromWorker>) => this.#take(event.data);
    this.#worker.onerror = (event) => {
      // Of a script that could not be fetched there is nothing to say.
      const code = event.message ? "unsupported" : "unloadable";
      this.#ended({ close: 0, code, detail: event.message || "the recorder's worker can't be started" });
    };
    const { server, token, kbps } = options;
    let started = false;
    microphone.sendTo((samples) => {
      const { sampleRate } = microphone;
      const start: Start = { type: "start", samples, sampleRate, kbps, server, token };
      this.#worker.postMessage(started ? { type: "samples", samples, sampleRate } : start, [samples]);
      started = true;
    });
    addEventListener("online", this.#network);
    addEventListener("offline", this.#network);
  }

  /** The exam is over: what is not yet stored is sent, then `onFinished` is told. */
  finish(): void {
    this.#send({ type: "finish" });
  }

  /** Ends without finishing. */
  stop(): void {
    removeEventListener("online", this.#network);
    removeEventListener("offline", this.#network);
    this.#worker.onmessage = null;
    this.#send({ type: "stop" });
    this.#release();
  }

  /** Firefox and Safari tell a worker nothing of the network. */
  readonly #network = (): void => this.#send({ type: "network", online: navigator.onLine });

  #take(message: FromWorker): void {
    switch (message.type) {
      case "status":
        this.#options.onStatus(message);
        break;
      case "renew":
        void this.#renew();
        break;
      case "finished":
        this.#options.onFinished(message);
        this.stop();
        break;
      case "over":
        this.#ended(message);
        break;
      case "broken":
        this.#ended({ close: 0, code: message.code, detail: message.detail });
    }
  }

  #ended(over: { close: number; code: string; detail: string }): void {
    this.#options.onOver(over);
    this.stop();
  }

  async #renew(): Promise<void> {
    try {
      this.#send({ type: "token", token: await this.#options.renew() });
    } catch (error) {
      const { final, code, detail } = Object(error) as { final?: boolean; code?: string; detail?: string };
      this.#send({ type: "no_token", final: final === true, code, detail: String(detail ?? error) });
    }
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}

/** Where the worklet is, for `Microphone`. */
export function workletUrl(): string {
  return new URL(WORKLET_FILE, import.meta.url).href;
}

let loading = false;

/**
 * Loads now what recording needs later. A server that is replaced by a newer one in between has these files no more; the
 * browser's cache has, for their names carry a hash. Each is loaded as it will be, so that a page's policy need not allow
 * more. Once; where something is not to be had, whoever needs it will say so.
 */
export function loadAhead(): void {
  if (loading || !isSecureContext) return; // there is no microphone either
  loading = true;
  try {
    const [worker, release] = startWorker();
    worker.onmessage = worker.onerror = () => {
      worker.terminate();
      release();
    };
    const load: Load = { type: "load" };
    worker.postMessage(load);
    // One that makes no sound needs no click before it loads.
    new OfflineAudioContext(1, 1, 48000).audioWorklet.addModule(workletUrl()).catch(() => {});
  } catch {
    // An old browser, or a policy that forbids workers.
  }
}

/** A worker, and what is to be done when it is let go. */
function startWorker(): [Worker, () => void] {
  const url = new URL(WORKER_FILE, import.meta.url);
  if (url.origin === location.origin) return [new Worker(url, { type: "module" }), () => {}];
  // No browser starts a worker of another origin, but a worker may import from there.
  const blob = URL.createObjectURL(new Blob([`import ${JSON.stringify(url.href)};`], { type: "text/javascript" }));
  return [new Worker(blob, { type: "module" }), () => URL.revokeObjectURL(blob)];
}
