/** The look that all elements share: one set of custom properties, which a page may override on the element. */

import { css } from "lit";

export const tokens = css`
  :host {
    color-scheme: light dark;
    --ut-font: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans Arabic", sans-serif;
    --ut-mono: ui-monospace, "SF Mono", "Cascadia Mono", monospace;
    --ut-paper: light-dark(#ffffff, #14171c);
    --ut-raised: light-dark(#f6f7f9, #1c2027);
    --ut-sunken: light-dark(#e9edf2, #090b0e);
    /* What lies on something sunken, such as the chosen one of several segments. */
    --ut-float: light-dark(#ffffff, #2b323d);
    --ut-line: light-dark(#d5dae1, #323843);
    --ut-edge: light-dark(#868f9c, #7b8594);
    --ut-ink: light-dark(#171b21, #edf0f4);
    --ut-quiet: light-dark(#555e6b, #a7b0bd);
    --ut-accent: light-dark(#1f5fbf, #8ab4ff);
    --ut-on-accent: light-dark(#ffffff, #0b1a33);
    --ut-good: light-dark(#1d7044, #6fd39d);
    --ut-warn: light-dark(#8a5300, #f2b866);
    --ut-bad: light-dark(#b3261e, #ff9a92);
    /* Who speaks: told apart with every kind of colour vision, and always labelled besides. */
    --ut-voice-1: light-dark(#1f5fbf, #8ab4ff);
    --ut-voice-2: light-dark(#b34700, #ffb077);
    --ut-voice-3: light-dark(#1d7044, #6fd39d);
    --ut-voice-4: light-dark(#7b3fa0, #d3a4f0);
    --ut-radius: 8px;
    --ut-gap: 8px;
    font: 400 0.9375rem / 1.45 var(--ut-font);
    color: var(--ut-ink);
    background: var(--ut-paper);
  }
  :host([theme="light"]) {
    color-scheme: light;
  }
  :host([theme="dark"]) {
    color-scheme: dark;
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  :host [hidden] {
    display: none !important;
  }
  button,
  input,
  select,
  textarea {
    font: inherit;
    color: inherit;
  }
  :focus-visible {
    outline: 2px solid var(--ut-accent);
    outline-offset: 2px;
  }
  .button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 6px;
    min-block-size: 32px;
    padding: 4px 12px;
    border: 1px solid var(--ut-edge);
    border-radius: var(--ut-radius);
    background: var(--ut-paper);
    cursor: pointer;
  }
  .button:hover {
    background: var(--ut-raised);
  }
  .button.primary {
    border-color: var(--ut-accent);
    background: var(--ut-accent);
    color: var(--ut-on-accent);
  }
  .button:disabled {
    opacity: 0.55;
    cursor: default;
  }
  .select {
    position: relative;
    display: block;
  }
  .select select {
    appearance: none;
    padding-inline-end: 28px;
  }
  .select > svg {
    position: absolute;
    inset-block: 0;
    inset-inline-end: 9px;
    margin-block: auto;
    fill: none;
    stroke: currentColor;
    stroke-width: 1.8;
    stroke-linecap: round;
    stroke-linejoin: round;
    pointer-events: none;
  }
  .sr-only {
    position: absolute;
    inline-size: 1px;
    block-size: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  @media (prefers-reduced-motion: reduce) {
    *,
    *::before,
    *::after {
      animation: none !important;
      transition: none !important;
    }
  }
`;
