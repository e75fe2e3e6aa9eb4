/** Encodes, and owns the socket: a worker's work goes on in a hidden tab. All that drives it is samples and messages. */

import mp3wasm from "wasm-media-encoders/wasm/mp3";
import { CandidateStream } from "../shell/candidate.ts";
import type { LinkState } from "../shell/link.ts";
import { Mp3Encoder, outputRate } from "./encoder.ts";
import type { FromWorker, Load, Start, ToWorker } from "./protocol.ts";
import { Recording } from "./recording.ts";

/** Blocks come every 43 ms: a meter that moves 6 times a second is smooth enough with a transition. */
const STATUS_EVERY_BLOCKS = 4;
/** For the encoder, which is 70 kB. */
const LOADING_MS = 30_000;

function tell(message: FromWorker): void {
  postMessage(message);
}

/** A renewal that the page was asked for. */
interface Asked {
  resolve(token: string): void;
  reject(error: unknown): void;
}

class Work {
  #samples: MessagePort;
  #stream: CandidateStream;
  #recording: Recording;
  #connected = false;
  #asked: Asked[] = [];
  #blocks = 0;

  constructor({ samples, sampleRate, kbps, server, token }: Start, encoder: Mp3Encoder) {
    this.#samples = this.#listen(samples);
    const format = { codec: "mp3", sample_rate: outputRate(sampleRate), bitrate: kbps * 1000 };
    this.#stream = new CandidateStream({
      server,
      token,
      format,
      renew: () => this.#renew(),
      onConnection: (state) => this.#moved(state),
      onMessage: () => this.#status(),
    });
    this.#recording = new Recording(this.#stream, encoder, sampleRate);
    this.#stream.start();
  }

  #listen(samples: MessagePort): MessagePort {
    samples.onmessage = (event: MessageEvent<Float32Array>) => this.#block(event.data);
    return samples;
  }

  take(message: Exclude<ToWorker, Start | Load>): void {
    switch (message.type) {
      case "samples":
        this.#samples.close();
        this.#samples = this.#listen(message.samples);
        if (!this.#stream.session.ending) this.#recording.turnTo(message.sampleRate);
        break;
      case "token":
        for (const asked of this.#asked.splice(0)) asked.resolve(message.token);
        break;
      case "no_token": {
        const { final, code, detail } = message;
        const error = Object.assign(new Error(detail), { final, code, detail });
        for (const asked of this.#asked.splice(0)) asked.reject(error);
        break;
      }
      case "network":
        this.#stream.network(message.online);
        break;
      case "finish":
        this.#finish();
        break;
      case "stop":
        this.#samples.close();
        this.#stream.stop();
        close();
    }
  }

  #block(samples: Float32Array): void {
    if (this.#stream.session.ending) return;
    this.#recording.heard(samples, performance.now(), Date.now());
    this.#blocks += 1;
    if (this.#blocks % STATUS_EVERY_BLOCKS === 0) this.#status();
  }

  #finish(): void {
    if (this.#stream.session.ending) return;
    this.#recording.finish(performance.now(), Date.now());
    this.#samples.close();
    this.#status();
  }

  #renew(): Promise<string> {
    tell({ type: "renew" });
    return new Promise((resolve, reject) => this.#asked.push({ resolve, reject }));
  }

  #moved(state: LinkState): void {
    this.#connected = state.connected;
    this.#status();
    if (!state.over) return;
    this.#samples.close();
    const { finished, fault } = this.#stream.session;
    if (finished) tell({ type: "finished", bytes: finished.offset, windows: finished.windows });
    else if (fault) tell({ type: "over", ...fault });
  }

  #status(): void {
    const { stream, outbox, unstoredMs, lostMs } = this.#stream.session;
    tell({
      type: "status",
      level: this.#recording.loudest(),
      silent: this.#recording.silent,
      connected: this.#connected,
      stream,
      unstoredMs,
      lostMs,
      recordedMs: outbox.mediaMs,
    });
  }
}

async function loadEncoder(): Promise<Uint8Array> {
  const url = new URL(mp3wasm, import.meta.url);
  const response = await fetch(url, { signal: AbortSignal.timeout(LOADING_MS) });
  if (!response.ok) throw new Error(`${response.status} for ${url.pathname}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function begin(start: Start): Promise<Work | undefined> {
  let code: "unsupported" | "unloadable" = "unloadable";
  try {
    const wasm = await loadEncoder();
    code = "unsupported";
    return new Work(start, await Mp3Encoder.create(wasm, start.sampleRate, start.kbps));
  } catch (error) {
    tell({ type: "broken", code, detail: String(error) });
    return undefined;
  }
}

async function loadAhead(): Promise<void> {
  await loadEncoder().catch(() => {}); // tried again when it is needed
  tell({ type: "loaded" });
}

let work: Promise<Work | undefined> | undefined;

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "load") void loadAhead();
  else if (data.type === "start") work = begin(data);
  else void work?.then((running) => running?.take(data));
});
