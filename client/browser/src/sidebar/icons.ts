/** Pictures of 16 × 16, drawn in the colour of the text around them. They say nothing that a word beside does not. */

import { html, type SVGTemplateResult, svg, type TemplateResult } from "lit";
import type { CandidateState, ReviewState } from "./model.ts";

function drawn(content: SVGTemplateResult, kind = "icon"): TemplateResult {
  return html`<svg class=${kind} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">${content}</svg>`;
}

const line = (d: string): SVGTemplateResult => svg`<path class="line" d=${d} />`;

export const icons = {
  search: drawn(line("M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.8 10.8 14 14")),
  close: drawn(line("M4 4l8 8M12 4l-8 8")),
  check: drawn(line("M3 8.5 6.5 12 13 4.5")),
  dismiss: drawn(line("M4 4l8 8M12 4l-8 8")),
  undo: drawn(line("M3 6h6.5a3.5 3.5 0 0 1 0 7H6M5.8 3 3 6l2.8 3")),
  chevron: drawn(line("M4 6l4 4 4-4"), "icon chevron"),
  play: drawn(svg`<path d="M4.5 2.6v10.8c0 .5.5.8.9.5l8-5.4c.4-.2.4-.8 0-1L5.4 2.1c-.4-.3-.9 0-.9.5z" />`),
  pause: drawn(svg`<path d="M4 2.5h3v11H4zM9 2.5h3v11H9z" />`),
  previous: drawn(svg`<path d="M3 3h1.8v10H3zM13 3.4v9.2L6 8z" />`),
  next: drawn(svg`<path d="M11.2 3H13v10h-1.8zM3 3.4v9.2L10 8z" />`),
  bell: drawn(line("M4 11V7a4 4 0 0 1 8 0v4l1 1.2H3zM6.7 14h2.6")),
  settings: drawn(line("M2 4.5h7M13 4.5h1M2 11.5h1M7 11.5h7M11 2.8v3.4M5 9.8v3.4")),
  up: drawn(line("M8 13V3.5M4 7l4-4 4 4")),
  people: drawn(
    line(
      "M6 8a2.6 2.6 0 1 0 0-5.2A2.6 2.6 0 0 0 6 8zM1.5 13.5c0-2.2 2-3.6 4.5-3.6s4.5 1.4 4.5 3.6M11 3a2.5 2.5 0 0 1 0 4.8M12.4 10.2c1.3.5 2.1 1.6 2.1 3.3",
    ),
  ),
  /** A quiet line with a few waves: nothing to see, and all is well. */
  calm: html`<svg class="calm" viewBox="0 0 120 32" width="120" height="32" aria-hidden="true">
    <path class="line" d="M0 16h28c4 0 4-8 8-8s4 16 8 16 4-20 8-20 4 24 8 24 4-20 8-20 4 16 8 16 4-8 8-8h36" />
  </svg>`,
  /** Who spoke when, in outline. */
  lanes: html`<svg class="calm" viewBox="0 0 120 32" width="120" height="32" aria-hidden="true">
    <path fill="currentColor" d="M4 6h26v6H4zM44 6h34v6H44zM92 6h24v6H92zM28 20h18v6H28zM76 20h18v6H76z" />
  </svg>`,
} as const;

/** Two voices beside each other; one that turned into another. */
const KINDS = {
  multiple_voices: drawn(line("M2 6v4M4.5 3.5v9M7 6.5v3M9.5 5v6M12 2.5v11M14.3 6v4"), "icon kind"),
  voice_changed: drawn(line("M2 6.5h8.5M8 3.5l3 3-3 3M14 11.5H5.5M8 8.8l-3 2.7 3 2.7"), "icon kind"),
} as const;

export const kindIcon = (kind: keyof typeof KINDS): TemplateResult => KINDS[kind];

/** Each state has its own shape: a disc, half of one, a ring, a triangle, a dotted ring, a tick, a bar. */
const STATE_SHAPES: Record<CandidateState, TemplateResult> = {
  streaming: drawn(svg`<circle cx="8" cy="8" r="4.5" />`, "state streaming"),
  degraded: drawn(
    svg`<path class="line" d="M8 3.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9z" /><path d="M8 3.5a4.5 4.5 0 0 0 0 9z" />`,
    "state degraded",
  ),
  silent: drawn(svg`<path class="line" d="M8 3.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM5.5 8h5" />`, "state silent"),
  lost: drawn(svg`<path d="M8 2.5 14.5 13.5h-13z" />`, "state lost"),
  joined: drawn(svg`<circle class="line dotted" cx="8" cy="8" r="4.5" />`, "state joined"),
  finished: drawn(line("M3.5 8.5 6.5 11.5 12.5 5"), "state finished"),
  revoked: drawn(
    svg`<path class="line" d="M8 2.8a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 0 0 8 2.8zM4.4 4.4l7.2 7.2" />`,
    "state revoked",
  ),
};

export const stateIcon = (state: CandidateState): TemplateResult => STATE_SHAPES[state];

const REVIEW_SHAPES: Record<ReviewState, TemplateResult> = {
  open: drawn(svg`<circle cx="8" cy="8" r="4" />`, "icon review open"),
  confirmed: drawn(line("M3 8.5 6.5 12 13 4.5"), "icon review confirmed"),
  dismissed: drawn(line("M3.5 8h9"), "icon review dismissed"),
};

export const reviewIcon = (state: ReviewState): TemplateResult => REVIEW_SHAPES[state];
