/** What is kept, for how long, and how much time every byte of it is. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BadAudio } from "../../src/session/frames.ts";
import { Outbox, SLACK_MS, TICKS_PER_MS, TICKS_PER_S, toMs } from "../../src/session/outbox.ts";
import {
  concatenated,
  FRAME_BYTES,
  FRAME_TICKS,
  frames,
  OTHER_FRAME_BYTES,
  OTHER_FRAME_TICKS,
  PER_FRAME,
  RATE,
} from "./recording.ts";

/** The outbox, said in the plainest way: everything ever recorded, and a list of frames. */
class Model {
  data: Uint8Array = new Uint8Array(0);
  begin = 0;
  readonly frames: { end: number; ticks: number }[] = [];
  readonly losses: { at: number; ticks: number }[] = [];
  #from = 0; // where the frame begins that comes next

  record(data: Uint8Array, keepMs: number): void {
    this.data = concatenated([this.data, data]);
    for (; this.#from + FRAME_BYTES <= this.data.length; this.#from += FRAME_BYTES) {
      this.frames.push({ end: this.#from + FRAME_BYTES, ticks: FRAME_TICKS });
    }
    if (this.kept() <= keepMs * TICKS_PER_MS) return;
    const wanted = (keepMs - Math.min(SLACK_MS, keepMs / 2)) * TICKS_PER_MS;
    for (const { end } of this.frames) {
      if (this.kept() <= wanted) break;
      this.begin = Math.max(this.begin, end);
    }
  }

  lose(ms: number): void {
    this.losses.push({ at: this.data.length, ticks: ms * TICKS_PER_MS });
    this.#from = this.data.length;
  }

  letGo(offset: number): void {
    this.begin = Math.max(this.begin, offset);
  }

  kept(): number {
    return this.sound(this.data.length) - this.sound(this.begin);
  }

  sound(offset: number): number {
    return this.frames.reduce((sum, frame) => sum + (frame.end <= offset ? frame.ticks : 0), 0);
  }

  lost(offset: number): number {
    return this.losses.reduce((sum, loss) => sum + (loss.at <= offset ? loss.ticks : 0), 0);
  }

  read(offset: number, limit: number): Uint8Array {
    const until = Math.min(...this.losses.map(({ at }) => (at > offset ? at : Infinity)), offset + limit);
    return this.data.subarray(offset, until);
  }
}

type Step = (outbox: Outbox, model: Model, keepMs: number) => void;

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ count: fc.integer({ min: 1, max: 120 }), cut: fc.integer({ min: 20, max: 700 }) }).map(
    ({ count, cut }): Step =>
      (outbox, model, keepMs) => {
        const data = frames(model.frames.length, count);
        for (let at = 0; at < data.length; at += cut) {
          outbox.record(data.subarray(at, at + cut));
          model.record(data.subarray(at, at + cut), keepMs);
        }
      },
  ),
  fc.nat(2_000).map(
    (ms): Step =>
      (outbox, model) => {
        outbox.lose(ms);
        model.lose(ms);
      },
  ),
  fc.double({ min: 0, max: 1, noNaN: true }).map(
    (part): Step =>
      (outbox, model) => {
        // As servers do: a frame's end that was sent.
        const at = model.frames[Math.floor(part * model.frames.length)]?.end ?? 0;
        outbox.read(outbox.begin, outbox.end);
        outbox.letGo(at);
        model.letGo(at);
      },
  ),
);

function readAll(outbox: Outbox, from: number, until: number): Uint8Array {
  const pieces = [];
  for (let at = from; at < until; ) {
    const piece = outbox.read(at, until - at);
    assert.ok(piece.length > 0);
    pieces.push(piece);
    at += piece.length;
  }
  return concatenated(pieces);
}

test("it keeps, drops, lets go and counts as the plainest outbox does", () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 25 }),
      fc.integer({ min: 500, max: 15_000 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 5, maxLength: 5 }),
      (steps, keepMs, places) => {
        const [outbox, model] = [new Outbox(keepMs), new Model()];
        outbox.record(frames(0, 2)); // a lone header is not yet taken for a stream
        model.record(frames(0, 2), keepMs);
        for (const each of steps) each(outbox, model, keepMs);
        assert.equal(outbox.end, model.data.length);
        assert.equal(outbox.begin, model.begin);
        assert.equal(outbox.keptMs, toMs(model.kept()));
        assert.equal(outbox.mediaMs, toMs(model.sound(outbox.end) + model.lost(outbox.end)));
        assert.deepEqual(readAll(outbox, outbox.begin, outbox.end), model.data.slice(model.begin));
        for (const place of places) {
          const offset = outbox.begin + Math.floor(place * (outbox.end - outbox.begin));
          assert.equal(outbox.sound(offset), model.sound(offset));
          assert.equal(outbox.lost(offset), model.lost(offset));
          const read = outbox.read(offset, 300);
          assert.deepEqual(read, model.read(offset, 300).slice(0, read.length));
          assert.equal(read.length === 0, model.read(offset, 300).length === 0);
        }
      },
    ),
  );
});

