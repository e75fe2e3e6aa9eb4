/**
 * A list that grows as somebody scrolls: of 500 cards most are never looked at, and each costs time to make, to move and
 * to keep. The host marks where its list begins and ends by `.edge.start` and `.edge.end` inside its `.scroller`.
 */

import type { ReactiveController, ReactiveControllerHost } from "lit";

/** Rows and cards to begin with, and to add at a time: two screens of a large display. */
const AT_ONCE = 40;
/** So far below what is seen the list ends: it has grown by the time one gets there. */
const AHEAD = "0px 0px 600px 0px";

export class Growing implements ReactiveController {
  /** How many of the list are there. */
  shown = AT_ONCE;
  /** Whether its beginning is out of sight. */
  away = false;
  readonly #host: ReactiveControllerHost & Element;
  #total = 0;
  #watch: IntersectionObserver | null = null;

  constructor(host: ReactiveControllerHost & Element) {
    this.#host = host;
    host.addController(this);
  }

  /** The part of `list` that is there. */
  of<T>(list: readonly T[]): readonly T[] {
    this.#total = list.length;
    return list.slice(0, this.shown);
  }

  /** The list is another one. */
  reset(): void {
    this.shown = AT_ONCE;
  }

  /** The one at `place` is wanted, and some after it. */
  reach(place: number): void {
    if (place < this.shown) return;
    this.shown = place + AT_ONCE;
    this.#host.requestUpdate();
  }

  hostUpdated(): void {
    this.#watch ??= new IntersectionObserver((seen) => this.#saw(seen), {
      root: this.#host.querySelector(".scroller"),
      rootMargin: AHEAD,
    });
    this.#watch.disconnect(); // observing anew tells anew: the end may be in sight without having moved
    for (const edge of this.#host.querySelectorAll(".edge")) this.#watch.observe(edge);
  }

  hostDisconnected(): void {
    this.#watch?.disconnect();
    this.#watch = null;
  }

  #saw(seen: readonly IntersectionObserverEntry[]): void {
    const before = [this.shown, this.away];
    for (const { target, isIntersecting } of seen) {
      if (target.classList.contains("start")) this.away = !isIntersecting;
      else if (isIntersecting && this.shown < this.#total) this.shown += AT_ONCE;
    }
    if (this.shown !== before[0] || this.away !== before[1]) this.#host.requestUpdate();
  }
}
