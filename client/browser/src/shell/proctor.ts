/** A proctor's channel: every event of a meeting once, in order, and told when that was not possible. */

import { type Answer, ChannelSession, type Happening } from "../session/channel.ts";
import {
  type Anomaly,
  CHANNEL_PROTOCOL,
  type ChannelEvent,
  type ChannelReady,
  type Cursor,
  type Review,
} from "../wire/messages.ts";
import { Link, type LinkState, type Renew } from "./link.ts";
import { uuid } from "./uuid.ts";

/** The server refused a review, or the channel is over; `code` is as in the table of close codes, or `closed`. */
export class ReviewNotTaken extends Error {
  override readonly name = "ReviewNotTaken";
  readonly code: string;

  constructor(code: string, detail: string) {
    super(detail);
    this.code = code;
  }
}

/** Exactly one of `adminId` and `token`, for which `renew` gives a fresh one. `after`: where an earlier channel was. */
export interface ProctorOptions {
  server: string;
  meeting: string;
  adminId?: string | undefined;
  token?: string | undefined;
  name?: string | undefined;
  after?: Cursor | undefined;
  renew?: Renew | undefined;
  random?: (() => number) | undefined;
  /** The meeting as of `ready.last_id`: what was known before is void. */
  onSnapshot?: ((ready: ChannelReady) => void) | undefined;
  /** The line is back and nothing was missed: the events up to `ready.last_id` follow. */
  onRecovered?: ((ready: ChannelReady) => void) | undefined;
  onEvent?: ((event: ChannelEvent) => void) | undefined;
  /** Every 15 s: the last event there is. */
  onTick?: ((lastId: number) => void) | undefined;
  onConnection?: ((state: LinkState) => void) | undefined;
}

/** No close followed an `error` for so long: then it was the answer to a review. */
const DOUBT_MS = 1_000;

interface Waiting {
  readonly resolve: (anomaly: Anomaly) => void;
  readonly reject: (refused: ReviewNotTaken) => void;
}

/** One proctor's view of one meeting, from `start` to `stop`. */
export class ProctorChannel {
  readonly session: ChannelSession;
  readonly #options: ProctorOptions;
  readonly #link: Link<Happening[]>;
  readonly #waiting = new Map<string, Waiting>();
  #doubt: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  /** Throws TypeError for a server that is no address, and unless there is exactly one credential. */
  constructor(options: ProctorOptions) {
    this.#options = options;
    this.session = new ChannelSession(options);
    this.#link = new Link(this.session, {
      server: options.server,
      path: "/channel",
      protocol: CHANNEL_PROTOCOL,
      renew: options.renew,
      random: options.random,
      onMessage: (happened) => {
        for (const each of happened) this.#handle(each);
      },
      onState: (state) => this.#moved(state),
    });
  }

  /** The last event that was handed on: a later channel goes on from here with `after`. */
  get cursor(): Cursor | null {
    return this.session.cursor;
  }

  start(): void {
    this.#link.start();
  }

  stop(): void {
    this.#link.stop();
    this.#end("closed", "the channel was left before the answer came");
  }

  /** Who decides from now on. The line is opened anew, for only a `hello` names anybody; nothing is missed by that. */
  rename(name: string | undefined): void {
    this.session.rename(name);
    this.#link.reopen("another name");
  }

  /** The network went or came back, for where the browser does not tell. */
  network(online: boolean): void {
    this.#link.network(online);
  }

  /**
   * Decide on an anomaly; `open` withdraws a decision. Gives the anomaly as reviewed. It is said again after a break
   * under the same key, so it counts once. Rejects with ReviewNotTaken where the server refuses it.
   */
  review(anomaly: string, decision: Review["decision"], note?: string): Promise<Anomaly> {
    if (this.#over) return Promise.reject(new ReviewNotTaken("closed", "the channel is over"));
    const key = uuid();
    const answer = new Promise<Anomaly>((resolve, reject) => this.#waiting.set(key, { resolve, reject }));
    this.session.review({ type: "review", key, anomaly, decision, ...(note && { note }) });
    this.#link.poke();
    return answer;
  }

  #handle(happened: Happening): void {
    const { onSnapshot, onRecovered, onEvent, onTick } = this.#options;
    if (happened.what === "event") onEvent?.(happened.event);
    else if (happened.what === "snapshot") onSnapshot?.(happened.ready);
    else if (happened.what === "recovered") onRecovered?.(happened.ready);
    else if (happened.what === "tick") onTick?.(happened.tick.last_id);
    else if (happened.what === "error") this.#settleLater();
    else if (happened.what !== "expiring") this.#answer(happened);
  }

  #settleLater(): void {
    clearTimeout(this.#doubt);
    this.#doubt = setTimeout(() => {
      for (const answer of this.session.settle()) this.#answer(answer);
    }, DOUBT_MS);
  }

  #answer(answer: Answer): void {
    const waiting = this.#waiting.get(answer.key);
    this.#waiting.delete(answer.key);
    if (answer.what === "reviewed") waiting?.resolve(answer.anomaly);
    else waiting?.reject(new ReviewNotTaken(answer.error.code, answer.error.detail));
  }

  #moved(state: LinkState): void {
    if (state.over) this.#end(this.session.fault?.code ?? "closed", state.detail ?? "");
    this.#options.onConnection?.(state);
  }

  #end(code: string, detail: string): void {
    this.#over = true;
    clearTimeout(this.#doubt);
    for (const { reject } of this.#waiting.values()) reject(new ReviewNotTaken(code, detail));
    this.#waiting.clear();
  }
}
