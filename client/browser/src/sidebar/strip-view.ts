/** A candidate's exam as a picture: every kind of window has its own height and shape, and a colour besides. */

import { html, nothing, svg, type TemplateResult } from "lit";
import { type Axis, SPAN_KINDS, type Span, type SpanKind } from "./strip.ts";

export const HEIGHT = 16;
/** Of a bar's width: neighbours stay apart, also where a minute is two pixels. */
const INSET = 0.08;

/** The bars of a kind, as [from, to] of the height, counted from the top. */
const BARS: Record<SpanKind, readonly (readonly [number, number])[]> = {
  clean: [[11, 16]],
  voices: [[0, 16]],
  silent: [[14.5, 16]],
  unclear: [
    [6, 9.5],
    [11.5, 16],
  ],
  failed: [
    [3, 6],
    [8, 11],
    [13, 16],
  ],
  missing: [[7, 9]],
  waiting: [[13, 16]],
};

/** One SVG path a kind. x counts seconds from the axis' start. */
export function pathsOf(spans: readonly Span[], axis: Axis): Map<SpanKind, string> {
  const paths = new Map<SpanKind, string>();
  for (const { kind, startMs, endMs } of spans) {
    const width = (endMs - startMs) / 1000;
    const inset = kind === "missing" ? 0 : width * INSET;
    const x = ((startMs - axis.startMs) / 1000 + inset).toFixed(1);
    const right = (width - 2 * inset).toFixed(1);
    let path = paths.get(kind) ?? "";
    for (const [top, bottom] of BARS[kind]) path += `M${x} ${top}h${right}v${bottom - top}h-${right}z`;
    paths.set(kind, path);
  }
  return paths;
}

/** The strip, with `label` for those who don't see it. */
export function stripView(spans: readonly Span[], axis: Axis | null, label: string): TemplateResult {
  if (!axis) return html`<span class="strip empty"></span>`;
  const paths = pathsOf(spans, axis);
  return html`<svg
    class="strip"
    role="img"
    aria-label=${label}
    viewBox="0 0 ${(axis.endMs - axis.startMs) / 1000} ${HEIGHT}"
    preserveAspectRatio="none"
  >
    ${SPAN_KINDS.map((kind) => (paths.has(kind) ? svg`<path class=${kind} d=${paths.get(kind)!} />` : nothing))}
  </svg>`;
}

/** One bar of that kind, for a legend. */
export function legendMark(kind: SpanKind): TemplateResult {
  const bars = BARS[kind].map(([top, bottom]) => svg`<rect x="1" y=${top} width="6" height=${bottom - top} />`);
  return html`<svg class="mark" viewBox="0 0 8 ${HEIGHT}" width="8" height="16" aria-hidden="true">
    <g class=${kind}>${bars}</g>
  </svg>`;
}
