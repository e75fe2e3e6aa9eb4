/** Blocks of samples become MP3 and gaps. Pure: the clocks' readings come in. */

import { GapMeter, SleeplessClock } from "./clock.ts";
import type { Mp3Encoder } from "./encoder.ts";
import { FLOOR_DBFS, Levels, Silence } from "./level.ts";

/** What a recording ends up in. */
export interface Sink {
  send(mp3: Uint8Array): void;
  lose(lostMs: number): void;
  finish(): void;
}

export class Recording {
  /** Nothing was heard for long, not even a room. */
  silent = false;
  #sink: Sink;
  #encoder: Mp3Encoder;
  #sampleRate: number;
  #clock: SleeplessClock | undefined;
  #gaps = new GapMeter();
  #held: Float32Array[] = []; // until it is known whether something is missing before them
  #levels: Levels;
  #silence = new Silence();
  #loudest = FLOOR_DBFS;
  #added = 0; // ms of silence that filled frames, which no gap has taken in yet

  constructor(sink: Sink, encoder: Mp3Encoder, sampleRate: number) {
    this.#sink = sink;
    this.#encoder = encoder;
    this.#sampleRate = sampleRate;
    this.#levels = new Levels(sampleRate);
  }

  /** A block arrived; `steady` and `wall` are `performance.now()` and `Date.now()`. */
  heard(samples: Float32Array, steady: number, wall: number): void {
    const levels = this.#levels.add(samples);
    this.#loudest = Math.max(this.#loudest, ...levels);
    this.silent = this.#silence.heard(levels);
    this.#clock ??= new SleeplessClock(steady, wall);
    const now = this.#clock.tick(steady, wall);
    const finding = this.#gaps.heard((samples.length * 1000) / this.#sampleRate, now);
    this.#held.push(samples);
    if (!finding.hold) this.#release(finding.lostMs);
  }

  /** Another device: the blocks that follow have another rate. */
  turnTo(sampleRate: number): void {
    if (sampleRate === this.#sampleRate) return;
    this.#release(this.#gaps.decide());
    this.#endRun();
    this.#encoder.turnTo(sampleRate);
    this.#sampleRate = sampleRate;
    this.#levels = new Levels(sampleRate);
  }

  /** The recording ends: the rest is encoded, and what is missing at the end told. */
  finish(steady: number, wall: number): void {
    const { beforeHeld, atEnd } = this.#gaps.end(this.#clock?.peek(steady, wall) ?? 0);
    this.#release(beforeHeld);
    this.#lose(atEnd);
    this.#sink.finish();
  }

  /** dBFS of the loudest 20 ms since this was last asked. */
  loudest(): number {
    const level = this.#loudest;
    this.#loudest = FLOOR_DBFS;
    return level;
  }

  #release(lostMs: number): void {
    if (lostMs > 0) this.#lose(lostMs);
    for (const samples of this.#held) this.#sink.send(this.#encoder.encode(samples));
    this.#held = [];
  }

  /** Frames behind a gap can't use the bit reservoir before it: the encoder begins anew. */
  #lose(ms: number): void {
    this.#endRun();
    // The silence that fills the last frame is media time already.
    const lost = Math.round(ms - this.#added);
    this.#added = Math.max(0, this.#added - ms);
    if (lost > 0) this.#sink.lose(lost);
  }

  #endRun(): void {
    const { rest, addedMs } = this.#encoder.finish();
    this.#sink.send(rest);
    this.#added += addedMs;
  }
}
