/** Keeps one session connected: opens, says hello, carries messages both ways, waits, and opens again. */

import { Backoff } from "../session/backoff.ts";
import { type AfterClose, type Fault, faultOf, ServerFault, TOKEN_EXPIRED } from "../session/base.ts";
import { type Limits, Pulse } from "../session/pulse.ts";
import { socketUrl } from "./address.ts";

/** Gives a fresh token. What it throws with a `final` of true (an ApiError may be) ends the link: its `code` says why. */
export type Renew = () => Promise<string>;

/** What a link needs of a session; `Taken` is what the session makes of a message. */
export interface Linked<Taken> {
  fault: Fault | null;
  readonly ready: boolean;
  readonly retryAfterMs: number;
  readonly mayBeSilentMs: number | null;
  takeExpiring(): boolean;
  connect(): string;
  nextMessage(): string | Uint8Array<ArrayBuffer> | null;
  receive(text: string): Taken;
  refresh(token: string): void;
  closed(code: number, reason?: string): AfterClose;
}

/**
 * Told at each change. `connected`: the server said `ready`. `over`: nothing is tried any more, as everything is done or
 * as the session's `fault` says. Otherwise the next attempt comes in `retryInMs`. `code` and `detail` are those of the
 * connection that ended (1006 where there was no close).
 */
export interface LinkState {
  readonly connected: boolean;
  readonly over: boolean;
  readonly retryInMs?: number;
  readonly code?: number;
  readonly detail?: string;
}

export interface LinkOptions<Taken> {
  /** http(s)://… of the server. */
  server: string;
  path: "/stream" | "/channel";
  protocol: string;
  /** Each message after the session took it. */
  onMessage?: ((taken: Taken) => void) | undefined;
  onState?: ((state: LinkState) => void) | undefined;
  renew?: Renew | undefined;
  /** Numbers from 0 to below 1, for the waiting times. */
  random?: (() => number) | undefined;
  limits?: Partial<Limits> | undefined;
}

/** What goes out waits in the session, not in the socket: a `refresh` or a `gap` is never behind a minute of audio. */
export const MAX_UNSENT_BYTES = 256 * 1024;
const BEAT_MS = 1_000;
const DRAIN_MS = 50; // bufferedAmount has no event
const NO_CLOSE_CODE = 1006; // RFC 6455 section 7.1.5: the line broke without a close

/** Works in a window and in a Worker. Sound does not wait for its timers: `poke` sends what there is. */
export class Link<Taken> {
  readonly #session: Linked<Taken>;
  readonly #options: LinkOptions<Taken>;
  readonly #url: string;
  readonly #backoff: Backoff;
  #socket: WebSocket | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #beat: ReturnType<typeof setInterval> | undefined;
  #drain: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;
  #wasReady = false;
  #renewing = false;
  #offline = false;
  #next: (() => void) | null = null; // what is done when the wait is over
  #waitEnds = 0;
  #notBefore = 0; // the server asked to be left alone until then
  #pulse = new Pulse(0);

  /** Throws TypeError for a server that is no address. */
  constructor(session: Linked<Taken>, options: LinkOptions<Taken>) {
    this.#session = session;
    this.#options = options;
    this.#url = socketUrl(options.server, options.path);
    this.#backoff = new Backoff(options.random);
  }

