/** Who spoke when: letters, where to begin, and jumping from turn to turn. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { peaksOf } from "../../src/sidebar/peaks.ts";
import {
  exceeded,
  firstOther,
  heardMs,
  nextTurn,
  previousTurn,
  speaking,
  strongest,
  turnsOf,
  voicesOf,
} from "../../src/sidebar/turns.ts";
import type { Evidence } from "../../src/wire/messages.ts";
import { evidence } from "./exam.ts";

const said = (...turns: Evidence["turns"]): Pick<Evidence, "turns"> => ({ turns });

test("A is the main voice, however little it says", () => {
  const voices = voicesOf(said([0, 8000, 1], [8000, 9000, 0], [9000, 11_000, 0]));
  assert.deepEqual(
    voices.map(({ label, speechMs }) => [label, speechMs]),
    [
      ["A", 3000],
      ["B", 8000],
    ],
  );
});

test("listening begins at the first word that is not the main voice's", () => {
  assert.equal(firstOther(voicesOf(said([0, 5000, 0], [7000, 8000, 1], [9000, 9500, 2]))), 7000);
  assert.equal(firstOther(voicesOf(said([300, 600, 1], [1000, 9000, 0]))), 300);
  assert.equal(firstOther(voicesOf(said([400, 9000, 0]))), 400, "one voice: its first word");
  assert.equal(firstOther([]), 0);
});

test("next and previous walk over all turns of all voices", () => {
  const turns = turnsOf(voicesOf(said([0, 5000, 0], [7000, 8000, 1], [9000, 9500, 0])));
  assert.equal(nextTurn(turns, 0)?.startMs, 7000);
  assert.equal(nextTurn(turns, 7000)?.startMs, 9000, "not the one that it is at");
  assert.equal(nextTurn(turns, 9000), null);
  assert.equal(previousTurn(turns, 9400)?.startMs, 7000, "just begun: the one before");
  assert.equal(previousTurn(turns, 20_000)?.startMs, 9000, "well into it: its beginning");
  assert.equal(previousTurn(turns, 10)?.startMs, 0);
  assert.equal(previousTurn([], 10), null);
});

test("two may speak at once, and nobody may", () => {
  const turns = turnsOf(voicesOf(said([0, 5000, 0], [4000, 6000, 1])));
  assert.deepEqual([speaking(turns, 100), speaking(turns, 4500), speaking(turns, 6000)], [[0], [0, 1], []]);
});

test("every turn is in exactly one lane", () => {
  const turn = fc.tuple(fc.nat(59_000), fc.integer({ min: 1, max: 900 }), fc.nat(5));
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 60 }), (made) => {
      const turns = made.map(([start, length, speaker]): [number, number, number] => [start, start + length, speaker]);
      const voices = voicesOf({ turns });
      assert.equal(turnsOf(voices).length, turns.length);
      assert.equal(new Set(voices.map(({ label }) => label)).size, voices.length);
      const main = Math.min(...turns.map(([, , speaker]) => speaker));
      assert.equal(voices[0]?.turns.length ?? 0, turns.filter(([, , speaker]) => speaker === main).length);
    }),
  );
});

test("a voice that has changed is B: A is the one heard before, who says nothing here", () => {
  const voices = voicesOf(said([300, 5000, 0], [7000, 8000, 0]), "voice_changed");
  assert.deepEqual(
    voices.map(({ label, speechMs, turns }) => [label, speechMs, turns.length]),
    [
      ["A", 0, 0],
      ["B", 5700, 2],
    ],
  );
  const turns = turnsOf(voices);
  assert.equal(firstOther(voices), 300, "listening begins at its first word");
  assert.equal(nextTurn(turns, 300)?.startMs, 7000);
  assert.deepEqual(
    speaking(turns, 400).map((voice) => voices[voice]!.label),
    ["B"],
  );
});

test("the window that says most is the one where what it is about is heard longest", () => {
  const windows = [evidence(0, 2000), evidence(1, 9000), evidence(2, 9000)];
  assert.equal(strongest({ kind: "multiple_voices", evidence: windows }), 1);
  assert.equal(strongest({ kind: "multiple_voices", evidence: [] }), 0);
  const alone = (endMs: number): Evidence => ({ ...evidence(0, 0), voices: 1, turns: [[0, endMs, 0]] });
  assert.equal(strongest({ kind: "voice_changed", evidence: [alone(4000), alone(50_000), alone(9000)] }), 1);
  assert.deepEqual(
    [heardMs(alone(4000), "voice_changed"), heardMs(evidence(0, 2000), "multiple_voices")],
    [4000, 2000],
  );
});

test("what is expected by now is said only where it was exceeded", () => {
  assert.deepEqual([exceeded(2, 1), exceeded(2, 2), exceeded(2, 3), exceeded(2, null)], [1, null, null, null]);
});

test("bars show the loudest of each stretch, and silence as nothing", () => {
  const samples = new Float32Array(8000);
  samples[1000] = -0.5;
  samples[6000] = 0.25;
  assert.deepEqual([...peaksOf(samples, 8000, 0, 1000, 4)], [1, 0, 0, 0.5]);
  assert.deepEqual([...peaksOf(samples, 8000, 500, 1500, 2)], [1, 0], "past the end there is no sound");
  assert.deepEqual([...peaksOf(new Float32Array(8000).fill(0.0005), 8000, 0, 1000, 2)], [0, 0]);
});
