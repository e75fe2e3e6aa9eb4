/** How many windows of each kind, with the mark that the strip has for it. */

import { html, nothing, type TemplateResult } from "lit";
import type { Words } from "./part.ts";
import { SPAN_KINDS, type SpanKind } from "./strip.ts";
import { legendMark } from "./strip-view.ts";

export function collatedCounts(counts: Record<SpanKind, number>, { t }: Words): TemplateResult | typeof nothing {
  const there = SPAN_KINDS.filter((kind) => counts[kind] > 0);
  if (there.length === 0) return nothing;
  return html`<ul class="legend">
    ${there.map((kind) => html`<li>${legendMark(kind)} ${t.spans[kind](counts[kind])}</li>`)}
  </ul>`;
}
