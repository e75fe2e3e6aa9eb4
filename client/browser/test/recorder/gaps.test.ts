import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DRIFT, GapMeter, SETTLE_MS, SLOW_MS, SUDDEN_MS } from "../../src/recorder/clock.ts";

const BLOCK_MS = 2048 / 48;
const SLIP_MS = 10; // what Chromium's audio thread drops at once

/** Something happens to a microphone: it is away, then delivers for a while, of which it drops every so many ms a piece. */
const step = fc.record({
  awayMs: fc.oneof(fc.constant(0), fc.integer({ min: 700, max: 60_000 })),
  playMs: fc.integer({ min: 6_000, max: 60_000 }),
  slipEveryMs: fc.constantFrom(Number.POSITIVE_INFINITY, 1_000, 300, 150),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A gap that was told: its size, and when the first block behind it began to be recorded. */
interface Gap {
  lostMs: number;
  at: number;
}

class Microphone {
  meter = new GapMeter();
  now = 0;
  soundMs = 0;
  lostMs = 0;
  slippedMs = 0;
  aways: { from: number; until: number }[] = [];
  gaps: Gap[] = [];
  #batchMs: number;
  #held: { at: number; lostMs: number }[] = []; // when they were recorded, and what was lost by then
  #check: (microphone: Microphone, lostBefore: number) => void;

  /** Blocks are delivered every `batchMs`, all that there are. `check`: after each answer, with what was lost before it. */
  constructor(batchMs: number, check: (microphone: Microphone, lostBefore: number) => void) {
    this.#batchMs = batchMs;
    this.#check = check;
  }

  play({ awayMs, playMs, slipEveryMs }: Step): void {
    if (awayMs > 0) {
      const from = this.now;
      this.now += awayMs;
      this.lostMs += awayMs;
      this.aways.push({ from, until: this.now });
    }
    let slip = slipEveryMs;
    for (let played = 0; played < playMs; played += BLOCK_MS) {
      this.#held.push({ at: this.now, lostMs: this.lostMs });
      if (played >= slip) {
        slip += slipEveryMs;
        this.now += SLIP_MS;
        this.lostMs += SLIP_MS;
        this.slippedMs += SLIP_MS;
      }
      this.now += BLOCK_MS;
      this.soundMs += BLOCK_MS;
      const finding = this.meter.heard(BLOCK_MS, Math.ceil(this.now / this.#batchMs) * this.#batchMs);
      if (finding.hold) continue;
      const { at, lostMs } = this.#held[0]!;
      if (finding.lostMs > 0) this.gaps.push({ lostMs: finding.lostMs, at });
      this.#check(this, finding.lostMs > 0 ? lostMs : this.lostMs);
      this.#held = [];
    }
  }

  get toldMs(): number {
    return this.gaps.reduce((sum, { lostMs }) => sum + lostMs, 0);
  }

  /** How exact it can be: the delivery, a block, and what counts as drift of the sound card. */
  get slackMs(): number {
    return this.#batchMs + 2 * BLOCK_MS + SLIP_MS + this.soundMs * DRIFT;
  }
}

test("a device that was away is told where and as it was; slips cut no window until the clock is wrong", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), fc.integer({ min: 43, max: 300 }), (steps, batchMs) => {
      const microphone = new Microphone(batchMs, ({ lostMs, toldMs, slackMs, now }, lostBefore) => {
        assert.ok(toldMs < lostMs + slackMs, `${toldMs} ms are told of ${lostMs} at ${now}`);
        assert.ok(lostBefore - toldMs < SLOW_MS + slackMs, `${toldMs} ms are told of ${lostBefore} at ${now}`);
      });
      microphone.play({ awayMs: 0, playMs: 6_000, slipEveryMs: Number.POSITIVE_INFINITY });
      for (const each of steps) microphone.play(each);
      const { gaps, aways, slackMs, slippedMs } = microphone;

      for (const { from, until } of aways) {
        // Blocks that were late when it went are kept with those behind it; or the first behind it with those.
        const there = gaps.filter(({ at }) => at > from - SETTLE_MS - batchMs && at < until + 2 * BLOCK_MS);
        assert.ok(
          there.some(({ lostMs }) => lostMs > until - from - slackMs && lostMs < until - from + SLOW_MS + slackMs),
          `${until - from} ms until ${until} are told there: ${JSON.stringify(gaps)}`,
        );
      }
      const others = gaps.length - aways.length;
      assert.ok(others <= slippedMs / (SLOW_MS - slackMs), `${others} gaps of ${slippedMs} ms that slipped`);

      const { beforeHeld, atEnd } = microphone.meter.end(microphone.now);
      const untold = microphone.lostMs - microphone.toldMs - beforeHeld - atEnd;
      assert.ok(Math.abs(untold) < SUDDEN_MS + slackMs, `${untold} ms are never told`);
    }),
  );
});
