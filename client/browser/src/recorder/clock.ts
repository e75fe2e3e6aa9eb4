/**
 * Samples against real time: how much sound a microphone lost, without being fooled by what only came late.
 * Pure: readings of clocks come in, in ms.
 */

/** Scheduling delays of a loaded machine are a few hundred ms at most; a device that is gone is so for longer. */
export const TOLERANCE_MS = 500;
/** What was only late comes within this time after a pause: the audio thread's queue is delivered at once. */
export const SETTLE_MS = 1000;
/** How far a sound card's clock may be off. Crystals are within 0.01 %; cheap ones within 0.05 %. */
export const DRIFT = 0.0005;
/** Blocks come every 170 ms, four at once. After a longer silence than this the computer may have slept. */
const MAY_HAVE_SLEPT_MS = 250;

/**
 * Time that goes on while the computer sleeps. `performance.now()` stands still then on some systems, and `Date.now()`
 * jumps when somebody sets the clock: only what jumps together with a pause in the samples was sleep.
 */
export class SleeplessClock {
  #steady: number;
  #wall: number;
  #now = 0;

  constructor(steady: number, wall: number) {
    this.#steady = steady;
    this.#wall = wall;
  }

  /** A block of samples is here. Returns ms since the clock was made. */
  tick(steady: number, wall: number): number {
    this.#now = this.peek(steady, wall);
    this.#steady = steady;
    this.#wall = wall;
    return this.#now;
  }

  /** The time now, without a block of samples. */
  peek(steady: number, wall: number): number {
    const moved = steady - this.#steady;
    const turned = wall - this.#wall;
    const slept = moved > MAY_HAVE_SLEPT_MS && turned > moved + TOLERANCE_MS;
    return this.#now + (slept ? turned : moved);
  }
}

/** What to do with a block: encode it; keep it until it is known whether something is missing before it; or both. */
export type Finding = { hold: true } | { hold: false; lostMs: number };

const NOTHING_LOST: Finding = { hold: false, lostMs: 0 };
const HOLD: Finding = { hold: true };

/**
 * A block that arrives at `now` was recorded at the latest then, so the smallest (arrival − media time) is the anchor.
 * When all blocks for a while are later than it by more than the tolerance, that is not delay but missing sound.
 */
export class GapMeter {
  #media = 0; // ms of sound so far, lost sound included
  #anchor: number | undefined;
  #heldSince: number | undefined;
  #smallest = 0; // lag since then

  /**
   * A block of `ms` arrived. `hold`: keep it, and all that follow, until an answer says otherwise; `lostMs` was then
   * lost before the first of those kept.
   */
  heard(ms: number, now: number): Finding {
    this.#media += ms;
    const lag = now - this.#media;
    this.#anchor ??= lag;
    if (lag - this.#anchor <= TOLERANCE_MS) {
      this.#anchor = Math.min(lag, this.#anchor + ms * DRIFT);
      this.#heldSince = undefined;
      return NOTHING_LOST;
    }
    if (this.#heldSince === undefined) {
      this.#heldSince = now;
      this.#smallest = lag;
      return HOLD;
    }
    this.#smallest = Math.min(this.#smallest, lag);
    return now - this.#heldSince < SETTLE_MS ? HOLD : { hold: false, lostMs: this.#settle() };
  }

  /** What was lost before the blocks that are kept, as far as is known now; none is kept any more. */
  decide(): number {
    return this.#heldSince === undefined ? 0 : this.#settle();
  }

  /** The recording ends at `now`. Returns what was lost before the blocks that are kept, and after the last block. */
  end(now: number): { beforeHeld: number; atEnd: number } {
    const beforeHeld = this.decide();
    const missing = this.#anchor === undefined ? 0 : now - this.#media - this.#anchor;
    return { beforeHeld, atEnd: missing > TOLERANCE_MS ? missing : 0 };
  }

  #settle(): number {
    const lost = this.#smallest - this.#anchor!;
    this.#media += lost;
    this.#heldSince = undefined;
    return lost;
  }
}
