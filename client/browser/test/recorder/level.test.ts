import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FLOOR_DBFS, filled, judge, Levels, Silence } from "../../src/recorder/level.ts";
import { blocks, mix, noise, RATE, syllables } from "./sound.ts";

function levelsOf(samples: Float32Array, size = 2048): number[] {
  const levels = new Levels(RATE);
  return [...blocks(samples, size)].flatMap((block) => levels.add(block));
}

describe("levels", () => {
  test("a full-scale sine is 3 dB below full scale, however it is cut", () => {
    const sine = Float32Array.from({ length: RATE }, (_, i) => Math.sin((2 * Math.PI * 500 * i) / RATE));
    for (const size of [128, 2048, 48000]) {
      const levels = levelsOf(sine, size);
      assert.equal(levels.length, 50);
      for (const level of levels) assert.ok(Math.abs(level + 3.01) < 0.01, `${level}`);
    }
  });

  test("a constant offset is no sound", () => {
    assert.ok(levelsOf(new Float32Array(RATE).fill(0.25)).every((level) => level === FLOOR_DBFS));
  });
});

describe("the verdict before the exam", () => {
  const cases = [
    { what: "speech in a quiet room", sound: mix(syllables(5, -23), noise(5, -65)), verdict: "good" },
    { what: "loud speech in an office", sound: mix(syllables(5, -18), noise(5, -40)), verdict: "good" },
    { what: "speech far from the microphone", sound: mix(syllables(5, -48), noise(5, -70)), verdict: "too_quiet" },
    { what: "a quiet room and nobody who speaks", sound: noise(5, -55), verdict: "too_quiet" },
    { what: "speech beside a fan", sound: mix(syllables(5, -25), noise(5, -33)), verdict: "noisy" },
    { what: "a fan alone", sound: noise(5, -30), verdict: "noisy" },
    { what: "a muted headset", sound: new Float32Array(5 * RATE), verdict: "no_sound" },
    { what: "an unplugged jack", sound: noise(5, -82), verdict: "no_sound" },
    { what: "no sample at all", sound: new Float32Array(0), verdict: "no_sound" },
  ] as const;
  for (const { what, sound, verdict } of cases) {
    test(`${what}: ${verdict}`, () => assert.equal(judge(levelsOf(sound)).verdict, verdict));
  }

  test("says both levels", () => {
    const { speech, noise: pauses } = judge(levelsOf(mix(syllables(5, -23), noise(5, -65))));
    assert.ok(Math.abs(speech + 23) < 1, `${speech}`);
    assert.ok(Math.abs(pauses + 65) < 1, `${pauses}`);
  });
});

describe("a microphone that has gone dead", () => {
  test("is noticed after ten seconds, not before, and forgotten at the first sound", () => {
    const silence = new Silence();
    const dead = new Array(499).fill(FLOOR_DBFS);
    assert.equal(silence.heard(dead), false);
    assert.equal(silence.heard([FLOOR_DBFS]), true);
    assert.equal(silence.heard([-60]), false);
    assert.equal(silence.heard(dead), false);
  });

  test("a very quiet room is not dead", () => {
    assert.equal(new Silence().heard(levelsOf(noise(15, -105))), false);
  });
});

test("the meter is empty at -60 dBFS and full at -10", () => {
  assert.deepEqual([-120, -60, -35, -10, 0].map(filled), [0, 0, 0.5, 1, 1]);
});