  /** Connects, and stays so until it is over or stopped. Once. */
  start(): void {
    if (typeof addEventListener === "function") {
      addEventListener("online", this.#online);
      addEventListener("offline", this.#wentOffline);
    }
    this.#open();
  }

  /** There is something to send. */
  poke(): void {
    if (this.#socket && this.#pulse.slept(Date.now())) this.#drop("the machine slept");
    this.#pump();
  }

  /** The session has another hello to say: leaves this connection for the next one. `detail` says why. */
  reopen(detail: string): void {
    if (this.#socket) this.#drop(detail);
  }

  /** The network went or came back. A Worker may not be told by the browser: its page tells. */
  network(online: boolean): void {
    const wasOffline = this.#offline;
    this.#offline = !online;
    if (!online) return; // the line may outlive it, and a server on this machine does not mind
    if (this.#next) this.#hurry();
    else if (wasOffline && this.#socket) this.#drop("the network was away");
  }

  /** Leaves, and tries nothing any more. What is not stored is left to whoever resumes. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#next = null;
    this.#leave();
    if (typeof removeEventListener === "function") {
      removeEventListener("online", this.#online);
      removeEventListener("offline", this.#wentOffline);
    }
  }

  readonly #online = (): void => this.network(true);
  readonly #wentOffline = (): void => this.network(false);

  // --- one connection

  #open(): void {
    const socket = new WebSocket(this.#url, this.#options.protocol);
    this.#socket = socket;
    this.#wasReady = false;
    this.#pulse = new Pulse(Date.now(), this.#options.limits);
    socket.onopen = () => {
      this.#pulse.opened(Date.now());
      this.#send(socket, this.#session.connect());
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#ended(event.code, event.reason);
    this.#beat = setInterval(() => this.#check(), BEAT_MS);
  }

  /** Lets go of the connection, whatever its state. The closing handshake of a dead one would take minutes. */
  #leave(): void {
    const socket = this.#socket;
    this.#socket = null;
    clearInterval(this.#beat);
    clearTimeout(this.#drain);
    this.#drain = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #drop(detail: string): void {
    this.#leave();
    this.#ended(NO_CLOSE_CODE, detail);
  }

  #ended(code: number, detail: string): void {
    this.#leave();
    const after = this.#session.closed(code, detail);
    if (after === "over" || after === "failed") {
      this.#over(code, detail);
      return;
    }
    const now = Date.now();
    const asked = this.#session.retryAfterMs;
    this.#notBefore = now + asked;
    const retryInMs = this.#backoff.failed(now, asked);
    // Renewed after the wait, not before it: a token that lives for less than the wait would be refused again.
    this.#wait(retryInMs, after === "renew" ? () => void this.#renewThenOpen() : () => this.#open());
    this.#options.onState?.({ connected: false, over: false, retryInMs, code, detail });
  }

  #over(code: number, detail: string): void {
    this.stop();
    this.#options.onState?.({ connected: false, over: true, code, detail: this.#session.fault?.detail ?? detail });
  }

  #wait(ms: number, next: () => void): void {
    clearTimeout(this.#retry);
    this.#next = next;
    this.#waitEnds = Date.now() + ms;
    this.#retry = setTimeout(() => {
      this.#next = null;
      next();
    }, ms);
  }

  /** The trouble is past: no reason to wait out the rest of a long wait. */
  #hurry(): void {
    const next = this.#next!;
    const now = Date.now();
    this.#backoff.reset();
    this.#wait(Math.min(this.#backoff.failed(now, this.#notBefore - now), this.#waitEnds - now), next);
  }

  // --- what goes over it

  #receive(data: unknown): void {
    const now = Date.now();
    this.#pulse.heard(now);
    let taken: Taken;
    try {
      if (typeof data !== "string") throw new ServerFault("a binary message");
      taken = this.#session.receive(data);
    } catch (fault) {
      if (!(fault instanceof ServerFault)) throw fault;
      this.#drop(`the server broke the protocol: ${fault.message}`);
      return;
    }
    const nowReady = this.#session.ready && !this.#wasReady;
    if (nowReady) {
      this.#wasReady = true;
      this.#backoff.ready(now);
    }
    if (this.#session.takeExpiring()) void this.#renewBeside();
    this.#pump();
    if (nowReady) this.#options.onState?.({ connected: true, over: false });
    this.#options.onMessage?.(taken);
  }

  #pump(): void {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    while (socket.bufferedAmount < MAX_UNSENT_BYTES) {
      const message = this.#session.nextMessage();
      if (message === null) return;
      this.#send(socket, message);
    }
    this.#drain ??= setTimeout(() => {
      this.#drain = undefined;
      this.#pump();
    }, DRAIN_MS);
  }

  #send(socket: WebSocket, message: string | Uint8Array<ArrayBuffer>): void {
    this.#pulse.handedOut(message.length);
    socket.send(message);
  }

  #check(): void {
    if (!this.#socket) return;
    const trouble = this.#pulse.trouble(Date.now(), {
      ready: this.#wasReady,
      unsentBytes: this.#socket.bufferedAmount,
      mayBeSilentMs: this.#session.mayBeSilentMs,
    });
    if (trouble) this.#drop(trouble);
  }

  // --- the token

  /** Beside the running connection. What fails is asked for again by the close that follows. */
  async #renewBeside(): Promise<void> {
    if (!this.#options.renew || this.#renewing) return;
    this.#renewing = true;
    try {
      this.#session.refresh(await this.#options.renew());
      this.#pump();
    } catch {
      // whatever the caller's function throws
    } finally {
      this.#renewing = false;
    }
  }

  /** The token has ended. What may pass is left to the next attempt; what won't ends the link. */
  async #renewThenOpen(): Promise<void> {
    const fault = await this.#renewed();
    if (this.#stopped) return;
    if (fault === null) this.#open();
    else {
      this.#session.fault = fault;
      this.#over(TOKEN_EXPIRED, fault.detail);
    }
  }

  /** Why there will be no new token, by the code that the refusal has; null if there is one, or may be the next time. */
  async #renewed(): Promise<Fault | null> {
    const { renew } = this.#options;
    if (!renew) return faultOf(TOKEN_EXPIRED, "the token has ended, and there is no way to renew it");
    try {
      this.#session.refresh(await renew());
      return null;
    } catch (error) {
      const { final, code, detail } = Object(error) as { final?: unknown; code?: unknown; detail?: unknown };
      if (final !== true) return null;
      const fault = faultOf(TOKEN_EXPIRED, typeof detail === "string" ? detail : String(error));
      return typeof code === "string" ? { ...fault, code } : fault;
    }
  }
}
