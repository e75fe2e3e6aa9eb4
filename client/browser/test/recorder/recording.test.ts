import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Mp3Encoder, outputRate } from "../../src/recorder/encoder.ts";
import { Recording } from "../../src/recorder/recording.ts";
import { FrameParser } from "../../src/session/frames.ts";
import { StreamSession } from "../../src/session/stream.ts";
import { blocks, noise, RATE, syllables, WASM } from "./sound.ts";

/** A recording that is fed in real time, as the clocks of the test say. */
class Game {
  session = new StreamSession("token");
  recording: Recording;
  now = 1000;

  constructor(encoder: Mp3Encoder) {
    const { session } = this;
    const sink = {
      send: (mp3: Uint8Array) => session.record(mp3),
      lose: (ms: number) => session.lose(ms),
      finish: () => session.finish(),
    };
    this.recording = new Recording(sink, encoder, RATE);
  }

  static async begin(): Promise<Game> {
    return new Game(await Mp3Encoder.create(WASM, RATE));
  }

  play(samples: Float32Array, rate = RATE): void {
    this.recording.turnTo(rate);
    for (const block of blocks(samples)) {
      this.now += (block.length * 1000) / rate;
      this.recording.heard(block, this.now, this.now);
    }
  }

  finish(): void {
    this.recording.finish(this.now, this.now);
  }

  get mediaMs(): number {
    return this.session.outbox.mediaMs;
  }
}

describe("a recording", () => {
  test("lasts as long as its samples, up to the silence that fills the last frames", async () => {
    const game = await Game.begin();
    game.play(syllables(20, -20));
    game.finish();
    assert.ok(game.mediaMs >= 20_000 && game.mediaMs < 20_090, `${game.mediaMs}`);
  });

  test("with a gap lasts as long as real time", async () => {
    const game = await Game.begin();
    const begin = game.now;
    game.play(syllables(5, -20));
    game.now += 7300;
    game.play(syllables(5, -20));
    game.finish();
    const real = game.now - begin;
    assert.ok(Math.abs(game.mediaMs - real) < 90, `${game.mediaMs} of ${real}`);
  });

  test("goes on by a device of another rate as long as real time, in the same format", async () => {
    const game = await Game.begin();
    const begin = game.now;
    game.play(syllables(5, -20));
    for (const rate of [44100, 16000, RATE]) {
      game.now += 1300; // until it is opened
      game.play(syllables(5, -20, rate), rate);
    }
    game.finish();
    const real = game.now - begin;
    assert.ok(Math.abs(game.mediaMs - real) < 90, `${game.mediaMs} of ${real}`);
  });

  test("that ends while the microphone is gone tells the rest", async () => {
    const game = await Game.begin();
    const begin = game.now;
    game.play(syllables(5, -20));
    game.now += 4000;
    game.finish();
    assert.ok(Math.abs(game.mediaMs - (game.now - begin)) < 90, `${game.mediaMs}`);
  });

  test("says when nothing is heard", async () => {
    const game = await Game.begin();
    game.play(noise(2, -60));
    assert.equal(game.recording.silent, false);
    game.play(new Float32Array(11 * RATE));
    assert.equal(game.recording.silent, true);
    assert.ok(game.recording.loudest() > -65);
    assert.equal(game.recording.loudest(), -120);
  });
});

describe("the encoder", () => {
  for (const [rate, out] of [
    [48000, 48000],
    [44100, 44100],
    [96000, 48000],
    [16000, 48000],
  ] as const) {
    test(`${rate} Hz in: the first frame is audio at ${out} Hz, mono, 64 kbit/s, and no Xing frame`, async () => {
      assert.equal(outputRate(rate), out);
      const encoder = await Mp3Encoder.create(WASM, rate);
      const bytes = [...blocks(syllables(3, -20, rate))].map((block) => encoder.encode(block));
      const { rest, addedMs } = encoder.finish();
      const mp3 = Buffer.concat([...bytes, rest]);
      assert.ok(addedMs > 0 && addedMs < 120, `${addedMs}`);
      for (const word of ["Xing", "Info", "VBRI", "ID3"]) assert.equal(mp3.indexOf(word), -1, word);
      const parser = new FrameParser();
      const ends = parser.feed(mp3);
      assert.equal(parser.format?.sampleRate, out);
      assert.equal(ends.at(-1), mp3.length);
      assert.ok(ends.length * 1152 - (3 + addedMs / 1000) * out < 1152, "all frames are found");
      assert.equal(mp3[0], 0xff);
      assert.equal(mp3[3]! >> 6, 3, "mono");
      assert.equal(mp3[2]! >> 4, 5, "64 kbit/s");
    });
  }

  test("begins anew after an end: what follows needs nothing of what was before", async () => {
    const encoder = await Mp3Encoder.create(WASM, RATE);
    const encode = (): Buffer => {
      const parts = [...blocks(syllables(2, -20))].map((block) => encoder.encode(block));
      return Buffer.concat([...parts, encoder.finish().rest]);
    };
    assert.deepEqual(encode(), encode());
  });
});
