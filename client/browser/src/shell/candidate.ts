/** A candidate's stream: hand it MP3, it gets there. */

import { type StreamOptions, StreamSession } from "../session/stream.ts";
import { type Finished, STREAM_PROTOCOL, type ToCandidate } from "../wire/messages.ts";
import { Link, type LinkState, type Renew } from "./link.ts";

/** `renew` gives a fresh token when the one in use ends. */
export interface CandidateOptions extends StreamOptions {
  server: string;
  token: string;
  renew?: Renew | undefined;
  random?: (() => number) | undefined;
  /** Each message of the server after it was taken. */
  onMessage?: ((message: ToCandidate) => void) | undefined;
  onConnection?: ((state: LinkState) => void) | undefined;
}

/**
 * One recording of one candidate, in a window or a Worker. Lines may break, nodes may die: up to 15 minutes of what is
 * not yet durable is kept and sent again, and what had to be dropped is said to be lost.
 */
export class CandidateStream {
  readonly session: StreamSession;
  readonly #link: Link<ToCandidate>;

  /** Throws TypeError for a server that is no address. */
  constructor(options: CandidateOptions) {
    this.session = new StreamSession(options.token, options);
    this.#link = new Link(this.session, {
      server: options.server,
      path: "/stream",
      protocol: STREAM_PROTOCOL,
      renew: options.renew,
      random: options.random,
      onMessage: options.onMessage,
      onState: options.onConnection,
    });
  }

  /** What the server said when all was durable; null until then. */
  get finished(): Finished | null {
    return this.session.finished;
  }

  start(): void {
    this.#link.start();
  }

  /** Take what the microphone encoded, cut anywhere (it is copied). Throws BadAudio where it can't be MP3. */
  send(mp3: Uint8Array): void {
    this.session.record(mp3);
    this.#link.poke();
  }

  /** The microphone itself lost `lostMs` just here. */
  lose(lostMs: number): void {
    this.session.lose(lostMs);
    this.#link.poke();
  }

  /** The recording is over: `onConnection` says `over` when all of it is durable, and `finished` is set. */
  finish(): void {
    this.session.finish();
    this.#link.poke();
  }

  /** Leave without finishing: what is not stored is left to whoever resumes. */
  stop(): void {
    this.#link.stop();
  }

  /** The network went or came back. A Worker may not be told by the browser: its page tells. */
  network(online: boolean): void {
    this.#link.network(online);
  }
}
