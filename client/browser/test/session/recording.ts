/**
 * A recording whose every frame says which one it is: valid MPEG-2.5 Layer III headers with a number where the sound
 * would be. At 11.025 kHz neither a frame nor a window is a whole number of the other, or of milliseconds.
 */

import { TICKS_PER_S } from "../../src/session/outbox.ts";

export const RATE = 11_025;
export const OTHER_RATE = 12_000;
export const PER_FRAME = 576;
/** 8 kbit/s, without padding. */
export const FRAME_BYTES = 52;
export const OTHER_FRAME_BYTES = 48;
export const FRAME_TICKS = (PER_FRAME * TICKS_PER_S) / RATE;
export const OTHER_FRAME_TICKS = (PER_FRAME * TICKS_PER_S) / OTHER_RATE;

const HEADER = [0xff, 0xe3, 0x10, 0xc0];
const OTHER_HEADER = [0xff, 0xe3, 0x14, 0xc0];
const NUMBER_AT = 13;

/** So many frames, numbered from `first` on. */
export function frames(first: number, count: number, other = false): Uint8Array {
  const size = other ? OTHER_FRAME_BYTES : FRAME_BYTES;
  const data = new Uint8Array(count * size);
  const view = new DataView(data.buffer);
  for (let index = 0; index < count; index += 1) {
    data.set(other ? OTHER_HEADER : HEADER, index * size);
    // Each byte of the number is at most 127: nothing in it looks like a header.
    const number = first + index;
    view.setUint8(index * size + NUMBER_AT, number >> 14);
    view.setUint8(index * size + NUMBER_AT + 1, (number >> 7) & 0x7f);
    view.setUint8(index * size + NUMBER_AT + 2, number & 0x7f);
  }
  return data;
}

/** The number of the frame that begins at `at`. */
export function numberAt(data: Uint8Array, at: number): number {
  const [high, middle, low] = data.subarray(at + NUMBER_AT, at + NUMBER_AT + 3);
  return (high! << 14) | (middle! << 7) | low!;
}

export function concatenated(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}
