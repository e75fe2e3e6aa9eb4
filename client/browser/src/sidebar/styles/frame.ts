/** The frame: panes by width, the first line, banners, and what all parts use. */

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

  /* The first line. */
  .masthead {
    position: relative;
    z-index: 3;
    display: flex;
    align-items: center;
    gap: 12px;
    min-block-size: 44px;
    padding-inline: 12px 6px;
    border-block-end: 1px solid var(--ut-line);
  }
  .line-state {
    display: flex;
    align-items: center;
    gap: 7px;
    font-weight: 600;
    white-space: nowrap;
  }
  .dot {
    inline-size: 8px;
    block-size: 8px;
    border-radius: 50%;
    background: var(--ut-quiet);
  }
  .live .dot {
    background: var(--ut-good);
    box-shadow: 0 0 0 3px color-mix(in srgb, var(--ut-good), transparent 78%);
  }
  .down .dot {
    border-radius: 2px;
    background: var(--ut-warn);
  }
  .over .dot {
    border-radius: 0;
    background: var(--ut-bad);
  }
  .connecting .dot {
    background: none;
    border: 2px solid var(--ut-quiet);
  }
  .states {
    display: flex;
    flex: 1;
    justify-content: flex-end;
    gap: 10px;
    overflow: hidden;
    color: var(--ut-quiet);
    font-size: 0.8125rem;
    font-variant-numeric: tabular-nums;
  }
  .states li {
    display: flex;
    align-items: center;
    gap: 3px;
  }
  .states .state {
    inline-size: 14px;
    block-size: 14px;
  }
  .state.streaming {
    color: var(--ut-good);
  }
  .state.degraded,
  .state.silent {
    color: var(--ut-warn);
  }
  .state.lost {
    color: var(--ut-bad);
  }
  .state.joined,
  .state.finished,
  .state.revoked {
    color: var(--ut-quiet);
  }
  .options {
    position: relative;
  }
  .popover {
    position: absolute;
    inset-block-start: calc(100% + 6px);
    inset-inline-end: 0;
    display: grid;
    gap: 4px;
    inline-size: 292px;
    padding: 8px;
    border: 1px solid var(--ut-line);
    border-radius: 10px;
    background: var(--ut-paper);
    box-shadow: 0 10px 30px rgb(0 0 0 / 18%);
  }
  .option {
    display: flex;
    gap: 10px;
    padding: 8px;
    border-radius: 6px;
    cursor: pointer;
  }
  .option:hover {
    background: var(--ut-raised);
  }
  .option input {
    inline-size: 18px;
    block-size: 18px;
    margin: 1px 0 0;
    accent-color: var(--ut-accent);
  }
  .option span {
    font-weight: 500;
  }
  .option small {
    display: block;
    color: var(--ut-quiet);
    font-size: 0.8125rem;
    font-weight: 400;
  }
  .keys {
    padding: 8px 8px 4px;
    border-block-start: 1px solid var(--ut-line);
    color: var(--ut-quiet);
    font-size: 0.8125rem;
  }

  /* Banners. */
  .banner {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 8px;
    padding: 6px 6px 6px 12px;
    padding-inline: 12px 6px;
    border-block-end: 1px solid var(--ut-line);
    border-inline-start: 4px solid var(--ut-accent);
    background: color-mix(in srgb, var(--ut-accent), var(--ut-paper) 90%);
  }
  .banner.warn,
  .banner.bad {
    display: block;
    padding-block: 9px;
  }
  .banner.warn {
    border-inline-start-color: var(--ut-warn);
    background: color-mix(in srgb, var(--ut-warn), var(--ut-paper) 88%);
  }
  .banner.bad {
    border-inline-start-color: var(--ut-bad);
    background: color-mix(in srgb, var(--ut-bad), var(--ut-paper) 88%);
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
    margin: 12vh auto 0;
    max-inline-size: 30ch;
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
    .masthead {
      padding-inline: 16px 10px;
    }
  }
  @container sidebar (min-width: 1160px) {
    .panes {
      grid-template-columns: 336px minmax(340px, 420px) minmax(0, 1fr);
    }
    .detail-pane {
      background: var(--ut-raised);
    }
    .detail-pane .nothing {
      margin-block: auto;
      padding-block-end: 12vh;
    }
  }
  @media (forced-colors: active) {
    .dot {
      border: 2px solid CanvasText;
    }
    .live .dot {
      background: CanvasText;
      forced-color-adjust: none;
    }
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
