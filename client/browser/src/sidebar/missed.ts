/** Pure: what happened while the connection was down, told when it is back. */

import type { ChannelEvent } from "../wire/messages.ts";

/** What came while nobody could see it. */
export interface Missed {
  readonly events: number;
  readonly anomalies: number;
  readonly downMs: number;
}

/** Watches the line and the events' ids. Times are ms of any one clock. */
export class Outage {
  #since: number | null = null;
  #downMs = 0;
  #lastId = 0;
  #upTo = 0;
  #events = 0;
  #anomalies = 0;

  down(now: number): void {
    this.#since ??= now;
  }

  /** The line is back, and events up to `lastId` were written by then. `anomalies` are the new ones of a snapshot. */
  ready(lastId: number, now: number, anomalies = 0): void {
    if (this.#since !== null) {
      if (this.#nothing) this.#downMs = 0;
      this.#downMs += now - this.#since;
      this.#events += Math.max(0, lastId - Math.max(this.#lastId, this.#upTo));
      this.#anomalies += anomalies;
      this.#upTo = lastId;
    }
    this.#since = null;
  }

  /** A snapshot stands for all events up to `lastId`. */
  caughtUp(lastId: number): void {
    this.#lastId = lastId;
  }

  /** Every event that comes, in order. True if it is one that was missed. */
  event(event: Pick<ChannelEvent, "id" | "kind">): boolean {
    this.#lastId = event.id;
    const missed = event.id <= this.#upTo;
    if (missed && event.kind === "anomaly_opened") this.#anomalies += 1;
    return missed;
  }

  /** What there is to tell once all that was missed is here, or null. */
  get told(): Missed | null {
    if (this.#nothing || this.#lastId < this.#upTo) return null;
    return { events: this.#events, anomalies: this.#anomalies, downMs: this.#downMs };
  }

  /** Somebody has read it. Until then, what one outage after another brought is told together. */
  read(): void {
    this.#events = this.#anomalies = 0;
  }

  get #nothing(): boolean {
    return this.#events === 0 && this.#anomalies === 0;
  }
}
