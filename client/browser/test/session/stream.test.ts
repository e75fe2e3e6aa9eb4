/** The candidate's session against a server in memory, back to back over a line that breaks anywhere. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ServerFault } from "../../src/session/base.ts";
import { TICKS_PER_MS, toMs } from "../../src/session/outbox.ts";
import { StreamSession } from "../../src/session/stream.ts";
import { Candidate, lossyStep, step } from "./candidate.ts";
import { FRAME_BYTES, FRAME_TICKS, frames } from "./recording.ts";

function ready(fields: object = {}): string {
  return JSON.stringify({
    type: "ready",
    stream: 1,
    offset: 0,
    held: 0,
    window_ms: 60_000,
    max_message_bytes: 65_536,
    ...fields,
  });
}

function said(session: StreamSession): (Record<string, unknown> | Uint8Array)[] {
  const messages = [];
  for (let message = session.nextMessage(); message !== null; message = session.nextMessage()) {
    messages.push(typeof message === "string" ? (JSON.parse(message) as Record<string, unknown>) : message);
  }
  return messages;
}

function bytesIn(messages: readonly (Record<string, unknown> | Uint8Array)[]): number {
  return messages.reduce((sum, each) => sum + (each instanceof Uint8Array ? each.length : 0), 0);
}

test("nothing is lost, nothing is doubled, media time is exact, however the line breaks", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      const candidate = new Candidate();
      candidate.record(2); // a lone header is not yet taken for a stream
      for (const each of steps) each(candidate);
      const finished = candidate.finish();
      assert.equal(finished.offset, candidate.recorded * FRAME_BYTES);
      assert.equal(finished.windows, candidate.server.streams.at(-1)!.windows.length);
      candidate.checkAgainstTruth();
      assert.equal(candidate.session.outbox.keptMs, 0);
    }),
  );
});

test("what the microphone lost moves media time on, to the millisecond", () => {
  fc.assert(
    fc.property(fc.array(lossyStep, { maxLength: 40, size: "max" }), (steps) => {
      const candidate = new Candidate();
      candidate.record(2);
      for (const each of steps) each(candidate);
      candidate.finish();
      candidate.checkAgainstTruth();
      assert.equal(candidate.session.lostMs, candidate.lostMs);
    }),
  );
});

test("an outbox that overflows says exactly what is missing", () => {
  const keep = fc.integer({ min: 2_000, max: 100_000 });
  fc.assert(
    fc.property(fc.array(lossyStep, { maxLength: 40, size: "max" }), keep, (steps, keepMs) => {
      const candidate = new Candidate(keepMs);
      candidate.record(2);
      for (const each of steps) each(candidate);
      candidate.finish();
      candidate.checkAgainstTruth(TICKS_PER_MS);
      const row = candidate.server.streams.at(-1)!;
      const missing = candidate.recorded - row.windows.flat().length;
      const lostMs = candidate.lostMs + toMs(missing * FRAME_TICKS);
      assert.ok(Math.abs(toMs(row.missing) - lostMs) <= 1, `${toMs(row.missing)} ms instead of ${lostMs}`);
    }),
  );
});

test("an hour without a line keeps the last quarter and says the rest", () => {
  const candidate = new Candidate();
  for (let minute = 0; minute < 60; minute += 1) candidate.record(1149, 60);
  const { outbox } = candidate.session;
  assert.ok(outbox.keptMs > 898_900 && outbox.keptMs <= 900_000);
  assert.equal(outbox.begin % FRAME_BYTES, 0);
  assert.equal(candidate.finish().offset, candidate.recorded * FRAME_BYTES);
  candidate.checkAgainstTruth(TICKS_PER_MS);
  assert.equal(candidate.session.lostMs, toMs(candidate.dropped.size * FRAME_TICKS));
});

test("only `stored` lets go, and `ready` may go back", () => {
  const session = new StreamSession("token");
  session.record(frames(0, 50));
  session.connect();
  session.receive(ready({ max_message_bytes: 1000 }));
  const sent = said(session);
  assert.ok(sent.every((each) => each instanceof Uint8Array && each.length <= 1000));
  assert.equal(bytesIn(sent), 50 * FRAME_BYTES);
  assert.equal(session.outbox.begin, 0);
  session.receive(JSON.stringify({ type: "stored", offset: 10 * FRAME_BYTES, window: 0 }));
  assert.equal(session.outbox.begin, 10 * FRAME_BYTES);
  session.closed(1006);
  assert.equal((JSON.parse(session.connect()) as { buffered_from: number }).buffered_from, 10 * FRAME_BYTES);
  session.receive(ready({ offset: 20 * FRAME_BYTES, held: 20 * FRAME_BYTES }));
  assert.equal(bytesIn(said(session)), 30 * FRAME_BYTES);
  session.closed(1006);
  session.connect();
  session.receive(ready({ offset: 10 * FRAME_BYTES, held: 10 * FRAME_BYTES }));
  assert.equal(bytesIn(said(session)), 40 * FRAME_BYTES);
});

test("a gap is told before the sound after it, and again after a break, also to a server that forgot it", () => {
  const session = new StreamSession("token");
  session.record(frames(0, 10));
  session.lose(500);
  session.record(frames(10, 10));
  const gap = { type: "gap", offset: 10 * FRAME_BYTES, lost_ms: 500 };
  for (const held of [0, 10, 0, 10]) {
    session.connect();
    session.receive(ready({ offset: held * FRAME_BYTES, held: held * FRAME_BYTES }));
    const sent = said(session);
    assert.deepEqual(
      sent.filter((each) => !(each instanceof Uint8Array)),
      [gap],
    );
    assert.equal(bytesIn(sent.slice(sent.length - 1)), 10 * FRAME_BYTES);
    session.closed(1006);
  }
});

test("what was to be told again on a line that broke is not told on the next", () => {
  const session = new StreamSession("token");
  session.record(frames(0, 10));
  session.lose(500);
  session.record(frames(10, 10));
  for (const held of [0, 10]) {
    session.closed(1006);
    session.connect();
    session.receive(ready({ offset: held * FRAME_BYTES, held: held * FRAME_BYTES }));
    if (!held) said(session);
  }
  session.closed(1006);
  session.connect();
  session.receive(ready());
  assert.equal((session.nextMessage() as Uint8Array).length, 10 * FRAME_BYTES);
});

test("an outbox that overflows again between `hello` and `ready` still counts every frame", () => {
  const session = new StreamSession("token", { keepMs: 10_000 });
  session.record(frames(0, 300));
  const first = session.outbox.begin;
  session.connect();
  session.record(frames(300, 300));
  session.receive(ready({ offset: first, held: 0 }));
  const gaps = said(session).filter((each) => !(each instanceof Uint8Array));
  assert.deepEqual(
    gaps,
    [first, session.outbox.begin].map((offset) => ({
      type: "gap",
      offset,
      lost_ms: toMs((offset / FRAME_BYTES) * FRAME_TICKS),
    })),
  );
});

test("a change of format begins the next stream at its byte", () => {
  const session = new StreamSession("token");
  session.record(frames(0, 50));
  session.lose(300);
  session.record(frames(100, 30, true));
  session.connect();
  session.receive(ready());
  said(session);
  session.receive(JSON.stringify({ type: "stored", offset: 50 * FRAME_BYTES, window: 0 }));
  assert.equal(session.closed(4007), "again");
  assert.equal((JSON.parse(session.connect()) as { stream?: number }).stream, undefined);
  session.receive(ready({ stream: 2 }));
  const sent = said(session);
  assert.equal(bytesIn(sent), 30 * 48);
  assert.equal(sent.length, 1, "what was lost before belongs to the stream before");
});

test("a lost answer to `finish` is asked for again", () => {
  const session = new StreamSession("token");
  session.record(frames(0, 5));
  session.finish();
  assert.throws(() => session.record(frames(5, 1)), /finish/);
  session.connect();
  session.receive(ready());
  assert.deepEqual(said(session).at(-1), { type: "finish" });
  assert.equal(session.closed(1006), "again");
  session.connect();
  session.receive(JSON.stringify({ type: "finished", offset: 5 * FRAME_BYTES, windows: 1 }));
  assert.equal(session.outbox.keptMs, 0);
  assert.equal(session.closed(1006), "over");
});

test("what breaks the protocol is a fault, and the connection is tried again", () => {
  const faults: [string, RegExp][] = [
    ["no JSON", /not JSON/],
    ["7", /no object/],
    ['{"type":"hello"}', /unknown type/],
    ['{"type":"toString"}', /unknown type/],
    ['{"type":"ready","stream":1}', /valid `offset`/],
    [ready({ offset: -1 }), /valid `offset`/],
    [ready({ offset: 1.5 }), /valid `offset`/],
    [ready({ max_message_bytes: 0 }), /no byte/],
    [ready({ offset: 53, held: 53 }), /recorded/],
    [ready({ offset: 0, held: 1 }), /recorded/],
    ['{"type":"stored","offset":0,"window":0}', /in state greeting/],
    ['{"type":"finished","offset":0,"windows":0}', /never said/],
  ];
  for (const [text, detail] of faults) {
    const session = new StreamSession("token");
    session.record(frames(0, 1));
    session.connect();
    assert.throws(() => session.receive(text), ServerFault);
    assert.throws(() => session.receive(text), detail);
    assert.equal(session.closed(1006), "again");
  }
  const session = new StreamSession("token");
  session.record(frames(0, 2));
  session.connect();
  session.receive(ready());
  assert.throws(() => session.receive('{"type":"stored","offset":1,"window":0}'), /but 0 were sent/);
  session.closed(1006);
  session.connect();
  assert.throws(() => session.receive(ready({ stream: 2 })), /asked for stream 1/);
});

test("the number of a close alone says what follows", () => {
  const cases: [number, string][] = [
    [1006, "again"],
    [1001, "again"],
    [1012, "again"],
    [4000, "again"],
    [4006, "renew"],
    [4499, "again"],
    [1000, "failed"],
    [1009, "failed"],
    [4500, "failed"],
    [4506, "failed"],
    [4999, "failed"],
  ];
  for (const [code, after] of cases) {
    const session = new StreamSession("token");
    session.connect();
    session.receive('{"type":"error","code":"draining","detail":"in so many words","retry_after_ms":700}');
    assert.equal(session.retryAfterMs, 700);
    assert.equal(session.closed(code, "a reason"), after, `${code}`);
    assert.equal(session.fault?.close, after === "failed" ? code : undefined);
    assert.equal(session.fault?.detail, after === "failed" ? "in so many words" : undefined);
  }
});

test("a renewed token is told at once and kept", () => {
  const session = new StreamSession("old");
  session.connect();
  session.receive('{"type":"expiring","at":"2026-01-01T00:00:00.000Z"}');
  assert.ok(session.takeExpiring());
  assert.ok(!session.takeExpiring());
  session.receive(ready());
  session.refresh("new");
  assert.deepEqual(said(session), [{ type: "refresh", token: "new" }]);
  session.closed(1006);
  session.refresh("newer");
  assert.equal((JSON.parse(session.connect()) as { token: string }).token, "newer");
  session.receive('{"type":"expiring","at":"2026-01-01T00:00:00.000Z"}');
  session.refresh("newest");
  session.closed(1006);
  assert.ok(!session.takeExpiring());
  session.connect();
  session.receive(ready());
  assert.deepEqual(said(session), [], "`hello` brought it");
});

test("the server may be silent until it owes a window", () => {
  const session = new StreamSession("token");
  session.connect();
  session.receive(ready());
  assert.equal(session.mayBeSilentMs, null);
  session.record(frames(0, 1140));
  said(session);
  assert.equal(session.mayBeSilentMs, null, "less than a window was sent");
  session.record(frames(1140, 40));
  said(session);
  assert.equal(session.mayBeSilentMs, 60_000);
  session.receive(JSON.stringify({ type: "stored", offset: 1147 * FRAME_BYTES, window: 0 }));
  assert.equal(session.mayBeSilentMs, null);
  session.finish();
  said(session);
  assert.equal(session.mayBeSilentMs, 60_000);
  session.receive(JSON.stringify({ type: "finished", offset: 1180 * FRAME_BYTES, windows: 2 }));
  assert.equal(session.mayBeSilentMs, 2_000);
});
