/** Pieces that several views share. */

import { html, type TemplateResult } from "lit";
import { filled } from "../recorder/level.ts";
import { fill } from "./fill.ts";

/** How loud it is; `level` in dBFS. */
export function meter(label: string, level: number): TemplateResult {
  const percent = Math.round(filled(level) * 100);
  return html`<div class="meter" role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent}>
    <span ${fill(percent)}></span>
  </div>`;
}

export function button(text: string, onClick: () => void, kind: "" | "primary" = "", disabled = false): TemplateResult {
  return html`<button type="button" class="button ${kind}" ?disabled=${disabled} @click=${onClick}>${text}</button>`;
}

/** Takes the focus when its view comes, so that who came by keyboard or hears a screen reader is there. */
export function heading(text: string): TemplateResult {
  return html`<h2 tabindex="-1" data-focus>${text}</h2>`;
}
