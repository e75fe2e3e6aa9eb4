/**
 * Whether a connection is alive, by what can be seen of it in a browser, which can't ping. Time comes in as `now`: the
 * wall clock in ms, as others stop while the machine sleeps.
 */

/** In ms. */
export interface Limits {
  openWithin: number;
  readyWithin: number;
  drainWithin: number;
  asleepAfter: number;
}

export const LIMITS: Limits = {
  openWithin: 10_000,
  // A hello may wait 2 s for an older connection's part, and for a slow database; beyond this the line counts as broken.
  readyWithin: 20_000,
  // No byte left the browser for so long: TCP is repeating itself, and a new connection is quicker.
  drainWithin: 15_000,
  // Nothing ran for so long. More than the time between ticks: they keep a channel awake in a hidden tab, whose timers
  // come once a minute.
  asleepAfter: 20_000,
};

/** What a check looks at: whether the server has taken the connection, bytes not yet sent, what the session allows. */
export interface Seen {
  readonly ready: boolean;
  readonly unsentBytes: number;
  readonly mayBeSilentMs: number | null;
}

/** One connection's. */
export class Pulse {
  readonly #limits: Limits;
  #step = "can't connect"; // what is waited for, until `ready`
  #dueAt: number; // by when
  #heardAt: number; // when the server last said something, or owed nothing
  #aliveAt: number; // when anything last ran here
  #handedOut = 0; // bytes given to the socket
  #gone = 0; // of which so many have left it
  #goneAt: number;

  constructor(now: number, limits: Partial<Limits> = {}) {
    this.#limits = { ...LIMITS, ...limits };
    this.#dueAt = now + this.#limits.openWithin;
    this.#heardAt = this.#aliveAt = this.#goneAt = now;
  }

  /** The socket is open: `ready` is due. */
  opened(now: number): void {
    this.#step = "no `ready`";
    this.#dueAt = now + this.#limits.readyWithin;
  }

  /** A message arrived. */
  heard(now: number): void {
    this.#heardAt = this.#aliveAt = now;
  }

  /** So many bytes were given to the socket. */
  handedOut(bytes: number): void {
    this.#handedOut += bytes;
  }

  /** Whether nothing ran for so long that the machine must have slept, and the line is not worth waiting for. */
  slept(now: number): boolean {
    const slept = now - this.#aliveAt > this.#limits.asleepAfter;
    this.#aliveAt = now;
    return slept;
  }

  /** Why the connection counts as dead, or null. Asked about once a second. */
  trouble(now: number, { ready, unsentBytes, mayBeSilentMs }: Seen): string | null {
    if (this.slept(now)) return "the machine slept";
    if (!ready) return now > this.#dueAt ? this.#step : null;
    const gone = this.#handedOut - unsentBytes;
    if (gone > this.#gone || !unsentBytes) this.#goneAt = now;
    this.#gone = gone;
    if (now - this.#goneAt > this.#limits.drainWithin) return "nothing leaves the line";
    if (mayBeSilentMs === null) this.#heardAt = now;
    return mayBeSilentMs !== null && now - this.#heardAt > mayBeSilentMs ? "the server is silent" : null;
  }
}
