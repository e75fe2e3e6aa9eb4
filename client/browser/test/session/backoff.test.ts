/** How long clients wait, so that a crowd does not come back at once. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff, FIRST_MS, LONGEST_MS, STEADY_MS } from "../../src/session/backoff.ts";

const LAST = 1 - Number.EPSILON;

test("ceilings double from the first retry to the longest wait", () => {
  const backoff = new Backoff(() => LAST);
  const waits = Array.from({ length: 8 }, () => backoff.failed(0));
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  for (let count = 0; count < 2000; count += 1) assert.equal(backoff.failed(0), LONGEST_MS);
});

test("the whole range is used, the first retry included", () => {
  let state = 1;
  const random = (): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const waits = Array.from({ length: 2000 }, () => new Backoff(random).failed(0));
  for (let tenth = 0; tenth < 10; tenth += 1) {
    const share = waits.filter((wait) => Math.floor(wait / (FIRST_MS / 10 + 0.1)) === tenth).length;
    assert.ok(share > 140 && share < 260, `${share} of 2000 in tenth ${tenth}`);
  }
});

test("the server's wish is a lower bound", () => {
  assert.equal(new Backoff(() => 0).failed(0, 5000), 5000);
  assert.equal(new Backoff(() => LAST).failed(0, 5), FIRST_MS);
});

test("only a connection that lived ends the row of failures", () => {
  const backoff = new Backoff(() => LAST);
  backoff.failed(0);
  backoff.failed(0);
  backoff.ready(1000);
  assert.equal(backoff.failed(1000 + STEADY_MS - 1), 4000);
  assert.equal(backoff.failed(99_999), 8000, "there was no connection in between");
  backoff.ready(1000);
  assert.equal(backoff.failed(1000 + STEADY_MS), FIRST_MS);
});

test("after a reset the wait is a first one", () => {
  const backoff = new Backoff(() => LAST);
  for (let count = 0; count < 9; count += 1) backoff.failed(0);
  backoff.reset();
  assert.equal(backoff.failed(0), FIRST_MS);
});
