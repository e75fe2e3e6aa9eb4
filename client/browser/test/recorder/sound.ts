/** Sound for tests: computed, so that what is in it is known. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

export const RATE = 48000;

/** LAME's WebAssembly, as the worker fetches it. */
export const WASM = new Uint8Array(
  readFileSync(createRequire(import.meta.url).resolve("wasm-media-encoders/wasm/mp3")),
);

/** White noise at a level in dBFS (RMS), the same each time. */
export function noise(seconds: number, dbfs: number, rate = RATE): Float32Array {
  const out = new Float32Array(seconds * rate);
  const amplitude = 10 ** (dbfs / 20) * Math.sqrt(3);
  let state = 1;
  for (let i = 0; i < out.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    out[i] = (state / 2 ** 31 - 1) * amplitude;
  }
  return out;
}

/** Syllables at a level in dBFS: 200 ms of a gliding voice, 120 ms of nothing, a pause of a second after each ten. */
export function syllables(seconds: number, dbfs: number, rate = RATE): Float32Array {
  const out = new Float32Array(seconds * rate);
  const amplitude = 10 ** (dbfs / 20) * Math.SQRT2;
  for (let i = 0; i < out.length; i++) {
    const at = (i / rate) % 4.2;
    const inside = at % 0.32;
    if (at > 3.2 || inside > 0.2) continue;
    out[i] = amplitude * Math.sin(2 * Math.PI * (140 + 60 * inside) * (i / rate));
  }
  return out;
}

export function mix(...parts: Float32Array[]): Float32Array {
  return parts[0]!.map((_, i) => parts.reduce((sum, part) => sum + part[i]!, 0));
}

export function* blocks(samples: Float32Array, size = 2048): Generator<Float32Array> {
  for (let at = 0; at < samples.length; at += size) yield samples.slice(at, at + size);
}
