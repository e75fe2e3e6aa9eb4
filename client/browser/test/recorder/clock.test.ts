import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Finding, GapMeter, SleeplessClock } from "../../src/recorder/clock.ts";

const BLOCK_MS = 2048 / 48;

/** Plays blocks of a microphone, each recorded and delivered at its time, and gathers what the meter finds. */
class Game {
  meter = new GapMeter();
  recorded = 0; // when the last block was recorded
  held = 0;
  lost: number[] = [];

  /** Blocks for `ms`; `late(recordedAt)` says when a block is delivered. */
  play(ms: number, late: (at: number) => number = (at) => at): this {
    for (const until = this.recorded + ms; this.recorded + BLOCK_MS <= until; ) {
      this.recorded += BLOCK_MS;
      this.take(this.meter.heard(BLOCK_MS, late(this.recorded)));
    }
    return this;
  }

  pause(ms: number): this {
    this.recorded += ms;
    return this;
  }

  take(finding: Finding): void {
    if (finding.hold) {
      this.held += 1;
      return;
    }
    this.held = 0;
    if (finding.lostMs > 0) this.lost.push(Math.round(finding.lostMs));
  }
}

describe("samples against real time", () => {
  test("an hour in which four blocks come at once loses nothing", () => {
    const game = new Game().play(3_600_000, (at) => Math.ceil(at / 171) * 171);
    assert.deepEqual(game.lost, []);
    assert.equal(game.held, 0);
  });

  test("an hour with jitter loses nothing", () => {
    const game = new Game().play(3_600_000, (at) => at + ((at * 7919) % 1 < 0.5 ? 5 : 180));
    assert.deepEqual(game.lost, []);
    assert.equal(game.held, 0);
  });

  for (const ppm of [-400, 400]) {
    test(`a sound card that is ${ppm} ppm off loses nothing in three hours`, () => {
      const game = new Game().play(3 * 3_600_000, (at) => at * (1 + ppm / 1e6));
      assert.deepEqual(game.lost, []);
    });
  }

  test("a worker that stalls for five seconds gets all blocks at once: nothing is lost", () => {
    const game = new Game().play(60_000);
    const stalled = game.recorded + 5000;
    game.play(5000, (at) => Math.max(at, stalled)).play(60_000);
    assert.deepEqual(game.lost, []);
    assert.equal(game.held, 0);
  });

  test("a device that is gone for 12.3 s is a gap of 12.3 s, told once, and blocks behind it wait a second", () => {
    const game = new Game().play(60_000).pause(12_300).play(900);
    assert.deepEqual(game.lost, []);
    assert.ok(game.held > 15);
    game.play(60_000);
    assert.deepEqual(game.lost, [12_300]);
    assert.equal(game.held, 0);
  });

  test("short losses add up until the clock is wrong by two seconds, or the recording ends", () => {
    const game = new Game().play(10_000);
    for (let i = 0; i < 12; i++) game.pause(200).play(10_000);
    assert.equal(game.lost.length, 1);
    assert.ok(game.lost[0]! > 2000 && game.lost[0]! < 2230, `${game.lost}`);
    game.pause(400).play(10_000).pause(400).play(10_000);
    assert.equal(game.lost.length, 1);
    assert.ok(Math.abs(game.lost[0]! + game.meter.end(game.recorded).atEnd - 12 * 200 - 800) < 100);
  });

  test("short losses within two seconds are told where they end", () => {
    const game = new Game().play(10_000);
    for (let i = 0; i < 3; i++) game.pause(250).play(600);
    game.play(10_000);
    assert.equal(game.lost.length, 1);
    assert.ok(Math.abs(game.lost[0]! - 750) < 5, `${game.lost}`);
  });

  test("blocks that were late when the computer fell asleep are no gap of their own", () => {
    const game = new Game().play(10_000);
    const asleep = game.recorded + 600;
    game
      .play(400, () => asleep)
      .pause(5000)
      .play(10_000);
    assert.deepEqual(game.lost, [5000]);
  });

  test("an end in the middle of a gap tells it", () => {
    const game = new Game().play(10_000);
    const { beforeHeld, atEnd } = game.meter.end(game.recorded + 7000);
    assert.deepEqual([beforeHeld, Math.round(atEnd)], [0, 7000]);
  });

  test("an end while blocks are kept tells what was lost before them", () => {
    const game = new Game().play(10_000).pause(3000).play(500);
    const { beforeHeld, atEnd } = game.meter.end(game.recorded);
    assert.deepEqual([Math.round(beforeHeld), atEnd], [3000, 0]);
  });

  test("nothing was recorded: nothing was lost", () => {
    assert.deepEqual(new GapMeter().end(5000), { beforeHeld: 0, atEnd: 0 });
  });
});

describe("time that goes on in sleep", () => {
  const cases = [
    { what: "a block on time", steady: 43, wall: 43, passed: 43 },
    { what: "somebody set the clock an hour ahead", steady: 171, wall: 3_600_171, passed: 171 },
    { what: "somebody set the clock back", steady: 171, wall: -500_000, passed: 171 },
    { what: "slept where the steady clock stood still", steady: 300, wall: 3_600_300, passed: 3_600_300 },
    { what: "slept where the steady clock went on", steady: 3_600_300, wall: 3_600_300, passed: 3_600_300 },
  ];
  for (const { what, steady, wall, passed } of cases) {
    test(what, () => {
      const clock = new SleeplessClock(1000, 1_700_000_000_000);
      assert.equal(clock.tick(1000 + steady, 1_700_000_000_000 + wall), passed);
    });
  }
});
