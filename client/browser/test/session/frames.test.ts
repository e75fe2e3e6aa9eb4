/** Which bytes are frames: the same ones however they are cut, and those that the server finds. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { FrameParser, MAX_JUNK_BYTES } from "../../src/session/frames.ts";
import { readHeader } from "../../src/session/header.ts";
import { concatenated, FRAME_BYTES, frames, OTHER_FRAME_BYTES } from "./recording.ts";

const SAMPLE = new Uint8Array(
  readFileSync(new URL("../../../undertone_client/samples/two-voices.mp3", import.meta.url)),
);

function endsOf(data: Uint8Array, cuts: readonly number[] = []): number[] {
  const parser = new FrameParser();
  const ends: number[] = [];
  let at = 0;
  for (const cut of [...cuts, data.length]) {
    ends.push(...parser.feed(data.subarray(at, at + cut)));
    at += cut;
  }
  return ends;
}

function every(size: number, count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, index) => from + (index + 1) * size);
}

test("headers say format and size", () => {
  const table: [number, number, number, number][] = [
    // word, bytes, Hz, samples a frame
    [0xfffb90c0, 417, 44_100, 1152], // 128 kbit/s
    [0xfffb92c0, 418, 44_100, 1152], // padded
    [0xfffb54c4, 192, 48_000, 1152], // 64 kbit/s
    [0xfffb5800, 288, 32_000, 1152],
    [0xfff350c0, 130, 22_050, 576], // 40 kbit/s: index 5 of MPEG-2
    [0xfff384c0, 192, 24_000, 576],
    [0xffe310c0, 52, 11_025, 576],
    [0xffe318c0, 72, 8_000, 576],
  ];
  for (const [word, size, sampleRate, samplesPerFrame] of table) {
    const header = readHeader(word | 0);
    assert.equal(header?.size, size, word.toString(16));
    assert.equal(header?.format.sampleRate, sampleRate);
    assert.equal(header?.format.samplesPerFrame, samplesPerFrame);
  }
});

test("what is no Layer III header, or says no size, is none", () => {
  const none = {
    "no sync": 0xff1b90c0,
    "reserved version": 0xffeb90c0,
    "Layer II": 0xfffd90c0,
    "Layer I": 0xffff90c0,
    "reserved layer": 0xfff990c0,
    "free format": 0xfffb00c0,
    "reserved bit rate": 0xfffbf0c0,
    "reserved sample rate": 0xfffb9cc0,
  };
  for (const [what, word] of Object.entries(none)) assert.equal(readHeader(word | 0), null, what);
});

test("mono and stereo are two formats; joint stereo, copyright and checksum are not", () => {
  const kind = (word: number): number => readHeader(word | 0)!.format.kind;
  assert.notEqual(kind(0xfffb90c0), kind(0xfffb9000));
  assert.equal(kind(0xfffb9000), kind(0xfffb9064));
  assert.equal(kind(0xfffb9000), kind(0xfffaa00c));
});

test("the same frames are found however the bytes are cut", () => {
  const whole = endsOf(SAMPLE);
  assert.equal(whole.length, 2501);
  assert.equal(whole.at(-1), SAMPLE.length);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 2000 }), { maxLength: 400 }), (cuts) => {
      assert.deepEqual(endsOf(SAMPLE, cuts), whole);
    }),
    { numRuns: 30 },
  );
  assert.deepEqual(endsOf(SAMPLE, Array(3000).fill(1)), whole);
});

test("junk before and between is stepped over, wherever it is cut", () => {
  const junk = new Uint8Array(500).fill(0xff);
  const data = concatenated([junk, frames(0, 5), junk, frames(5, 5)]);
  const ends = [...every(FRAME_BYTES, 5, 500), ...every(FRAME_BYTES, 5, 1000 + 5 * FRAME_BYTES)];
  for (const cut of [1, 3, 51, 499, data.length]) {
    assert.deepEqual(endsOf(data, Array(Math.floor(data.length / cut)).fill(cut)), ends);
  }
});

test("a lone header is not taken for a stream", () => {
  const parser = new FrameParser();
  assert.deepEqual(parser.feed(frames(0, 1)), []);
  assert.deepEqual(parser.feed(frames(1, 1)), every(FRAME_BYTES, 2));
});

test("of two headers that the same one confirms, the first counts", () => {
  const long = new Uint8Array(2 * FRAME_BYTES);
  long.set([0xff, 0xe3, 0x20, 0xc0]); // 16 kbit/s: twice as long
  long.set([0xff, 0xe3, 0x10, 0xc0], FRAME_BYTES); // looks like a frame inside it
  const data = concatenated([long, frames(0, 2)]);
  assert.deepEqual(endsOf(data), every(FRAME_BYTES, 3, FRAME_BYTES));
});

test("an information frame at the start is no sound; one in the middle is", () => {
  for (const name of ["Xing", "Info"]) {
    const data = frames(0, 4);
    data.set(Buffer.from(name), 4 + 9); // after the side info of MPEG-2.5 mono
    data.set(Buffer.from(name), 2 * FRAME_BYTES + 4 + 9);
    assert.deepEqual(endsOf(data), every(FRAME_BYTES, 3, FRAME_BYTES));
  }
  const data = frames(0, 4);
  data.set(Buffer.from("VBRI"), 36);
  assert.deepEqual(endsOf(data), every(FRAME_BYTES, 3, FRAME_BYTES));
});

test("a change of format is told where it is, and ends the search", () => {
  const parser = new FrameParser();
  const data = concatenated([frames(0, 5), frames(5, 5, true)]);
  assert.deepEqual(parser.feed(data), every(FRAME_BYTES, 5));
  assert.equal(parser.change?.offset, 5 * FRAME_BYTES);
  assert.equal(parser.change?.after.sampleRate, 12_000);
  assert.deepEqual(parser.feed(data), []);
  const next = new FrameParser(5 * FRAME_BYTES, parser.change!.after);
  assert.deepEqual(next.feed(frames(5, 5, true)), every(OTHER_FRAME_BYTES, 5, 5 * FRAME_BYTES));
});

test("64 KiB without two headers that agree are no MP3; one byte less may be", () => {
  for (const size of [13, 1000, MAX_JUNK_BYTES]) {
    const parser = new FrameParser();
    for (let at = 0; at < MAX_JUNK_BYTES; at += size) {
      assert.equal(parser.bad, null);
      parser.feed(new Uint8Array(size));
    }
    parser.feed(new Uint8Array(3)); // a header may begin in the last bytes
    assert.match(parser.bad!.message, /64 KiB/);
    assert.deepEqual(parser.feed(frames(0, 3)), []);
  }
  const junk = new Uint8Array(MAX_JUNK_BYTES - FRAME_BYTES - 1);
  assert.deepEqual(endsOf(concatenated([junk, frames(0, 3)])), every(FRAME_BYTES, 3, junk.length));
});
