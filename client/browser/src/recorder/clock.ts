/**
 * Samples against real time: how much sound a microphone lost, without being fooled by what only came late.
 * Pure: readings of clocks come in, in ms.
 */

/**
 * Lost within a few seconds of sound, this is a device that was away, or sleep, and is told where it was. Scheduling
 * delays of a loaded machine are a few hundred ms at most.
 */
export const SUDDEN_MS = 500;
/** How much sound makes these few seconds: at least so much, at most twice. */
const RECENT_MS = 2000;
/**
 * An overloaded machine loses pieces of 10 ms here and there. They have no place worth telling, and each gap cuts a
 * window: they are told when they have made the clock wrong by so much, or with the next gap.
 */
export const SLOW_MS = 2000;
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
    const slept = moved > MAY_HAVE_SLEPT_MS && turned > moved + SUDDEN_MS;
    return this.#now + (slept ? turned : moved);
  }
}

/** What to do with a block: encode it; keep it until it is known whether something is missing before it; or both. */
export type Finding = { hold: true } | { hold: false; lostMs: number };

const NOTHING_LOST: Finding = { hold: false, lostMs: 0 };
const HOLD: Finding = { hold: true };

/** The smallest lag of the last few seconds of sound: from there what is lost suddenly is seen. */
class Recent {
  #before = Number.POSITIVE_INFINITY;
  #now = Number.POSITIVE_INFINITY;
  #ms = 0;

  get smallest(): number {
    return Math.min(this.#before, this.#now);
  }

  add(ms: number, lag: number): void {
    this.#ms += ms;
    this.#now = Math.min(this.#now, lag);
    if (this.#ms < RECENT_MS) return;
    this.#before = this.#now;
    this.#now = lag;
    this.#ms = 0;
  }
}

/**
 * A block that arrives at `now` was recorded at the latest then, so the smallest (arrival − media time) is the anchor.
 * When all blocks for a while are later than it by more than is allowed, that is not delay but missing sound.
 */
export class GapMeter {
  #media = 0; // ms of sound so far, lost sound included
  #anchor: number | undefined;
  #recent = new Recent();
  #heardAt = 0;
  #heldMs = 0; // sound that is kept
  #heldSince = 0;
  #smallest = 0; // lag since then

  /**
   * A block of `ms` arrived. `hold`: keep it, and all that follow, until an answer says otherwise; `lostMs` was then
   * lost before the first of those kept, or earlier and was not worth telling alone.
   */
  heard(ms: number, now: number): Finding {
    const paused = now - this.#heardAt > SETTLE_MS;
    this.#heardAt = now;
    this.#media += ms;
    const lag = now - this.#media;
    this.#anchor ??= lag;
    if (lag <= Math.min(this.#anchor + SLOW_MS, this.#recent.smallest + SUDDEN_MS)) {
      this.#anchor = Math.min(lag, this.#anchor + ms * DRIFT);
      this.#recent.add(ms, lag);
      this.#heldMs = 0;
      return NOTHING_LOST;
    }
    // What was late before a pause says nothing of how much is missing behind it.
    if (this.#heldMs === 0 || (paused && this.#heldMs < SETTLE_MS)) {
      this.#heldSince = now;
      this.#smallest = lag;
    }
    this.#heldMs += ms;
    this.#smallest = Math.min(this.#smallest, lag);
    return now - this.#heldSince < SETTLE_MS ? HOLD : { hold: false, lostMs: this.#settle() };
  }

  /** What was lost before the blocks that are kept, as far as is known now; none is kept any more. */
  decide(): number {
    return this.#heldMs === 0 ? 0 : this.#settle();
  }

  /**
   * The recording ends at `now`. Returns what was lost before the blocks that are kept, and after the last block, with
   * all that was not worth telling alone: nothing is cut by it here.
   */
  end(now: number): { beforeHeld: number; atEnd: number } {
    const beforeHeld = this.decide();
    const missing = this.#anchor === undefined ? 0 : now - this.#media - this.#anchor;
    return { beforeHeld, atEnd: missing > SUDDEN_MS ? missing : 0 };
  }

  #settle(): number {
    const lost = this.#smallest - this.#anchor!;
    this.#media += lost;
    this.#recent = new Recent();
    this.#recent.add(this.#heldMs, this.#anchor!);
    this.#heldMs = 0;
    return lost;
  }
}
