/**
 * A candidate's side of the stream: keeps what is not stored, resumes by offset, and says honestly what was lost.
 *
 * The outbox counts every byte that was ever recorded; on the wire offsets count from where the current stream begins
 * (`#base`), which moves when the format changes and a new stream begins.
 */

import type { AudioFormat, Finished, Gap, Stored, StreamHello, StreamReady, ToCandidate } from "../wire/messages.ts";
import { type AfterClose, ServerFault, Session } from "./base.ts";
import { decode, ERROR, EXPIRING, type Shape } from "./decode.ts";
import { KEEP_MS, Outbox, TICKS_PER_MS, toMs } from "./outbox.ts";

/** `greeting`: `hello` was said; `finishing`: `finish` was said. */
export type StreamState = "disconnected" | "greeting" | "streaming" | "finishing" | "finished";

/** What the server is told of the sound to come: a hint, the frames decide. `keepMs`: how much is kept at most. */
export interface StreamOptions {
  format?: AudioFormat;
  keepMs?: number;
}

/**
 * A gap that this stream's server was told of: from byte `held` to byte `offset`; `lost` ticks in all.
 * `byMicrophone` is how much of the whole recording the microphone had lost by then, told here or before.
 */
interface Told {
  readonly held: number;
  readonly offset: number;
  readonly lost: number;
  readonly byMicrophone: number;
}

const SHAPES: Readonly<Record<ToCandidate["type"], Shape>> = {
  ready: { stream: "count", offset: "count", held: "count", window_ms: "count", max_message_bytes: "count" },
  stored: { offset: "count" },
  finished: { offset: "count", windows: "count" },
  expiring: EXPIRING,
  error: ERROR,
};

/** What may come in which state; anything else is the server's fault. */
const EXPECTED: Readonly<Record<StreamState, readonly ToCandidate["type"][]>> = {
  disconnected: [],
  greeting: ["ready", "finished", "expiring", "error"],
  streaming: ["stored", "expiring", "error"],
  finishing: ["stored", "finished", "expiring", "error"],
  finished: [],
};

const FORMAT_CHANGED = 4007;
/** A window's `stored` lies before its end by a lead-in: the bit reservoir and two frames, never as much as this. */
const LEAD_IN_MS = 1_000;
/** The server closes right after `finished`. */
const CLOSE_WITHIN_MS = 2_000;

/** One recording of one candidate, over any number of connections (and of streams, if its format changes). */
export class StreamSession extends Session {
  state: StreamState = "disconnected";
  stream: number | null = null;
  finished: Finished | null = null;
  readonly outbox: Outbox;
  #token: string;
  readonly #format: AudioFormat | undefined;
  #base = 0; // byte of the outbox where the current stream begins
  #sent = 0; // byte of the outbox up to which this connection was told
  #lostBeforeStream = 0; // by the microphone, in ticks
  #told: Told[] = []; // in this stream, oldest first
  #retell: Told | null = null; // said before, and perhaps not heard
  #maxMessageBytes = 0;
  #windowMs = 0;
  #ending = false;

  constructor(token: string, { format, keepMs = KEEP_MS }: StreamOptions = {}) {
    super();
    this.#token = token;
    this.#format = format;
    this.outbox = new Outbox(keepMs);
  }

  /** Whether the server has taken this connection. */
  get ready(): boolean {
    return this.state === "streaming" || this.state === "finishing" || this.state === "finished";
  }

  /** Whether `finish()` was said. */
  get ending(): boolean {
    return this.#ending;
  }

