/** The strip: every window in its place, and what is missing between them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { axisOf, Strip } from "../../src/sidebar/strip.ts";
import { pathsOf } from "../../src/sidebar/strip-view.ts";

const MINUTE = 60_000;
const kinds = (strip: Strip): string =>
  strip
    .spans()
    .map(({ kind }) => kind)
    .join(" ");

test("windows in any order make the same strip", () => {
  const windows = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.nat(20)), {
    selector: String,
    maxLength: 40,
  });
  fc.assert(
    fc.property(windows, fc.func(fc.nat()), (there, shuffle) => {
      const start = ([stream, number]: [number, number]): number => stream * 100 * MINUTE + number * MINUTE;
      const [one, other] = [new Strip(), new Strip()];
      const sorted = [...there].sort((a, b) => start(a) - start(b));
      for (const each of sorted) one.put(...each, start(each), MINUTE, "clean");
      for (const each of [...there].sort((a, b) => shuffle(a) - shuffle(b)))
        other.put(...each, start(each), MINUTE, "clean");
      assert.deepEqual(one.spans(), other.spans());
      assert.equal(one.size, there.length);
    }),
  );
});

test("a window waits until its verdict, which is not taken back", () => {
  const strip = new Strip();
  strip.put(1, 0, 0, MINUTE, null);
  assert.equal(kinds(strip), "waiting");
  strip.put(1, 0, 0, MINUTE, "voice_changed");
  strip.put(1, 0, 0, MINUTE, null);
  assert.equal(kinds(strip), "voices");
});

test("a hole between windows is missing sound; less than two seconds is the clock", () => {
  const strip = new Strip();
  strip.put(1, 0, 0, MINUTE, "clean");
  strip.put(1, 1, MINUTE + 1500, MINUTE, "silent");
  strip.put(2, 0, 5 * MINUTE, MINUTE, "unclear");
  assert.equal(kinds(strip), "clean silent missing unclear");
  const { missing, ...windows } = strip.counts();
  assert.equal(missing, 5 * MINUTE - (2 * MINUTE + 1500));
  assert.deepEqual(windows, { clean: 1, voices: 0, silent: 1, unclear: 1, failed: 0, waiting: 0 });
});

test("missing sound shows as soon as it is reported, and once when the next window has come", () => {
  const strip = new Strip();
  strip.put(1, 0, 1000, MINUTE, "clean");
  strip.miss(1, MINUTE, 20_000);
  assert.deepEqual(strip.spans()[1], { kind: "missing", startMs: 1000 + MINUTE, endMs: 1000 + MINUTE + 20_000 });
  strip.put(1, 1, 1000 + MINUTE + 20_000, MINUTE, null);
  assert.equal(kinds(strip), "clean missing waiting");
  assert.equal(strip.counts().missing, 20_000);
});

test("the axis moves by half hours, and is the same object while it has room", () => {
  const axis = axisOf(0, MINUTE, null);
  assert.deepEqual(axis, { startMs: 0, endMs: 30 * MINUTE });
  assert.equal(axisOf(0, 30 * MINUTE, axis), axis);
  assert.deepEqual(axisOf(0, 31 * MINUTE, axis), { startMs: 0, endMs: 60 * MINUTE });
  assert.deepEqual(axisOf(-MINUTE, MINUTE, axis), { startMs: -MINUTE, endMs: 29 * MINUTE });
});

test("each kind is drawn in a shape of its own, told apart without colour", () => {
  const axis = { startMs: 0, endMs: 30 * MINUTE };
  const shape = (kind: "clean" | "voices" | "silent" | "unclear" | "failed" | "missing" | "waiting"): string =>
    pathsOf([{ kind, startMs: 0, endMs: MINUTE }], axis).get(kind)!;
  const shapes = (["clean", "voices", "silent", "unclear", "failed", "missing", "waiting"] as const).map(shape);
  assert.equal(new Set(shapes).size, 7);
  assert.equal(shape("voices"), "M4.8 0h50.4v16h-50.4z");
});
