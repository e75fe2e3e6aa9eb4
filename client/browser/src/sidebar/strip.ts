/** Pure: one candidate's exam as a strip of windows, and the sound that is missing between them. */

import type { Outcome } from "../wire/messages.ts";

/** What is drawn of a window. Both kinds of anomaly are `voices`; `waiting` has no verdict yet. */
export type CellKind = "clean" | "voices" | "silent" | "unclear" | "failed" | "waiting";
export type SpanKind = CellKind | "missing";

export const SPAN_KINDS: readonly SpanKind[] = ["clean", "voices", "silent", "unclear", "failed", "missing", "waiting"];

/** Wall clock, in ms since 1970. */
export interface Span {
  readonly kind: SpanKind;
  readonly startMs: number;
  readonly endMs: number;
}

interface Cell {
  readonly stream: number;
  readonly number: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly kind: CellKind;
}

interface Missing {
  readonly stream: number;
  readonly mediaMs: number;
  readonly lostMs: number;
}

/** Windows follow each other to the frame (26 ms), and the anchor of the first minutes still moves by less than this. */
const HOLE_MS = 2000;

export function cellKind(outcome: Outcome | null): CellKind {
  if (outcome === null) return "waiting";
  return outcome === "multiple_voices" || outcome === "voice_changed" ? "voices" : outcome;
}

/** Grows by one window at a time; adding the next is O(1), one that comes late O(n). */
export class Strip {
  readonly #cells: Cell[] = [];
  #reported: Missing[] = [];
  #spans: readonly Span[] | null = null;

  /** The wall clock's first and last moment, or null of an empty strip. */
  get range(): { startMs: number; endMs: number } | null {
    const first = this.#cells[0];
    const last = this.#cells[this.#cells.length - 1];
    return first && last ? { startMs: first.startMs, endMs: last.endMs } : null;
  }

  get size(): number {
    return this.#cells.length;
  }

  /** A window is there (`outcome` null), or its verdict is. A verdict is not taken back. */
  put(stream: number, number: number, startMs: number, durationMs: number, outcome: Outcome | null): void {
    const at = this.#place(stream, number);
    const there = this.#cells[at];
    const known = there?.stream === stream && there.number === number;
    if (known && outcome === null) return;
    const cell = { stream, number, startMs, endMs: startMs + durationMs, kind: cellKind(outcome) };
    this.#cells.splice(at, known ? 1 : 0, cell);
    this.#spans = null;
  }

  /** Sound that will not come. `mediaMs` counts from the stream's start; the windows around it will show where it was. */
  miss(stream: number, mediaMs: number, lostMs: number): void {
    this.#reported.push({ stream, mediaMs, lostMs });
    this.#spans = null;
  }

  /** Windows and what is missing between them, by time. */
  spans(): readonly Span[] {
    this.#spans ??= this.#draw();
    return this.#spans;
  }

  /** How many windows are of each kind; of what is missing, how many ms. */
  counts(): Record<SpanKind, number> {
    const counts = { clean: 0, voices: 0, silent: 0, unclear: 0, failed: 0, missing: 0, waiting: 0 };
    for (const { kind, startMs, endMs } of this.spans()) counts[kind] += kind === "missing" ? endMs - startMs : 1;
    return counts;
  }

  #draw(): Span[] {
    const spans: Span[] = [];
    let end: number | null = null;
    for (const { kind, startMs, endMs } of this.#cells) {
      if (end !== null && startMs - end > HOLE_MS) spans.push({ kind: "missing", startMs: end, endMs: startMs });
      spans.push({ kind, startMs, endMs });
      end = Math.max(end ?? endMs, endMs);
    }
    // What was reported beyond the last window shows at once; once a window follows, the hole before it says the same.
    const last = this.#cells[this.#cells.length - 1];
    const anchor = last && this.#cells.find((cell) => cell.stream === last.stream);
    if (!last || !anchor) return spans;
    for (const { stream, mediaMs, lostMs } of this.#reported) {
      const startMs = Math.max(anchor.startMs + mediaMs, last.endMs);
      const endMs = anchor.startMs + mediaMs + lostMs;
      if (stream === last.stream && endMs - startMs > HOLE_MS) spans.push({ kind: "missing", startMs, endMs });
    }
    return spans;
  }

  /** Where that window is, or belongs. */
  #place(stream: number, number: number): number {
    let low = 0;
    let high = this.#cells.length;
    const last = this.#cells[high - 1];
    if (last && (last.stream < stream || (last.stream === stream && last.number < number))) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      const cell = this.#cells[middle]!;
      if (cell.stream < stream || (cell.stream === stream && cell.number < number)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** What all strips of a meeting are drawn against, so that one moment is at one place in each. */
export interface Axis {
  readonly startMs: number;
  readonly endMs: number;
}

/** An axis grows by half hours: it moves rarely, and then all strips are drawn anew. */
const STEP_MS = 30 * 60_000;

/** The axis for all that lies between two moments: `before` itself if that is the same. */
export function axisOf(firstMs: number, lastMs: number, before: Axis | null): Axis {
  const endMs = firstMs + Math.max(1, Math.ceil((lastMs - firstMs) / STEP_MS)) * STEP_MS;
  return before?.startMs === firstMs && before.endMs === endMs ? before : { startMs: firstMs, endMs };
}
