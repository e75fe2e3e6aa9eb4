/** A proctor's side of the channel: resumes by epoch and id, so that every event is handed on once and in order. */

import {
  type Anomaly,
  type ChannelEvent,
  type ChannelHello,
  type ChannelReady,
  type Cursor,
  type Error as ErrorMessage,
  type Expiring,
  type Review,
  TICK_EVERY_MS,
  type Tick,
  type ToProctor,
} from "../wire/messages.ts";
import { type AfterClose, ServerFault, Session } from "./base.ts";
import { decode, ERROR, EXPIRING, type Shape } from "./decode.ts";

/** What came of a message. */
export type Happening =
  /** The meeting as of `ready.last_id`. What was known before is void: the events in between can't be had any more. */
  | { readonly what: "snapshot"; readonly ready: ChannelReady }
  /** The server went on from the cursor: nothing was missed. */
  | { readonly what: "recovered"; readonly ready: ChannelReady }
  | { readonly what: "event"; readonly event: ChannelEvent }
  | { readonly what: "tick"; readonly tick: Tick }
  | { readonly what: "expiring"; readonly expiring: Expiring }
  | { readonly what: "error"; readonly error: ErrorMessage }
  | Answer;

/** The server took the review with this key, or refused it. */
export type Answer =
  | { readonly what: "reviewed"; readonly key: string; readonly anomaly: Anomaly }
  | { readonly what: "refused"; readonly key: string; readonly error: ErrorMessage };

/** Exactly one of `adminId` and `token`; `after` is where to go on from, if an earlier channel got somewhere. */
export interface ChannelOptions {
  meeting: string;
  adminId?: string | undefined;
  token?: string | undefined;
  name?: string | undefined;
  after?: Cursor | undefined;
}

/** `greeting`: `hello` was said. */
export type ChannelState = "disconnected" | "greeting" | "live";

const SHAPES: Readonly<Record<ToProctor["type"], Shape>> = {
  ready: { meeting: "text", epoch: "text", recovered: "flag", last_id: "count" },
  event: { id: "count", kind: "text", at: "text" },
  tick: { last_id: "count" },
  expiring: EXPIRING,
  error: ERROR,
};

/** What may come in which state; anything else is the server's fault. */
const EXPECTED: Readonly<Record<ChannelState, readonly ToProctor["type"][]>> = {
  disconnected: [],
  greeting: ["ready", "expiring", "error"],
  live: ["event", "tick", "expiring", "error"],
};

/** A tick that is on time, one that was lost on the way to us with its node, and what a slow line may add. */
const MAY_BE_SILENT_MS = 2 * TICK_EVERY_MS + 5_000;

/** One proctor's view of one meeting, over any number of connections. */
export class ChannelSession extends Session {
  state: ChannelState = "disconnected";
  /** The last event that was handed on. */
  cursor: Cursor | null;
  readonly #meeting: string;
  readonly #adminId: string | undefined;
  #token: string | undefined;
  #name: string | undefined;
  readonly #reviews = new Map<string, Review>(); // unanswered, oldest first
  #unsent: string[] = []; // keys of those that this connection has yet to be told
  #doubt: ErrorMessage | null = null; // an error that answers a review, unless a close follows
  #announced = 0; // what the last tick named
  #had = 0; // the event that was here when it came

  /** Throws TypeError unless there is exactly one credential. */
  constructor({ meeting, adminId, token, name, after }: ChannelOptions) {
    super();
    if ((adminId === undefined) === (token === undefined)) throw new TypeError("one of adminId and token is needed");
    this.cursor = after ?? null;
    this.#meeting = meeting;
    this.#adminId = adminId;
    this.#token = token;
    this.#name = name;
  }

  /** Whether the server has taken this connection. */
  get ready(): boolean {
    return this.state === "live";
  }

  /** How long the server may be silent now, in ms; null: as long as it likes. */
  get mayBeSilentMs(): number | null {
    return this.state === "live" ? MAY_BE_SILENT_MS : null;
  }

  /** Whether `settle` has something to decide. */
  get inDoubt(): boolean {
    return this.#doubt !== null;
  }

