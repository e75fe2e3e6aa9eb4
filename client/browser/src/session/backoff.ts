/**
 * How long to wait before the next attempt: full jitter, the first retry included.
 *
 * Everybody's first retry comes after the same event (a node that went away), so it is the one that most needs
 * spreading. Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (2015): full jitter needs the fewest calls.
 */

export const FIRST_MS = 1_000; // 0.5 s on average: shorter than anybody notices, and 1,000 candidates are spread
export const LONGEST_MS = 30_000; // the outbox holds 15 minutes: at least 30 attempts before anything is dropped
/** A connection that lived so long was a good one: its end is a new trouble, not the old one going on. */
export const STEADY_MS = 10_000;

/** Counts failures in a row. `now` is any clock in ms, `random` gives numbers from 0 to below 1. */
export class Backoff {
  readonly #random: () => number;
  #failures = 0;
  #readyAt: number | null = null;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** The server took the connection (`ready` arrived). */
  ready(now: number): void {
    this.#readyAt = now;
  }

  /** The connection ended, or never was: ms to wait, never less than the server asked for. */
  failed(now: number, retryAfterMs = 0): number {
    if (this.#readyAt !== null && now - this.#readyAt >= STEADY_MS) this.#failures = 0;
    this.#readyAt = null;
    const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures);
    this.#failures += 1;
    return Math.max(Math.floor(this.#random() * (ceiling + 1)), retryAfterMs);
  }

  /** The trouble is known to be past (the network is back, the machine woke): the next wait is a first one. */
  reset(): void {
    this.#failures = 0;
  }
}
