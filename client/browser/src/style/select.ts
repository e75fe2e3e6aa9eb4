/** A choice among few, with an arrow that keeps its distance from the edge: the browsers' own stick to it. */

import { html, type TemplateResult } from "lit";

/** `select` within what its styles (in tokens.ts) need. */
export function withArrow(select: TemplateResult): TemplateResult {
  return html`<span class="select"
    >${select}<svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"><path d="M4 6l4 4 4-4" /></svg
  ></span>`;
}
