/** Samples to MP3 frames: LAME, built to WebAssembly. Mono, constant bit rate, and no Xing frame in front. */

import { createEncoder, type WasmMediaEncoder } from "wasm-media-encoders/esnext";

/** What LAME offers in MPEG-1, which is all that streams at 32 kHz and above are. */
export const BITRATES = [32, 40, 48, 64, 80, 96, 112, 128] as const;
export type Bitrate = (typeof BITRATES)[number];
/** 64 kbit/s mono is transparent for speech; the server's engine was measured on it (docs/analysis.md). */
export const DEFAULT_BITRATE: Bitrate = 64;

const DIRECT_RATES = [44100, 48000] as const;

export type OutputRate = (typeof DIRECT_RATES)[number];

/** The rate of the MP3: the input's own where it is 44.1 or 48 kHz; LAME brings any other to 48 kHz. */
export function outputRate(sampleRate: number): OutputRate {
  return DIRECT_RATES.find((rate) => rate === sampleRate) ?? 48000;
}

/** One run of sound without a gap after another, each a stream of frames that needs nothing of what was before. */
export class Mp3Encoder {
  #encoder: WasmMediaEncoder<"audio/mpeg">;
  #sampleRate: number;
  readonly #outputRate: OutputRate;
  #kbps: Bitrate;
  #heardMs = 0; // what went in and what came out since the last `finish`
  #bytes = 0;

  private constructor(encoder: WasmMediaEncoder<"audio/mpeg">, sampleRate: number, kbps: Bitrate) {
    this.#encoder = encoder;
    this.#sampleRate = sampleRate;
    this.#outputRate = outputRate(sampleRate);
    this.#kbps = kbps;
    this.#begin();
  }

  /** `wasm` is the package's `mp3.wasm`. Rejects where WebAssembly is forbidden (a page's policy) or broken. */
  static async create(wasm: Uint8Array, sampleRate: number, kbps: Bitrate = DEFAULT_BITRATE): Promise<Mp3Encoder> {
    return new Mp3Encoder(await createEncoder("audio/mpeg", wasm), sampleRate, kbps);
  }

  /** Mono samples from -1 to 1, any number. Returns bytes of frames, cut anywhere; a copy, which is the caller's. */
  encode(samples: Float32Array): Uint8Array<ArrayBuffer> {
    this.#heardMs += (samples.length * 1000) / this.#sampleRate;
    return this.#take(this.#encoder.encode([samples]));
  }

  /** The rest, filled up with silence, which lasts `addedMs`, to whole frames. What is encoded next begins anew. */
  finish(): { rest: Uint8Array<ArrayBuffer>; addedMs: number } {
    const rest = this.#take(this.#encoder.finalize());
    const addedMs = (this.#bytes * 8) / this.#kbps - this.#heardMs;
    this.#begin();
    return { rest, addedMs };
  }

  /** After `finish`: what comes next has another rate. The MP3 keeps its own. */
  turnTo(sampleRate: number): void {
    this.#sampleRate = sampleRate;
    this.#begin();
  }

  #begin(): void {
    this.#encoder.configure({
      channels: 1,
      sampleRate: this.#sampleRate,
      bitrate: this.#kbps,
      outputSampleRate: this.#outputRate,
    });
    this.#heardMs = 0;
    this.#bytes = 0;
  }

  #take(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    this.#bytes += bytes.length;
    return new Uint8Array(bytes);
  }
}
