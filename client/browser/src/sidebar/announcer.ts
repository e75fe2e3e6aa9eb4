/** Pure: news for those who listen to the page instead of looking at it. A burst becomes one sentence. */

/** Screen readers read a sentence in about this time; the next may wait for it. */
export const EVERY_MS = 6000;

export interface News {
  /** How many new anomalies, and the name of the newest one's candidate. */
  readonly count: number;
  readonly name: string;
}

export class Announcer {
  #count = 0;
  #name = "";
  #saidAt = Number.NEGATIVE_INFINITY;

  add(name: string): void {
    this.#count += 1;
    this.#name = name;
  }

  /** In how many ms there is something to say; null if there is nothing. */
  due(now: number): number | null {
    return this.#count === 0 ? null : Math.max(0, this.#saidAt + EVERY_MS - now);
  }

  /** What to say now, or null. */
  take(now: number): News | null {
    if (this.due(now) !== 0) return null;
    const news = { count: this.#count, name: this.#name };
    this.#count = 0;
    this.#saidAt = now;
    return news;
  }
}
