/** The check before the exam: how loud it is now, and a few seconds to judge and to hear. */

import { type Check, FLOOR_DBFS, judge, Levels } from "../recorder/level.ts";
import type { Microphone } from "../recorder/microphone.ts";

/** Long enough for a sentence; more than that nobody reads. */
export const CHECK_S = 4;
/** The meter moves ten times a second. */
const METER_BLOCKS = 2;

export class MicrophoneCheck {
  /** dBFS, now. */
  level = FLOOR_DBFS;
  state: "idle" | "recording" | "done" | "playing" = "idle";
  result: Check | undefined;
  #microphone: Microphone;
  #onChange: () => void;
  #rate = 0;
  #levels!: Levels;
  #port: MessagePort | undefined;
  #heard: number[] = [];
  #samples!: Float32Array<ArrayBuffer>;
  #filled = 0;
  #blocks = 0;
  #loudest = FLOOR_DBFS;

  constructor(microphone: Microphone, onChange: () => void) {
    this.#microphone = microphone;
    this.#onChange = onChange;
    this.#turnTo(microphone.sampleRate);
    microphone.sendTo((samples) => {
      if (microphone.sampleRate !== this.#rate) this.#turnTo(microphone.sampleRate);
      this.#port = samples;
      samples.onmessage = (event: MessageEvent<Float32Array>) => this.#take(event.data);
    });
  }

  /** Seconds that are still to be recorded. */
  get left(): number {
    return Math.ceil((this.#samples.length - this.#filled) / this.#microphone.sampleRate);
  }

  record(): void {
    this.state = "recording";
    this.result = undefined;
    this.#heard = [];
    this.#filled = 0;
    this.#onChange();
  }

  /** Plays what was recorded. */
  async listen(): Promise<void> {
    this.state = "playing";
    this.#onChange();
    await this.#microphone.play(this.#samples);
    if (this.state === "playing") this.state = "done";
    this.#onChange();
  }

  /** Another microphone: what was heard of the last one says nothing of it. */
  reset(): void {
    this.state = "idle";
    this.result = undefined;
    this.#onChange();
  }

  stop(): void {
    this.#port?.close();
  }

  /** A device of another rate: nothing of what was heard fits any more. */
  #turnTo(rate: number): void {
    this.#rate = rate;
    this.#levels = new Levels(rate);
    this.#samples = new Float32Array(CHECK_S * rate);
    this.#filled = 0;
    this.state = "idle";
    this.result = undefined;
  }

  #take(samples: Float32Array): void {
    const levels = this.#levels.add(samples);
    this.#loudest = Math.max(this.#loudest, ...levels);
    if (this.state === "recording") {
      this.#heard.push(...levels);
      const room = this.#samples.length - this.#filled;
      this.#samples.set(samples.subarray(0, room), this.#filled);
      this.#filled += Math.min(samples.length, room);
      if (this.left === 0) {
        this.state = "done";
        this.result = judge(this.#heard);
      }
    }
    this.#blocks += 1;
    if (this.#blocks % METER_BLOCKS !== 0) return;
    this.level = this.#loudest;
    this.#loudest = FLOOR_DBFS;
    this.#onChange();
  }
}