  /** How much this stream's server was told to be lost, in all. */
  get lostMs(): number {
    return toMs(this.#told.at(-1)?.lost ?? 0);
  }

  /** How much sound is not yet durable: what a closed tab would lose. */
  get unstoredMs(): number {
    return this.outbox.keptMs;
  }

  /**
   * How long the server may be silent now, in ms; null: as long as it likes. Once more than a window was sent, a line
   * that carries at least real time brings its `stored` before the next one is due. A browser can't ping.
   */
  get mayBeSilentMs(): number | null {
    if (this.state === "finished") return CLOSE_WITHIN_MS;
    if (this.state === "finishing") return this.#windowMs;
    if (this.state !== "streaming") return null;
    const unanswered = this.outbox.sound(this.#sent) - this.outbox.sound(this.outbox.begin);
    return unanswered > (this.#windowMs + LEAD_IN_MS) * TICKS_PER_MS ? this.#windowMs : null;
  }

  // --- the microphone's side

  /** Keep what was encoded, cut anywhere (it is copied). Throws BadAudio where it can't be MP3. */
  record(mp3: Uint8Array): void {
    this.#mustGoOn();
    this.outbox.record(mp3);
  }

  /** The microphone itself lost `lostMs` here (a device that vanished): media time moves on without sound. */
  lose(lostMs: number): void {
    this.#mustGoOn();
    this.outbox.lose(lostMs);
  }

  /** The recording is over: when everything was sent, `finish` follows. */
  finish(): void {
    this.#ending = true;
  }

  // --- the wire's side

  /** A connection stands: the `hello` to send on it. */
  connect(): string {
    this.state = "greeting";
    this.error = null;
    const begins = this.outbox.begin - this.#base;
    this.outbox.reached = Math.max(this.outbox.reached, this.outbox.begin);
    const hello: StreamHello = {
      type: "hello",
      token: this.#token,
      ...(this.stream !== null && { stream: this.stream }),
      ...(begins > 0 && { buffered_from: begins }),
      ...(this.#format && { format: this.#format }),
    };
    return JSON.stringify(hello);
  }

  /** The token was renewed. */
  refresh(token: string): void {
    this.#token = token;
    if (this.state !== "disconnected" && this.state !== "finished") this.renewed = token;
  }

  /** What to send next: text, or audio (a view: not to be written to); null when there is nothing to say yet. */
  nextMessage(): string | Uint8Array<ArrayBuffer> | null {
    if (this.state !== "streaming" && this.state !== "finishing") return null;
    const refresh = this.takeRefresh();
    if (refresh !== null) return refresh;
    if (this.state === "finishing") return null;
    if (this.#retell) {
      const told = this.#retell;
      this.#retell = null;
      return this.#gap(told);
    }
    // Ahead of what is here, after an overflow: what lies between will never be sent.
    const here = Math.max(this.#sent, this.outbox.begin);
    if (here > this.#sent || this.outbox.lost(here) > this.#lastTold(here).byMicrophone) {
      return this.#gap(this.#skip(this.#sent, here));
    }
    const data = this.outbox.read(this.#sent, this.#maxMessageBytes);
    if (data.length) {
      this.#sent += data.length;
      return data;
    }
    if (!this.#ending) return null;
    this.state = "finishing";
    return JSON.stringify({ type: "finish" });
  }

  /** One message arrived; returned when it was taken. Throws ServerFault, after which the shell reconnects. */
  receive(text: string): ToCandidate {
    const message = decode<ToCandidate>(text, SHAPES);
    if (!EXPECTED[this.state].includes(message.type)) {
      throw new ServerFault(`\`${message.type}\` in state ${this.state}`);
    }
    if (message.type === "ready") this.#takeReady(message);
    else if (message.type === "stored") this.#takeStored(message);
    else if (message.type === "finished") this.#takeFinished(message);
    else if (message.type === "error") this.error = message;
    else this.expiring = true;
    return message;
  }

  /** The connection ended: decided by the number alone. */
  override closed(code: number, reason = ""): AfterClose {
    this.#retell = null;
    if (this.state === "finished") return "over";
    this.state = "disconnected";
    if (code === FORMAT_CHANGED) {
      // `stored` has named the byte of the change: there the next stream begins.
      this.stream = null;
      this.#base = this.outbox.released;
      this.#lostBeforeStream = this.outbox.lost(this.#base);
      this.#told = [];
    }
    return super.closed(code, reason);
  }

  // --- inside

  #mustGoOn(): void {
    if (this.#ending) throw new Error("finish() was said: nothing more can be recorded");
  }

  #takeReady(ready: StreamReady): void {
    const offset = this.#base + ready.offset;
    const held = this.#base + ready.held;
    if (this.stream !== null && ready.stream !== this.stream) {
      throw new ServerFault(`asked for stream ${this.stream}, got stream ${ready.stream}`);
    }
    // Less than was asked for is no fault: the outbox may have overflowed since `hello`.
    if (held > offset || offset > this.outbox.end) {
      const recorded = this.outbox.end - this.#base;
      throw new ServerFault(`ready at byte ${ready.offset}, held ${ready.held}, but ${recorded} bytes were recorded`);
    }
    if (!ready.max_message_bytes) throw new ServerFault("ready for messages of no byte");
    this.state = "streaming";
    this.stream = ready.stream;
    this.#maxMessageBytes = ready.max_message_bytes;
    this.#windowMs = ready.window_ms;
    while (this.#told.length && this.#told.at(-1)!.offset > held) this.#told.pop();
    this.#sent = offset;
    if (offset > held) this.#skip(held, offset);
    // A gap just here may have got lost with the connection; saying it twice is harmless.
    const last = this.#told.at(-1);
    if (last?.offset === offset) this.#retell = last;
  }

  #takeStored(stored: Stored): void {
    const offset = this.#base + stored.offset;
    if (offset > this.#sent) {
      throw new ServerFault(`stored up to byte ${stored.offset}, but ${this.#sent - this.#base} were sent`);
    }
    this.outbox.letGo(offset);
  }

  #takeFinished(finished: Finished): void {
    if (!this.#ending) throw new ServerFault("finished, although `finish` was never said");
    if (this.#base + finished.offset > this.outbox.end) {
      throw new ServerFault(`finished at byte ${finished.offset}, beyond what was recorded`);
    }
    this.outbox.letGo(this.#base + finished.offset);
    this.finished = finished;
    this.state = "finished";
  }

  #lastTold(offset: number): Told {
    const start = { held: this.#base, offset: this.#base, lost: 0, byMicrophone: this.#lostBeforeStream };
    return this.#told.findLast((told) => told.offset <= offset) ?? start;
  }

  /** The stream goes on at `offset` although the server has it only up to `held`, or the microphone lost sound. */
  #skip(held: number, offset: number): Told {
    const last = this.#lastTold(held);
    const dropped = this.outbox.sound(offset) - this.outbox.sound(held);
    const byMicrophone = this.outbox.lost(offset);
    const told = { held, offset, lost: last.lost + dropped + byMicrophone - last.byMicrophone, byMicrophone };
    this.#told.push(told);
    this.#sent = offset;
    this.outbox.reached = Math.max(this.outbox.reached, offset);
    return told;
  }

  #gap(told: Told): string {
    const gap: Gap = { type: "gap", offset: told.offset - this.#base, lost_ms: toMs(told.lost) };
    return JSON.stringify(gap);
  }
}