test("a full outbox drops its oldest whole frames and no more than needed", () => {
  const outbox = new Outbox(10_000);
  const data = frames(0, 3000);
  for (let at = 0; at < data.length; at += 1000) {
    outbox.record(data.subarray(at, at + 1000));
    assert.equal(outbox.begin % FRAME_BYTES, 0);
    assert.ok(outbox.keptMs <= 10_000);
    if (outbox.begin) assert.ok(outbox.keptMs >= 10_000 - SLACK_MS - 53);
  }
});

test("hours without a line and hours with one take no more memory than their last minutes", () => {
  const minute = frames(0, 1149);
  const offline = new Outbox(60_000);
  const online = new Outbox();
  for (let minutes = 1; minutes <= 300; minutes += 1) {
    offline.record(minute);
    online.record(minute);
    online.read(online.end - 100, 100);
    online.letGo(online.end - 2 * FRAME_BYTES);
    assert.ok(online.heldBytes <= 2 * 65_536);
    assert.equal(online.marks, minutes + 3, "one a window, and the lead-in");
    assert.ok(offline.heldBytes <= 3 * 65_536);
    assert.ok(offline.marks <= 1200);
  }
  assert.equal(online.sound(online.end), 300 * 1149 * FRAME_TICKS);
});

test("15 minutes at 128 kbit/s fit, and stay within 15 MB", () => {
  const perFrame = 418; // MPEG-1, 44.1 kHz, 128 kbit/s, padded
  const frame = new Uint8Array(perFrame);
  frame.set([0xff, 0xfb, 0x92, 0xc0]);
  const outbox = new Outbox();
  for (let count = 0; count < 40_000; count += 1) outbox.record(frame);
  assert.ok(outbox.keptMs > 898_900 && outbox.keptMs <= 900_000);
  assert.ok(outbox.heldBytes < 15e6, `${outbox.heldBytes}`);
  assert.ok(outbox.marks < 35_000);
});

test("what the microphone lost counts from its byte on", () => {
  const outbox = new Outbox();
  outbox.record(frames(0, 10));
  outbox.lose(500);
  outbox.lose(250);
  outbox.record(frames(10, 10));
  const at = 10 * FRAME_BYTES;
  assert.equal(outbox.lost(at - 1), 0);
  assert.equal(outbox.lost(at), 750 * TICKS_PER_MS);
  assert.equal(outbox.mediaMs, 750 + Math.round((20 * PER_FRAME * 1000) / RATE));
  assert.deepEqual(outbox.read(0, 10_000), frames(0, 10)); // not beyond the loss: it is told there
  assert.deepEqual(outbox.read(at, 10_000), frames(10, 10));
});

test("half a frame before a loss is no sound", () => {
  const outbox = new Outbox();
  outbox.record(frames(0, 11).subarray(0, 10 * FRAME_BYTES + 30));
  outbox.lose(500);
  outbox.record(frames(11, 5));
  for (const [offset, count] of [
    [10 * FRAME_BYTES + 52, 10],
    [11 * FRAME_BYTES + 29, 10],
    [11 * FRAME_BYTES + 30, 11],
    [outbox.end, 15],
  ]) {
    assert.equal(outbox.sound(offset!), count! * FRAME_TICKS);
  }
});

test("media time goes on across changes of format, wherever the bytes are cut", () => {
  const data = concatenated([frames(0, 10), frames(10, 10, true), frames(20, 10)]);
  const ticks = 20 * FRAME_TICKS + 10 * OTHER_FRAME_TICKS;
  const middle = 10 * FRAME_BYTES + 10 * OTHER_FRAME_BYTES;
  for (const cut of [data.length, 1, 7, 50, 333]) {
    const outbox = new Outbox();
    for (let at = 0; at < data.length; at += cut) outbox.record(data.subarray(at, at + cut));
    assert.equal(outbox.sound(middle), 10 * FRAME_TICKS + 10 * OTHER_FRAME_TICKS);
    assert.equal(outbox.sound(outbox.end), ticks);
  }
});

test("what can't be MP3 is refused, again and again, and not kept", () => {
  const outbox = new Outbox();
  const noise = new Uint8Array(33 * 1024);
  outbox.record(noise);
  assert.throws(() => outbox.record(noise), BadAudio);
  const { heldBytes } = outbox;
  for (let count = 0; count < 10; count += 1) assert.throws(() => outbox.record(noise), BadAudio);
  assert.equal(outbox.heldBytes, heldBytes);
});

test("what was recorded is copied", () => {
  const outbox = new Outbox();
  const buffer = new Uint8Array(60); // as an encoder's that is written to again and again
  const data = frames(0, 30);
  for (let at = 0; at < data.length; at += buffer.length) {
    buffer.set(data.subarray(at, at + buffer.length));
    outbox.record(buffer);
  }
  assert.deepEqual(outbox.read(0, 2000), data);
  assert.equal(outbox.sound(outbox.end), 30 * FRAME_TICKS);
});

test("ticks are rounded to the nearest millisecond", () => {
  assert.equal(toMs(TICKS_PER_S), 1000);
  assert.equal(toMs(7055), 0);
  assert.equal(toMs(7056), 1);
});
