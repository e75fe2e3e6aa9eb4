/**
 * A server of streams in memory, as DESIGN.md 3.3 has it: windows of 60 s of media time, `stored` before the next
 * window's lead-in, parts, gaps. What it stores it keeps frame by frame, so that a test can compare.
 */

import assert from "node:assert/strict";
import { TICKS_PER_MS, TICKS_PER_S } from "../../src/session/outbox.ts";
import type { FromCandidate, StreamHello, ToCandidate } from "../../src/wire/messages.ts";
import { concatenated, FRAME_BYTES, FRAME_TICKS, numberAt } from "./recording.ts";

const WINDOW_TICKS = 60 * TICKS_PER_S;
const LEAD_IN_BYTES = 2 * FRAME_BYTES;

/** One frame that was stored: which, and at what media time. */
export interface Heard {
  readonly number: number;
  readonly ticks: number;
}

/** Where a stream is gone on from: byte, media time there, and of the next window its number and start. */
interface Resume {
  readonly offset: number;
  readonly ticks: number;
  readonly window: number;
  readonly windowStart: number;
  readonly lostMs: number;
}

/** What is durable of a stream. */
export interface Row {
  resume: Resume;
  part: Uint8Array;
  readonly windows: Heard[][];
  /** How much is in no window, in ticks. */
  missing: number;
  finished: number | null;
}

const START: Resume = { offset: 0, ticks: 0, window: 0, windowStart: 0, lostMs: 0 };

export class Server {
  readonly streams: Row[] = [];
  owner: Connection | null = null;

  /** kill -9: what only memory held is gone. */
  crash(): void {
    this.owner = null;
  }
}

/** The server's side of one socket: what the store has yet to do waits in `work`. */
export class Connection {
  outgoing: string[] = [];
  closeCode: number | null = null;
  readonly #server: Server;
  readonly #work: (() => void)[] = [];
  #row: Row | null = null;
  #held = START; // the open window begins here, lead-in included
  #bytes: Uint8Array = new Uint8Array(0); // since then
  #parsed = 0; // of which so many are whole frames
  #heard: Heard[] = []; // in the open window
  #mustSayGap: number | null = null;

  constructor(server: Server) {
    this.#server = server;
  }

  receive(message: string | Uint8Array): void {
    if (this.closeCode !== null) return;
    if (typeof message !== "string") {
      assert.equal(this.#mustSayGap, null, "the first message must be its gap");
      this.#take(message);
      return;
    }
    const said = JSON.parse(message) as FromCandidate;
    if (said.type === "hello") this.#open(said);
    else if (said.type === "gap") this.#gap(said.offset, said.lost_ms);
    else if (said.type === "finish") this.#finish();
  }

  /** Do one thing that waits. */
  store(): void {
    this.#work.shift()?.();
  }

  /** The socket is gone: everything that waits is done, and the part is left. */
  lost(): void {
    for (const each of this.#work.splice(0)) each();
    if (this.#row && this.#row.finished === null) this.#row.part = this.#bytes.slice(0, this.#parsed);
  }

  #open(hello: StreamHello): void {
    this.#server.owner?.lost();
    this.#server.owner = this;
    if (hello.stream === undefined) {
      this.#server.streams.push({ resume: START, part: new Uint8Array(0), windows: [], missing: 0, finished: null });
    }
    const stream = hello.stream ?? this.#server.streams.length;
    const row = this.#server.streams[stream - 1]!;
    this.#row = row;
    if (row.finished !== null) {
      this.#finished();
      return;
    }
    this.#held = row.resume;
    this.#take(row.part);
    const held = row.resume.offset + row.part.length;
    const offset = Math.max(held, hello.buffered_from ?? 0);
    if (offset > held) this.#mustSayGap = offset;
    this.#say({ type: "ready", stream, offset, held, window_ms: 60_000, max_message_bytes: 65_536 });
  }

  #take(data: Uint8Array): void {
    this.#bytes = concatenated([this.#bytes, data]);
    for (; this.#parsed + FRAME_BYTES <= this.#bytes.length; this.#parsed += FRAME_BYTES) {
      const ticks = this.#held.ticks + (this.#parsed / FRAME_BYTES) * FRAME_TICKS;
      if (ticks >= this.#held.windowStart + WINDOW_TICKS) this.#closeWindow(ticks);
      const at = this.#parsed;
      const now = this.#held.ticks + (at / FRAME_BYTES) * FRAME_TICKS;
      if (now >= this.#held.windowStart) this.#heard.push({ number: numberAt(this.#bytes, at), ticks: now });
    }
  }

  #closeWindow(end: number): void {
    const back = Math.min(LEAD_IN_BYTES, this.#parsed);
    const from = this.#parsed - back;
    this.#windowClosed({
      ...this.#held,
      offset: this.#held.offset + from,
      ticks: end - (back / FRAME_BYTES) * FRAME_TICKS,
      windowStart: end,
    });
    this.#bytes = this.#bytes.slice(from);
    this.#parsed = back;
  }

  #windowClosed(resume: Resume, missing = 0): void {
    const [row, heard] = [this.#row!, this.#heard];
    const number = this.#held.window;
    this.#heard = [];
    this.#held = { ...resume, window: heard.length ? number + 1 : number };
    const held = this.#held;
    this.#work.push(() => {
      row.resume = held;
      row.part = new Uint8Array(0);
      row.missing += missing;
      if (!heard.length) return;
      assert.equal(row.windows.length, number);
      row.windows.push(heard);
      this.#say({ type: "stored", offset: held.offset, window: number });
    });
  }

  #gap(offset: number, lostMs: number): void {
    const { lostMs: known } = this.#held;
    const position = this.#held.offset + this.#bytes.length;
    if (this.#mustSayGap !== null) assert.equal(offset, this.#mustSayGap);
    this.#mustSayGap = null;
    if (offset < position || (offset === position && lostMs === known)) {
      assert.ok(lostMs <= known, "a gap behind that is not known");
      return;
    }
    assert.ok(lostMs >= known, "a gap can't find again what was lost");
    const ticks = this.#held.ticks + (this.#parsed / FRAME_BYTES) * FRAME_TICKS;
    const end = ticks + (lostMs - known) * TICKS_PER_MS;
    // A gap in a lead-in loses what was stored before: the window begins no earlier.
    const { windowStart } = this.#held;
    const next = Math.max(end, windowStart);
    this.#windowClosed(
      { offset, ticks: end, window: 0, windowStart: next, lostMs },
      next - Math.max(ticks, windowStart),
    );
    this.#bytes = new Uint8Array(0);
    this.#parsed = 0;
  }

  #finish(): void {
    const row = this.#row!;
    const end = this.#held.offset + this.#bytes.length;
    this.#windowClosed({ ...this.#held, offset: end });
    this.#work.push(() => {
      row.finished = end;
      this.#finished();
    });
  }

  #finished(): void {
    const { finished, windows } = this.#row!;
    this.#say({ type: "finished", offset: finished!, windows: windows.length });
    this.closeCode = 1000;
  }

  #say(message: ToCandidate): void {
    this.outgoing.push(JSON.stringify(message));
  }
}
