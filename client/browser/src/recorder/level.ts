/** How loud it is, and whether a microphone is good enough: from the samples alone. Pure. Levels are in dBFS (RMS). */

/** Speech changes from syllable to syllable; 20 ms are shorter than any. */
const FRAME_S = 0.02;
/** Below what 16 bit can hold; digital silence. */
export const FLOOR_DBFS = -120;

/** dBFS of a mean square, a full-scale square wave being 0. */
export function dbfs(meanSquare: number): number {
  return Math.max(FLOOR_DBFS, 10 * Math.log10(meanSquare + 1e-12));
}

/** Levels of 20 ms each, whatever the blocks are that samples come in. A constant offset, as cheap sound cards have, is no sound. */
export class Levels {
  #frame: number;
  #count = 0;
  #sum = 0;
  #squares = 0;

  constructor(sampleRate: number) {
    this.#frame = Math.round(sampleRate * FRAME_S);
  }

  /** The level of each 20 ms that `samples` complete. */
  add(samples: Float32Array): number[] {
    const done: number[] = [];
    for (const sample of samples) {
      this.#sum += sample;
      this.#squares += sample * sample;
      this.#count += 1;
      if (this.#count < this.#frame) continue;
      const mean = this.#sum / this.#count;
      done.push(dbfs(Math.max(0, this.#squares / this.#count - mean * mean)));
      this.#count = this.#sum = this.#squares = 0;
    }
    return done;
  }
}

export type Verdict = "good" | "too_quiet" | "noisy" | "no_sound";

export interface Check {
  verdict: Verdict;
  /** dBFS of the loud syllables, and of the pauses between them. */
  speech: number;
  noise: number;
}

// What is measured is the 95th centile of the levels of 20 ms while somebody reads (the loud syllables) and the 10th
// (the pauses). The figures are of cuts of 5 s of speech-dev: `make levels` prints them.

/** Quiet rooms in which nobody speaks reach -47 dBFS, and the quietest -64; a muted headset delivers -120. */
export const NO_SOUND_DBFS = -70;
/**
 * Speech (535 cuts) is never below -32 dBFS; a quiet room without speech (72) never above -44. Made fainter, two voices
 * in turns are told apart by the local engine down to -51 (11 of 11; at -61: 4), so a second voice 10 dB below this one
 * still is.
 */
export const QUIET_DBFS = -41;
/**
 * Loud syllables above the pauses: 28 dB and more without noise, in reverberant rooms 20. With noise 20 dB below the
 * speech 4 of 154 cuts are called noisy, at 10 dB 6 of 83, at 5 dB 33 of 48.
 */
export const NOISY_DB = 15;

/** The verdict over the levels of 20 ms of a few seconds in which somebody was asked to speak. */
export function judge(levels: readonly number[]): Check {
  const sorted = [...levels].sort((a, b) => a - b);
  const speech = centile(sorted, 0.95);
  const noise = centile(sorted, 0.1);
  return { verdict: verdictOf(speech, noise), speech, noise };
}

function verdictOf(speech: number, noise: number): Verdict {
  if (speech < NO_SOUND_DBFS) return "no_sound";
  if (speech < QUIET_DBFS) return "too_quiet";
  return speech - noise < NOISY_DB ? "noisy" : "good";
}

/** Linear between the two nearest; the floor of an empty list. */
function centile(sorted: readonly number[], part: number): number {
  const at = part * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? FLOOR_DBFS;
  const above = sorted[Math.ceil(at)] ?? FLOOR_DBFS;
  return below + (above - below) * (at % 1);
}

/**
 * A microphone that delivers less than this for `SILENT_AFTER_MS` hears nothing, not even the room. Noise suppression
 * brings a room of -65 dBFS down to -90, and a quieter one further; a headset's switch delivers zeros.
 */
export const DEAD_DBFS = -110;
export const SILENT_AFTER_MS = 10_000;

/** Notices a microphone that has gone dead: muted at the headset, or delivering zeros. */
export class Silence {
  #ms = 0;

  /** Levels of 20 ms each. Returns whether nothing has been heard for long. */
  heard(levels: readonly number[]): boolean {
    for (const level of levels) this.#ms = level < DEAD_DBFS ? this.#ms + FRAME_S * 1000 : 0;
    return this.#ms >= SILENT_AFTER_MS;
  }
}

/** What a meter shows: the part of it that is filled, 0 to 1, for a level from -60 (empty) to -10 dBFS (full). */
export function filled(level: number): number {
  return Math.min(1, Math.max(0, (level + 60) / 50));
}
