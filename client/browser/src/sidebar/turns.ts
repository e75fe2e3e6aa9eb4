/** Pure: who spoke when within one window. Times are ms from the window's start, without the clip's lead-in. */

import type { Anomaly, Evidence } from "../wire/messages.ts";

export interface Turn {
  readonly startMs: number;
  readonly endMs: number;
  readonly voice: number;
}

/** What an anomaly is about. */
export type Kind = Anomaly["kind"];

/** A speaker, numbered from 0 by how much they speak: voice 0 is `A`. */
export interface Voice {
  readonly label: string;
  readonly speechMs: number;
  readonly turns: readonly Turn[];
}

/** More voices than letters are not told apart by any engine. */
export const labelOf = (voice: number): string => String.fromCharCode(65 + (voice % 26));

/**
 * The voices of an evidence, the main one first, however little it says: speaker 0. Where the voice has changed, `A` is the one that was heard
 * before, and has no turn in this window: whoever speaks in it is `B`.
 */
export function voicesOf(evidence: Pick<Evidence, "turns">, kind: Kind = "multiple_voices"): Voice[] {
  const before: Voice[] = kind === "voice_changed" ? [{ label: labelOf(0), speechMs: 0, turns: [] }] : [];
  const speech = new Map<number, number>();
  for (const [start, end, speaker] of evidence.turns) speech.set(speaker, (speech.get(speaker) ?? 0) + end - start);
  const ranked = [...speech.keys()].sort((a, b) => a - b);
  const heard = ranked.map((speaker, rank) => {
    const voice = before.length + rank;
    return {
      label: labelOf(voice),
      speechMs: speech.get(speaker)!,
      turns: evidence.turns
        .filter((turn) => turn[2] === speaker)
        .map(([startMs, endMs]) => ({ startMs, endMs, voice }))
        .sort(byStart),
    };
  });
  return [...before, ...heard];
}

const byStart = (a: Turn, b: Turn): number => a.startMs - b.startMs || a.endMs - b.endMs;

/** All turns by time. */
export function turnsOf(voices: readonly Voice[]): Turn[] {
  return voices.flatMap((voice) => voice.turns).sort(byStart);
}

/** Where to start listening: the second voice's first word; of one voice alone, its first. */
export function firstOther(voices: readonly Voice[]): number {
  const turns = turnsOf(voices);
  return (turns.find((turn) => turn.voice > 0) ?? turns[0])?.startMs ?? 0;
}

/** The turn after that moment. */
export function nextTurn(turns: readonly Turn[], atMs: number): Turn | null {
  return turns.find((turn) => turn.startMs > atMs + 50) ?? null;
}

/** Pressed again within this of a turn's start, `previous` means the turn before, as in music players. */
const AGAIN_MS = 1500;

/** The turn that began before that moment. */
export function previousTurn(turns: readonly Turn[], atMs: number): Turn | null {
  return turns.findLast((turn) => turn.startMs < atMs - AGAIN_MS) ?? turns[0] ?? null;
}

/** The voices that are heard at that moment. */
export function speaking(turns: readonly Turn[], atMs: number): number[] {
  return turns.filter((turn) => turn.startMs <= atMs && atMs < turn.endMs).map((turn) => turn.voice);
}

/** For how long was heard what an anomaly is about: the others; where the voice has changed, everybody. */
export function heardMs({ turns, other_ms }: Pick<Evidence, "turns" | "other_ms">, kind: Kind): number {
  return kind === "voice_changed" ? turns.reduce((sum, [start, end]) => sum + end - start, 0) : other_ms;
}

/** Which of the windows says most: the one where that is heard longest. */
export function strongest({ kind, evidence }: Pick<Anomaly, "kind" | "evidence">): number {
  let best = 0;
  evidence.forEach((each, index) => {
    if (heardMs(each, kind) > heardMs(evidence[best]!, kind)) best = index;
  });
  return best;
}

/**
 * How many voices were expected, if more were heard. Afterwards more may be expected than at that time, which is not
 * known here: then nothing is said of it.
 */
export function exceeded(voices: number, expected: number | null): number | null {
  return expected !== null && voices > expected ? expected : null;
}
