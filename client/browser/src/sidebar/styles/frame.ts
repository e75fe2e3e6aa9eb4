/** The frame: panes by width, and what all parts use. */

import { css } from "lit";

export const frameStyles = css`
  :host {
    display: block;
    block-size: 100%;
    min-block-size: 22rem;
    container: sidebar / inline-size;
    overflow: hidden;
    font-size: 0.875rem;
    line-height: 1.4;
  }
  .frame {
    display: flex;
    flex-direction: column;
    block-size: 100%;
    background: var(--ut-paper);
  }
  p,
  h2,
  h3,
  ul,
  ol,
  dl,
  dd,
  fieldset,
  legend {
    margin: 0;
    padding: 0;
    border: 0;
  }
  ul,
  ol {
    list-style: none;
  }
  ut-header,
  ut-roster,
  ut-feed,
  ut-row,
  ut-card,
  ut-evidence,
  ut-player,
  ut-review {
    display: block;
  }
  .quiet {
    color: var(--ut-quiet);
  }
  .mono {
    font-family: var(--ut-mono);
    font-size: 0.8125rem;
  }
  .icon,
  .state {
    flex: none;
    fill: currentColor;
  }
  .icon .line,
  .state .line,
  .calm .line {
    fill: none;
    stroke: currentColor;
    stroke-width: 1.6;
    stroke-linecap: round;
    stroke-linejoin: round;
  }
  .state .dotted {
    stroke-dasharray: 2 2.7;
  }
  .button {
    font-weight: 500;
    transition: background-color 0.12s;
  }
  .button.small {
    min-block-size: 28px;
    padding: 2px 10px;
    border-color: var(--ut-line);
    font-size: 0.8125rem;
  }
  .button.icon-only {
    inline-size: 32px;
    padding: 0;
  }
  .button.quiet-button {
    border-color: transparent;
    background: transparent;
  }
  .button.quiet-button:hover {
    background: var(--ut-sunken);
  }
  .button.primary:hover {
    background: color-mix(in srgb, var(--ut-accent), var(--ut-ink) 18%);
  }
  .button.danger {
    border-color: var(--ut-bad);
    color: var(--ut-bad);
  }
  .button[aria-disabled="true"] {
    opacity: 0.6;
    cursor: default;
  }
  .fault {
    color: var(--ut-bad);
  }
  .fault:empty {
    display: none;
  }
  :focus-visible {
    border-radius: 4px;
  }

  /* Panes. */
  .tabs {
    display: flex;
    border-block-end: 1px solid var(--ut-line);
  }
  .tab {
    flex: 1;
    min-block-size: 40px;
    border: 0;
    border-block-end: 2px solid transparent;
    background: none;
    color: var(--ut-quiet);
    font-weight: 500;
    cursor: pointer;
  }
  .tab[aria-pressed="true"] {
    border-block-end-color: var(--ut-accent);
    color: var(--ut-ink);
  }
  .tab:focus-visible {
    outline-offset: -3px;
  }
  .tally {
    padding: 0 6px;
    border-radius: 9px;
    background: var(--ut-sunken);
    color: var(--ut-quiet);
    font-size: 0.75rem;
    font-weight: 500;
    font-variant-numeric: tabular-nums;
  }
  .panes {
    display: grid;
    flex: 1;
    grid-template: minmax(0, 1fr) / minmax(0, 1fr);
    min-block-size: 0;
  }
  .pane,
  .pane > ut-roster,
  .pane > ut-feed {
    display: flex;
    flex-direction: column;
    flex: 1;
    min-inline-size: 0;
    min-block-size: 0;
  }
  .scroller {
    position: relative;
    flex: 1;
    min-block-size: 0;
    overflow: hidden auto;
    overscroll-behavior: contain;
    outline: none;
    scrollbar-color: var(--ut-edge) transparent;
    scrollbar-width: thin;
  }
  .tools {
    display: grid;
    gap: 8px;
    padding: 10px 12px;
    border-block-end: 1px solid var(--ut-line);
  }
  .nothing {
    display: grid;
    gap: 6px;
    justify-items: center;
    margin: 14vh auto 0;
    max-inline-size: 34ch;
    padding: 16px;
    color: var(--ut-quiet);
    text-align: center;
    text-wrap: balance;
  }
  .nothing strong {
    color: var(--ut-ink);
    font-weight: 600;
  }
  .nothing .state,
  .nothing .calm {
    inline-size: 120px;
    block-size: 32px;
    margin-block-end: 8px;
    color: var(--ut-edge);
  }
  @container sidebar (min-width: 720px) {
    .panes {
      grid-template-columns: minmax(280px, 34%) minmax(0, 1fr);
    }
    .pane + .pane {
      border-inline-start: 1px solid var(--ut-line);
    }
  }
  @container sidebar (min-width: 1160px) {
    .panes {
      grid-template-columns: 336px minmax(340px, 420px) minmax(0, 1fr);
    }
    .detail-pane {
      background: var(--ut-raised);
    }
  }
  @media (forced-colors: active) {
    .button[aria-disabled="true"] {
      border-color: GrayText;
      color: GrayText;
      opacity: 1;
    }
    .icon,
    .state {
      color: CanvasText !important;
    }
  }
`;
