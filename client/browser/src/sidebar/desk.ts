/** The connection behind a sidebar: fills the model, and tells what is worth telling. No pictures here. */

import { Api, ApiError } from "../shell/api.ts";
import type { LinkState, Renew } from "../shell/link.ts";
import { ProctorChannel, ReviewNotTaken } from "../shell/proctor.ts";
import type { Anomaly, ChangeParticipant, ChannelEvent, ChannelReady, LinkIssued } from "../wire/messages.ts";
import { Outage } from "./missed.ts";
import { type Decision, Model } from "./model.ts";

/** Exactly one of `adminId` and `token`. */
export interface Entry {
  readonly server: string;
  readonly meeting: string;
  readonly adminId?: string | undefined;
  readonly token?: string | undefined;
  readonly name?: string | undefined;
  readonly renew?: Renew | undefined;
}

/** What went wrong, as the protocol names it (`unreachable` where there was no answer). */
export interface Fault {
  readonly code: string;
  readonly detail: string;
}

/** The line to the server. `over`: it will not be tried again. `retryAt` is ms of `performance.now()`. */
export interface Line {
  readonly state: "connecting" | "live" | "down" | "over";
  readonly fault: Fault | null;
  readonly retryAt: number | null;
}

export interface Listener {
  /** Something changed: draw, when it suits. */
  changed(): void;
  /** An anomaly was opened a moment ago, or while the line was down (`missed`). */
  news(anomaly: Anomaly, missed: boolean): void;
  /** Somebody else decided one. */
  decided(anomaly: Anomaly): void;
  line(line: Line): void;
}

export const faultOf = (error: unknown): Fault =>
  error instanceof ApiError || error instanceof ReviewNotTaken
    ? { code: error.code, detail: error instanceof ApiError ? error.detail : error.message }
    : { code: "unreachable", detail: error instanceof Error ? error.message : String(error) };

export class Desk {
  readonly model = new Model();
  readonly outage = new Outage();
  line: Line = { state: "connecting", fault: null, retryAt: null };
  readonly #entry: Entry;
  readonly #listener: Listener;
  #api: Api;
  /** How many decisions made here are on their way. They live in this page alone. */
  sending = 0;
  readonly #channel: ProctorChannel;

  /** Throws TypeError for a server that is no address, and unless there is exactly one credential. */
  constructor(entry: Entry, listener: Listener) {
    this.#entry = entry;
    this.#listener = listener;
    this.#api = new Api(entry.server, entry.adminId ?? entry.token);
    this.#channel = new ProctorChannel({
      ...entry,
      renew: entry.renew && (() => this.#renewed(entry.renew!)),
      onSnapshot: (ready) => this.#snapshot(ready),
      onRecovered: (ready) => {
        this.outage.ready(ready.last_id, performance.now());
        this.#listener.changed();
      },
      onEvent: (event) => this.#event(event),
      onConnection: (state) => this.#moved(state),
    });
  }

  /** Whether this proctor may change candidates: only the holder of `admin_id` can. */
  get mayChange(): boolean {
    return this.#entry.adminId !== undefined;
  }

  start(): void {
    this.#channel.start();
  }

  stop(): void {
    this.#channel.stop();
  }

  /** Who decides from now on: says hello anew, and loses nothing. */
  rename(name: string | undefined): void {
    this.#channel.rename(name);
  }

  /** Shows as pending until the server has told everybody. Never rejects: what went wrong is with the item. */
  async decide(anomaly: string, decision: Decision): Promise<void> {
    this.model.deciding(anomaly, decision);
    this.#listener.changed();
    let fault: string | null = null;
    this.sending += 1;
    try {
      await this.#channel.review(anomaly, decision.decision, decision.note ?? undefined);
    } catch (error) {
      fault = faultOf(error).detail;
    }
    this.sending -= 1;
    this.model.settled(anomaly, fault);
    this.#listener.changed();
  }

  /** Rejects with ApiError. */
  async change(participant: string, change: ChangeParticipant): Promise<void> {
    await this.#api.changeParticipant(this.#entry.meeting, participant, change);
  }

  /** Rejects with ApiError. */
  clipLink(clip: string): Promise<LinkIssued> {
    return this.#api.clipLink(this.#entry.meeting, clip);
  }

  #snapshot(ready: ChannelReady): void {
    const { model, outage } = this;
    const first = !model.known;
    const came = first ? [] : (ready.anomalies ?? []).filter(({ id }) => model.item(id) === undefined);
    model.snapshot(ready);
    outage.ready(ready.last_id, performance.now(), came.length);
    outage.caughtUp(ready.last_id);
    for (const anomaly of came.reverse()) this.#listener.news(anomaly, true);
    this.#listener.changed();
    if (!model.ended) void this.#lookForTheEnd();
  }

  /** A snapshot does not say whether the meeting has ended. */
  async #lookForTheEnd(): Promise<void> {
    try {
      const { ended_at } = await this.#api.meeting(this.#entry.meeting);
      if (ended_at === undefined) return;
      this.model.ended = true;
      this.#listener.changed();
    } catch {
      // The line has its own faults to tell; the next snapshot asks again.
    }
  }

  /** The calls beside the channel go on with the same token. */
  async #renewed(renew: Renew): Promise<string> {
    const token = await renew();
    this.#api = new Api(this.#entry.server, token);
    return token;
  }

  #event(event: ChannelEvent): void {
    const missed = this.outage.event(event);
    this.model.apply(event);
    if (event.kind === "anomaly_opened") this.#listener.news(event.anomaly, missed);
    const own = event.kind === "anomaly_reviewed" && this.model.item(event.anomaly.id)?.pending;
    if (event.kind === "anomaly_reviewed" && !own) this.#listener.decided(event.anomaly);
    this.#listener.changed();
  }

  #moved(state: LinkState): void {
    const { connected, over, retryInMs, code, detail } = state;
    if (!connected && this.model.known) this.outage.down(performance.now());
    const fault = this.#channel.session.fault;
    this.line = {
      state: connected ? "live" : over ? "over" : code === undefined ? "connecting" : "down",
      fault: over ? { code: fault?.code ?? String(code ?? ""), detail: fault?.detail ?? detail ?? "" } : null,
      retryAt: retryInMs === undefined ? null : performance.now() + retryInMs,
    };
    this.#listener.line(this.line);
  }
}
