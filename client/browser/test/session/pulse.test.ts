/** Which connections count as dead. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, Pulse, type Seen } from "../../src/session/pulse.ts";

const IDLE: Seen = { ready: true, unsentBytes: 0, mayBeSilentMs: null };

/** Looks once a second; when it is found dead, and why. */
function watch(pulse: Pulse, seconds: number, seen: (second: number) => Seen): [number, string] | null {
  for (let second = 1; second <= seconds; second += 1) {
    const trouble = pulse.trouble(second * 1000, seen(second));
    if (trouble) return [second, trouble];
  }
  return null;
}

test("a socket must open, then be answered", () => {
  const closed: Seen = { ...IDLE, ready: false };
  assert.deepEqual(
    watch(new Pulse(0), 60, () => closed),
    [11, "can't connect"],
  );
  const pulse = new Pulse(0);
  pulse.opened(5000);
  assert.deepEqual(
    watch(pulse, 60, () => closed),
    [26, "no `ready`"],
  );
});

test("a line that owes nothing may be silent for hours", () => {
  assert.equal(
    watch(new Pulse(0), 10_000, () => IDLE),
    null,
  );
});

test("a server that owes an answer may be silent only so long, counted from when it owed it", () => {
  assert.deepEqual(
    watch(new Pulse(0), 200, (second) => ({ ...IDLE, mayBeSilentMs: second < 100 ? null : 35_000 })),
    [135, "the server is silent"],
  );
  const pulse = new Pulse(0);
  assert.equal(
    watch(pulse, 1000, (second) => {
      if (second % 30 === 0) pulse.heard(second * 1000);
      return { ...IDLE, mayBeSilentMs: 35_000 };
    }),
    null,
  );
});

test("what is unsent must become less, or leave while more comes", () => {
  const stuck = new Pulse(0);
  stuck.handedOut(5000);
  assert.deepEqual(
    watch(stuck, 60, () => ({ ...IDLE, unsentBytes: 5000 })),
    [16, "nothing leaves the line"],
  );
  const growing = new Pulse(0);
  assert.equal(
    watch(growing, 600, (second) => {
      growing.handedOut(8000);
      return { ...IDLE, unsentBytes: 7990 * second }; // a byte in eight hundred leaves
    }),
    null,
  );
});

test("a machine that slept is noticed by whatever runs first", () => {
  const byTimer = new Pulse(0);
  assert.equal(byTimer.trouble(1000, IDLE), null);
  assert.equal(byTimer.trouble(1000 + LIMITS.asleepAfter, IDLE), null);
  assert.equal(byTimer.trouble(1001 + 2 * LIMITS.asleepAfter, IDLE), "the machine slept");
  const bySound = new Pulse(0);
  assert.ok(!bySound.slept(20_000));
  assert.ok(bySound.slept(40_001));
});

test("a hidden tab's timers, once a minute, are no sleep as long as messages come", () => {
  const pulse = new Pulse(0);
  for (let second = 15; second <= 3600; second += 15) {
    pulse.heard(second * 1000);
    if (second % 60 === 0) assert.equal(pulse.trouble(second * 1000, { ...IDLE, mayBeSilentMs: 35_000 }), null);
  }
});
