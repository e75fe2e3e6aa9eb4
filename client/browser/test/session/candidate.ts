/** A candidate's session back to back with a server in memory, over a line that breaks anywhere. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { TICKS_PER_MS } from "../../src/session/outbox.ts";
import { StreamSession } from "../../src/session/stream.ts";
import type { Finished } from "../../src/wire/messages.ts";
import { FRAME_BYTES, FRAME_TICKS, frames } from "./recording.ts";
import { Connection, Server } from "./server.ts";

/** A session, its microphone, and the line to whichever connection it has. */
export class Candidate {
  readonly server = new Server();
  readonly session: StreamSession;
  connection: Connection | null = null;
  recorded = 0; // frames
  lostMs = 0;
  readonly truth: number[] = []; // per frame: media time of its first sample, in ticks, losses included
  readonly dropped = new Set<number>(); // frames that the outbox had no room for
  #up: (string | Uint8Array)[] = [];
  #down: string[] = [];

  constructor(keepMs?: number) {
    this.session = new StreamSession("token", keepMs === undefined ? {} : { keepMs });
  }

  record(count: number, cuts = 1): void {
    const data = frames(this.recorded, count);
    for (let index = 0; index < count; index += 1) {
      this.truth.push(this.recorded * FRAME_TICKS + this.lostMs * TICKS_PER_MS);
      this.recorded += 1;
    }
    const { outbox } = this.session;
    const step = Math.ceil(data.length / cuts);
    for (let at = 0; at < data.length; at += step) {
      const before = outbox.begin;
      this.session.record(data.subarray(at, at + step));
      for (let byte = before; byte < outbox.begin; byte += FRAME_BYTES)
        this.dropped.add(Math.floor(byte / FRAME_BYTES));
    }
  }

  lose(lostMs: number): void {
    this.lostMs += lostMs;
    this.session.lose(lostMs);
  }

  /** Carry at most so many messages each way. */
  exchange(up: number, down: number): void {
    if (!this.connection) {
      this.#up = [];
      this.#down = [];
      this.connection = new Connection(this.server);
      this.connection.receive(this.session.connect());
    }
    while (this.#up.length < up) {
      const message = this.session.nextMessage();
      if (message === null) break;
      this.#up.push(message);
    }
    for (const message of this.#up.splice(0, up)) this.connection.receive(message);
    this.#down.push(...this.connection.outgoing.splice(0));
    for (const text of this.#down.splice(0, down)) this.session.receive(text);
  }

  store(count: number): void {
    for (let index = 0; index < count; index += 1) this.connection?.store();
  }

  /** The line breaks, what is on its way is gone; in a crash also what the server had in memory. */
  cut(crash: boolean): void {
    if (!this.connection) return;
    assert.equal(this.session.closed(1006), "again");
    if (crash) this.server.crash();
    this.connection = null;
  }

  finish(): Finished {
    this.session.finish();
    for (let turn = 0; turn < 1000; turn += 1) {
      this.exchange(100, 100);
      this.store(100);
      this.exchange(0, 100);
      if (this.session.finished) return this.session.finished;
    }
    throw new Error("never finished");
  }

  /** Every frame arrived once, at its media time; but those that were dropped, and their time was said lost. */
  checkAgainstTruth(toleranceTicks = 0): void {
    const found = new Map<number, number>();
    for (const { windows } of this.server.streams) {
      for (const { number, ticks } of windows.flat()) {
        assert.ok(!found.has(number), `frame ${number} was stored twice`);
        found.set(number, ticks);
      }
    }
    for (let number = 0; number < this.recorded; number += 1) {
      const ticks = found.get(number);
      if (ticks === undefined) assert.ok(this.dropped.has(number), `frame ${number} is missing`);
      else assert.ok(Math.abs(ticks - this.truth[number]!) <= toleranceTicks, `frame ${number} is at ${ticks}`);
    }
  }
}

export type Step = (candidate: Candidate) => void;

/** Anything that may happen between a microphone and a server. */
export const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ count: fc.integer({ min: 1, max: 1500 }), cuts: fc.integer({ min: 1, max: 9 }) }).map(
    ({ count, cuts }): Step =>
      (candidate) =>
        candidate.record(count, cuts),
  ),
  fc.record({ up: fc.nat(6), down: fc.nat(6) }).map(
    ({ up, down }): Step =>
      (candidate) =>
        candidate.exchange(up, down),
  ),
  fc.integer({ min: 1, max: 4 }).map(
    (count): Step =>
      (candidate) =>
        candidate.store(count),
  ),
  fc.boolean().map(
    (crash): Step =>
      (candidate) =>
        candidate.cut(crash),
  ),
);

export const lossyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: step },
  {
    weight: 1,
    arbitrary: fc.nat(5_000).map(
      (lostMs): Step =>
        (candidate) =>
          candidate.lose(lostMs),
    ),
  },
);