  /** A connection stands: the `hello` to send on it. */
  connect(): string {
    this.state = "greeting";
    this.error = null;
    this.#doubt = null;
    this.#announced = 0;
    this.#unsent = [...this.#reviews.keys()];
    const hello: ChannelHello = {
      type: "hello",
      meeting: this.#meeting,
      ...(this.#adminId !== undefined && { admin_id: this.#adminId }),
      ...(this.#token !== undefined && { token: this.#token }),
      ...(this.#name !== undefined && { name: this.#name }),
      ...(this.cursor && { after: this.cursor }),
    };
    return JSON.stringify(hello);
  }

  /** Queue a decision. It is said again after every break until it is answered: its key makes that harmless. */
  review(review: Review): void {
    if (this.#reviews.has(review.key)) return;
    this.#reviews.set(review.key, review);
    this.#unsent.push(review.key);
  }

  /** Who decides, from the next `hello` on. */
  rename(name: string | undefined): void {
    this.#name = name;
  }

  /** The token was renewed. */
  refresh(token: string): void {
    this.#token = token;
    if (this.state !== "disconnected") this.renewed = token;
  }

  /** What to send next; null when there is nothing to say. */
  nextMessage(): string | null {
    if (this.state !== "live") return null;
    const refresh = this.takeRefresh();
    if (refresh !== null) return refresh;
    const key = this.#unsent.shift();
    return key === undefined ? null : JSON.stringify(this.#reviews.get(key));
  }

  /**
   * One message arrived. Throws ServerFault, after which the shell closes the connection and resumes by id; nothing was
   * taken then.
   */
  receive(text: string): Happening[] {
    const message = decode<ToProctor>(text, SHAPES);
    if (!EXPECTED[this.state].includes(message.type)) {
      throw new ServerFault(`\`${message.type}\` in state ${this.state}`);
    }
    if (message.type === "ready") this.#checkReady(message);
    else if (message.type === "event") this.#checkEvent(message);
    else if (message.type === "tick") this.#checkTick(message);
    // No close followed the last `error`, but this.
    return [...this.settle(), ...this.#take(message)];
  }

  /** No close followed the last `error` (the shell gives it a second): it was the answer to the oldest review. */
  settle(): Answer[] {
    const doubt = this.#doubt;
    this.#doubt = null;
    const oldest = this.#sentKeys()[0];
    return doubt && oldest !== undefined ? [this.#refuse(oldest, doubt)] : [];
  }

  /** The connection ended: decided by the number alone. */
  override closed(code: number, reason = ""): AfterClose {
    this.state = "disconnected";
    this.#doubt = null;
    return super.closed(code, reason);
  }

  // --- inside

  #checkReady(ready: ChannelReady): void {
    if (!ready.recovered || this.cursor?.epoch === ready.epoch) return;
    throw new ServerFault("`recovered` without a cursor in this epoch");
  }

  #checkEvent(event: ChannelEvent): void {
    const { id } = this.cursor!; // `live` has one
    if (event.id <= id + 1) return;
    throw new ServerFault(`event ${event.id} after event ${id}: those between are missing`);
  }

  /** Events may be on their way when a tick passes them; if none has come until the next, they are missing. */
  #checkTick(tick: Tick): void {
    const { id } = this.cursor!; // `live` has one
    if (id < this.#announced && id === this.#had) {
      throw new ServerFault(`event ${this.#announced} was announced a tick ago, and nothing came after event ${id}`);
    }
    this.#announced = tick.last_id;
    this.#had = id;
  }

  #take(message: ToProctor): Happening[] {
    if (message.type === "ready") return [this.#takeReady(message)];
    if (message.type === "event") return this.#takeEvent(message);
    if (message.type === "error") return this.#takeError(message);
    if (message.type === "tick") return [{ what: "tick", tick: message }];
    this.expiring = true;
    return [{ what: "expiring", expiring: message }];
  }

  #takeReady(ready: ChannelReady): Happening {
    this.state = "live";
    if (ready.recovered) return { what: "recovered", ready };
    this.cursor = { epoch: ready.epoch, id: ready.last_id };
    return { what: "snapshot", ready };
  }

  #takeEvent(event: ChannelEvent): Happening[] {
    const { epoch, id } = this.cursor!; // `live` has one
    const answered = this.#answered(event);
    if (event.id <= id) return answered; // had before: the answer to a repeated review, or told twice
    this.cursor = { epoch, id: event.id };
    return [{ what: "event", event }, ...answered];
  }

  #answered(event: ChannelEvent): Answer[] {
    if (event.kind !== "anomaly_reviewed") return [];
    const { anomaly } = event;
    for (const key of this.#sentKeys()) {
      const review = this.#reviews.get(key)!;
      const given = anomaly.review;
      if (review.anomaly !== anomaly.id || given?.decision !== review.decision || given.note !== review.note) continue;
      this.#reviews.delete(key);
      return [{ what: "reviewed", key, anomaly }];
    }
    return [];
  }

  #takeError(error: ErrorMessage): Happening[] {
    this.error = error;
    this.#doubt = error;
    const named = this.#sentKeys().find((key) => error.detail.includes(key));
    const happened: Happening = { what: "error", error };
    return named === undefined ? [happened] : [happened, this.#refuse(named, error)];
  }

  #sentKeys(): string[] {
    return [...this.#reviews.keys()].filter((key) => !this.#unsent.includes(key));
  }

  #refuse(key: string, error: ErrorMessage): Answer {
    this.error = null;
    this.#doubt = null;
    this.#reviews.delete(key);
    return { what: "refused", key, error };
  }
}
