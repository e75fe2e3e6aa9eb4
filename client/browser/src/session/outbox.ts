/**
 * What was recorded and is not yet durable: at most 15 minutes of it, and the media time of every byte.
 *
 * Offsets count all bytes ever recorded. When the outbox is full its oldest whole frames go; what they lasted is known,
 * so that the gap they leave can be told to the millisecond.
 */

import { Blocks } from "./blocks.ts";
import { FrameParser } from "./frames.ts";

export const KEEP_MS = 15 * 60_000;
/** Dropped at once when it is full: one move of the marks a second of sound instead of one a frame. */
export const SLACK_MS = 1_000;
/**
 * Media time is counted in ticks. 14,112,000 is the least common multiple of all sample rates of MPEG-1, 2 and 2.5, so
 * a frame of any of them lasts a whole number of ticks and no sum ever drifts. A double counts 20 years of them exactly.
 */
export const TICKS_PER_S = 14_112_000;
export const TICKS_PER_MS = TICKS_PER_S / 1000;

/** Ticks as milliseconds, rounded to the nearest. */
export function toMs(ticks: number): number {
  return Math.floor((ticks + TICKS_PER_MS / 2) / TICKS_PER_MS);
}

/** Bytes from `begin` to `end`, all of them until they are let go or there are too many. */
export class Outbox {
  /** Everything before is durable. */
  released = 0;
  /** No server can be further: the highest byte ever handed out, or named in `hello` or `gap`. */
  reached = 0;
  readonly #blocks = new Blocks();
  readonly #keep: number;
  readonly #slack: number;
  #parser = new FrameParser();
  // Marks: where a frame ends, and how much sound there is up to it. The first `#kept` are older than `released`, one a
  // window: a database restored from a backup may go back to any of them.
  readonly #ends: number[] = [0];
  readonly #sound: number[] = [0];
  #kept = 1;
  // Where the microphone lost sound, and how much it had lost before and after.
  readonly #lossAt: number[] = [];
  readonly #lossUntil: number[] = [0];

  constructor(keepMs = KEEP_MS) {
    this.#keep = keepMs * TICKS_PER_MS;
    this.#slack = Math.min(SLACK_MS * TICKS_PER_MS, this.#keep / 2);
  }

  /** The first byte still here. */
  get begin(): number {
    return this.#blocks.begin;
  }

  /** The byte that is recorded next. */
  get end(): number {
    return this.#blocks.end;
  }

  /** How much sound is here. */
  get keptMs(): number {
    return toMs(this.#sound.at(-1)! - this.sound(this.begin));
  }

  /** How much media time was recorded in all, lost time included. */
  get mediaMs(): number {
    return toMs(this.#sound.at(-1)! + this.#lossUntil.at(-1)!);
  }

  /** How much memory the sound takes, in bytes. */
  get heldBytes(): number {
    return this.#blocks.heldBytes;
  }

  /** How many marks are kept. */
  get marks(): number {
    return this.#ends.length;
  }

  /** Append what was encoded (it is copied). Throws BadAudio where it can't be MP3. */
  record(data: Uint8Array): void {
    if (this.#parser.bad) throw this.#parser.bad;
    this.#blocks.append(data);
    this.#mark(data);
    if (this.#sound.at(-1)! - this.sound(this.begin) > this.#keep) this.#dropOldest();
  }

  /** The microphone lost sound here: half a frame before, and a bit reservoir behind, are of no use. */
  lose(lostMs: number): void {
    const lost = this.#lossUntil.at(-1)! + Math.round(lostMs) * TICKS_PER_MS;
    if (this.#lossAt.at(-1) === this.end) {
      this.#lossUntil[this.#lossUntil.length - 1] = lost;
    } else {
      this.#lossAt.push(this.end);
      this.#lossUntil.push(lost);
    }
    this.#parser.reset(this.end); // as the server does at a gap
  }

  /** Everything before `offset` is durable. */
  letGo(offset: number): void {
    if (offset <= this.released) return;
    this.released = offset;
    this.#blocks.letGo(offset);
    const last = countUpTo(this.#ends, offset) - 1;
    if (last > this.#kept) this.#forget(this.#kept, last);
    this.#kept = Math.min(this.#kept, last) + 1;
  }

  /**
   * At most `limit` bytes from `offset` (not before `begin`) on, up to where the microphone next lost sound; none only
   * where there are none. A view: not to be written to.
   */
  read(offset: number, limit: number): Uint8Array<ArrayBuffer> {
    const until = this.#lossAt[countUpTo(this.#lossAt, offset)] ?? this.end;
    const data = this.#blocks.view(offset, Math.min(offset + limit, until));
    this.reached = Math.max(this.reached, offset + data.length);
    return data;
  }

  /** Ticks of sound in the whole frames before `offset`. */
  sound(offset: number): number {
    return this.#sound[countUpTo(this.#ends, offset) - 1]!;
  }

  /** Ticks that the microphone lost up to `offset`, and just there. */
  lost(offset: number): number {
    return this.#lossUntil[countUpTo(this.#lossAt, offset)]!;
  }

  #mark(data: Uint8Array): void {
    this.#feed(data);
    while (this.#parser.change) {
      const { offset, after } = this.#parser.change;
      this.#parser = new FrameParser(offset, after);
      for (let at = offset; at < this.end && !this.#parser.change; ) {
        const piece = this.#blocks.view(at, this.end);
        at += piece.length;
        this.#feed(piece);
      }
    }
  }

  #feed(data: Uint8Array): void {
    const ends = this.#parser.feed(data);
    const format = this.#parser.format;
    if (format) {
      const frame = (format.samplesPerFrame * TICKS_PER_S) / format.sampleRate;
      for (const end of ends) {
        this.#ends.push(end);
        this.#sound.push(this.#sound.at(-1)! + frame);
      }
    }
    if (this.#parser.bad) throw this.#parser.bad;
  }

  /** Oldest whole frames first. Their marks stay as far as a server may have got: its gap begins there. */
  #dropOldest(): void {
    const first = countBelow(this.#sound, this.#sound.at(-1)! - this.#keep + this.#slack);
    this.#blocks.letGo(this.#ends[first]!);
    const unknown = Math.max(this.#kept, countUpTo(this.#ends, this.reached));
    if (unknown < first) this.#forget(unknown, first);
  }

  #forget(from: number, to: number): void {
    this.#ends.splice(from, to - from);
    this.#sound.splice(from, to - from);
  }
}

/** How many of the ascending `numbers` are at most `limit`. */
function countUpTo(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many of the ascending `numbers` are below `limit`. */
function countBelow(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
