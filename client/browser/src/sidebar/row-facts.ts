/** A candidate's whole exam: the strip against the clock, and how many windows there are of each kind. */

import { html, nothing, svg, type TemplateResult } from "lit";
import type { Row } from "./model.ts";
import type { Words } from "./part.ts";
import { type Axis, SPAN_KINDS, type SpanKind } from "./strip.ts";
import { legendMark, stripView } from "./strip-view.ts";

/** The strip in words, for those who don't see it: every kind that there is. */
export function spokenStrip(counts: Record<SpanKind, number>, { t }: Words): string {
  const there = SPAN_KINDS.filter((kind) => counts[kind] > 0);
  return there.length === 0 ? t.strip : t.stripOf(there.map((kind) => t.spans[kind](counts[kind])));
}

export function collatedCounts(counts: Record<SpanKind, number>, { t }: Words): TemplateResult | typeof nothing {
  const there = SPAN_KINDS.filter((kind) => counts[kind] > 0);
  if (there.length === 0) return nothing;
  return html`<ul class="legend">
    ${there.map((kind) => html`<li>${legendMark(kind)} ${t.spans[kind](counts[kind])}</li>`)}
  </ul>`;
}

function marks({ startMs, endMs }: Axis, shown: readonly (readonly [number, number])[]): TemplateResult {
  const share = (ms: number): string => `${((ms / (endMs - startMs)) * 100).toFixed(2)}%`;
  return html`<svg class="exam-marks" aria-hidden="true">
    ${shown.map(([from, to]) => svg`<rect x=${share(from - startMs)} width=${share(to - from)} height="3" />`)}
  </svg>`;
}

/** When the axis begins and ends. */
export function axisTimes(axis: Axis | null, { t }: Words): TemplateResult | typeof nothing {
  if (!axis) return nothing;
  return html`<p class="row-axis"><span>${t.clock(axis.startMs)}</span><span>${t.clock(axis.endMs)}</span></p>`;
}

/** `shown` are the windows that an anomaly is about, as [start, end] of the wall clock. */
export function examView(
  row: Row,
  axis: Axis | null,
  shown: readonly (readonly [number, number])[],
  words: Words,
): TemplateResult {
  const counts = row.strip.counts();
  return html`<section class="exam" aria-label=${words.t.strip}>
    <h3>${words.t.strip}</h3>
    <div>
      ${stripView(row.strip.spans(), axis, spokenStrip(counts, words))} ${axis ? marks(axis, shown) : nothing}
    </div>
    ${axisTimes(axis, words)} ${collatedCounts(counts, words)}
  </section>`;
}
