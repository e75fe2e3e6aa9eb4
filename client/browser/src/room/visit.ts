/** Getting into a room and back in, however often the provider fails: the exam does not wait for it. */

import { ApiError } from "../shell/api.ts";
import type { RoomData } from "../wire/messages.ts";
import type { Driver, Ears, Ending, MakeDriver, Role } from "./driver.ts";

/**
 * `none`: the meeting has no room. `away`: it is missing for now and asked for again by itself. `out`: until somebody
 * says otherwise.
 */
export type VisitState = "entering" | "inside" | "away" | "out" | "none";

export interface VisitOptions {
  role: Role;
  /** From whoever was just let in; later and otherwise `ask` is. */
  first?: RoomData | undefined;
  /** Rejects with ApiError. */
  ask: () => Promise<RoomData>;
  load: (provider: string) => Promise<MakeDriver>;
  onChange: () => void;
  /** Tests pass their own. */
  random?: () => number;
  later?: (run: () => void, ms: number) => ReturnType<typeof setTimeout>;
}

// Slower than for audio: all candidates of a provider that is down ask our server, and nothing is lost meanwhile.
const FIRST_MS = 5_000;
const LONGEST_MS = 120_000;
const TRIES_TO_LONGEST = 5;
/** What never answers is away. A slow line connects in two or three. */
export const ENTERED_WITHIN_MS = 20_000;
/** Answers after which asking again by oneself is of no use, and what they mean. */
const ENDINGS: Readonly<Record<string, Ending>> = {
  meeting_ended: "closed",
  revoked: "removed",
  forbidden: "removed",
};

export class Visit {
  state: VisitState = "entering";
  /** Whether the way in is being tried right now: first, or again while it is still `away`. */
  trying = false;
  /** Why, in `out`. */
  ending: Ending | null = null;
  /** What the provider says of itself, in `away`; empty if there was no word. */
  missing = "";
  /** Whose room it is; empty until the server has said it. */
  provider = "";
  driver: Driver | null = null;
  readonly #options: VisitOptions;
  #first: RoomData | undefined;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Raised by whatever makes what is under way pointless. */
  #round = 0;

  constructor(options: VisitOptions) {
    this.#options = options;
    this.#first = options.first;
  }

  start(): void {
    void this.#enter();
  }

  /** Now, rather than when its time has come. */
  again(): void {
    if (!this.trying && (this.state === "away" || this.state === "out")) void this.#enter();
  }

  stop(): void {
    this.#round += 1;
    clearTimeout(this.#timer);
    this.driver?.leave();
    this.driver = null;
  }

  async #enter(): Promise<void> {
    this.stop();
    const round = this.#round;
    this.#set(this.state === "away" ? "away" : "entering", true);
    try {
      const room = this.#first?.token ? this.#first : await this.#options.ask();
      this.#first = undefined; // join tokens end soon
      if (round !== this.#round) return;
      this.provider = room.provider;
      if (!room.token) {
        this.#away(room.missing ?? "", room.retry_after_ms);
        return;
      }
      const make = await this.#options.load(room.provider);
      if (round !== this.#round) return;
      const driver = make(room, this.#options.role, this.#ears(round));
      this.driver = driver;
      await within(ENTERED_WITHIN_MS, driver.enter());
      if (round !== this.#round) return;
      this.#failures = 0;
      this.#set("inside");
    } catch (error) {
      if (round === this.#round) this.#failed(error);
    }
  }

  #ears(round: number): Ears {
    return {
      onChange: () => {
        if (round === this.#round) this.#options.onChange();
      },
      onEnd: (why) => {
        if (round !== this.#round) return;
        if (why === "lost") this.#away("");
        else this.#out(why);
      },
    };
  }

  #failed(error: unknown): void {
    if (error instanceof ApiError && error.code === "not_found") {
      this.stop();
      this.#set("none");
      return;
    }
    const ending = error instanceof ApiError ? ENDINGS[error.code] : undefined;
    if (ending) this.#out(ending);
    else this.#away("", error instanceof ApiError ? error.retryAfterMs : undefined);
  }

  #out(why: Ending): void {
    this.stop();
    this.ending = why;
    this.#set("out");
  }

  #away(missing: string, retryAfterMs = 0): void {
    this.stop();
    const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#failures, TRIES_TO_LONGEST));
    this.#failures += 1;
    const random = this.#options.random ?? Math.random;
    const later = this.#options.later ?? setTimeout;
    this.#timer = later(() => void this.#enter(), retryAfterMs + random() * ceiling);
    this.missing = missing;
    this.#set("away");
  }

  #set(state: VisitState, trying = false): void {
    this.state = state;
    this.trying = trying;
    this.#options.onChange();
  }
}

async function within(ms: number, entering: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the room was not entered in time")), ms);
  });
  try {
    await Promise.race([entering, late]);
  } finally {
    clearTimeout(timer);
  }
}
