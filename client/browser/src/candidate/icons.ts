/** Shapes that say the state as well as the colour does. */

import { type SVGTemplateResult, svg } from "lit";

const SHAPES = {
  recording: svg`<circle cx="8" cy="8" r="5" fill="currentColor"/>`,
  waiting: svg`<circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" stroke-width="2" stroke-dasharray="4 3"/>`,
  attention: svg`<path d="M8 1.5 15 14H1Z" fill="currentColor"/><path d="M8 6v4m0 1.4v.1" stroke="var(--ut-paper)" stroke-width="1.6" stroke-linecap="round"/>`,
  good: svg`<path d="m2.5 8.5 3.5 3.5 7.5-8" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round"/>`,
  stopped: svg`<rect x="3" y="3" width="10" height="10" rx="1.5" fill="currentColor"/>`,
} as const;

export type Icon = keyof typeof SHAPES;

export function icon(name: Icon): SVGTemplateResult {
  return svg`<svg class="icon ${name}" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">${SHAPES[name]}</svg>`;
}
