/** The first thing on the home page: what this is, in a sentence and a picture of who speaks when. */

import { html, svg, type TemplateResult } from "lit";
import type { PagesStrings } from "../locale/pages.ts";

// Heights of a minute of speech, in percent of the picture; two of its bars are the second voice's.
const BARS = [
  14, 30, 52, 78, 44, 60, 88, 36, 20, 12, 34, 70, 56, 90, 64, 40, 24, 46, 62, 38, 16, 28, 66, 82, 50, 72, 42, 26, 12,
];
const OTHER = new Set([16, 17, 18, 19, 20]);

export function hero(t: PagesStrings): TemplateResult {
  return html`<div class="hero">
    <div class="stack tight">
      <h1>${t.promise}</h1>
      <p class="lead quiet">${t.tagline}</p>
    </div>
    <svg class="wave" viewBox="0 0 ${BARS.length * 10} 100" preserveAspectRatio="none" aria-hidden="true">
      ${BARS.map(
        (height, at) =>
          svg`<rect class=${OTHER.has(at) ? "other" : ""} x=${at * 10 + 2} y=${50 - height / 2} width="6" height=${height} rx="3" />`,
      )}
    </svg>
  </div>`;
}
