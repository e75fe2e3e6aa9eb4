/** The feed: cards that say the most at a glance and the rest when opened. */

import { css } from "lit";

export const feedStyles = css`
  .segments {
    display: flex;
    gap: 2px;
    padding: 2px;
    border-radius: var(--ut-radius);
    background: var(--ut-sunken);
  }
  .segment {
    display: flex;
    flex: 1 1 auto;
    align-items: center;
    justify-content: center;
    gap: 4px;
    min-block-size: 28px;
    padding: 0 4px;
    border: 0;
    border-radius: 6px;
    background: none;
    color: var(--ut-quiet);
    font-size: 0.8125rem;
    font-weight: 500;
    white-space: nowrap;
    cursor: pointer;
  }
  .segment .icon {
    display: none;
  }
  .segment .tally {
    padding: 0;
    background: none;
    font-size: inherit;
    font-weight: 400;
  }
  .segment[aria-pressed="true"] {
    background: var(--ut-float);
    color: var(--ut-ink);
    box-shadow: 0 1px 2px rgb(0 0 0 / 16%);
  }
  @container sidebar (min-width: 420px) {
    .segment {
      gap: 6px;
    }
    .segment .icon {
      display: block;
      inline-size: 14px;
    }
  }
  .only {
    display: flex;
    align-items: center;
    gap: 6px;
    justify-self: start;
    max-inline-size: 100%;
    min-block-size: 26px;
    padding: 0 10px;
    border: 1px solid var(--ut-accent);
    border-radius: 13px;
    background: color-mix(in srgb, var(--ut-accent), var(--ut-paper) 88%);
    color: var(--ut-accent);
    font-size: 0.8125rem;
    font-weight: 500;
    cursor: pointer;
  }
  .only > span[dir] {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .edge {
    display: block;
    block-size: 1px;
    margin-block-end: -1px;
  }
  .to-top {
    position: sticky;
    inset-block-start: 10px;
    z-index: 2;
    display: flex;
    inline-size: fit-content;
    min-block-size: 30px;
    margin: 0 auto -30px;
    border-radius: 15px;
    box-shadow: 0 4px 14px rgb(0 0 0 / 25%);
  }
  .cards > li {
    border-block-end: 1px solid var(--ut-line);
  }
  .card {
    position: relative;
  }
  .card h3 {
    font: inherit;
  }
  .card-head {
    display: grid;
    grid-template-columns: 16px minmax(0, 1fr);
    gap: 3px 9px;
    inline-size: 100%;
    padding: 10px 12px;
    border: 0;
    background: none;
    text-align: start;
    cursor: pointer;
  }
  .card-head:hover {
    background: var(--ut-raised);
  }
  .card.opened {
    background: var(--ut-raised);
  }
  .card.opened::before {
    position: absolute;
    inset-block: 0;
    inset-inline-start: 0;
    inline-size: 3px;
    background: var(--ut-accent);
    content: "";
  }
  .card-head > .icon.kind {
    margin-block-start: 2px;
    color: var(--ut-voice-2);
  }
  .card.dismissed .icon.kind {
    color: var(--ut-quiet);
  }
  .card-head > :not(.icon) {
    grid-column: 2;
  }
  .card-head > .icon.kind {
    grid-row: 1;
  }
  .card-line {
    display: flex;
    align-items: baseline;
    gap: 8px;
    min-inline-size: 0;
  }
  .card-name {
    overflow: hidden;
    font-weight: 600;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .card.dismissed .card-name {
    font-weight: 500;
  }
  .new {
    padding: 0 6px;
    border-radius: 8px;
    background: var(--ut-accent);
    color: var(--ut-on-accent);
    font-size: 0.6875rem;
    font-weight: 600;
  }
  .card-time {
    flex: none;
    margin-inline-start: auto;
    font-size: 0.8125rem;
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }
  .card-time .quiet {
    margin-inline-end: 4px;
  }
  .facts-line {
    justify-content: space-between;
    font-size: 0.8125rem;
  }
  .card-heard {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .facts-line .quiet {
    flex: none;
    font-variant-numeric: tabular-nums;
  }
  .miniature {
    display: block;
    inline-size: 100%;
    margin-block: 3px 2px;
    border-radius: 2px;
    background: var(--ut-sunken);
  }
  .card.dismissed .miniature {
    opacity: 0.55;
  }
  .voice-1 {
    --voice: var(--ut-voice-1);
  }
  .voice-2 {
    --voice: var(--ut-voice-2);
  }
  .voice-3 {
    --voice: var(--ut-voice-3);
  }
  .voice-4 {
    --voice: var(--ut-voice-4);
  }
  .miniature path,
  .waveform path {
    fill: var(--voice);
  }
  /* The main voice is no news: at a glance, what stands out are the others. */
  .miniature .voice-1 {
    fill: color-mix(in srgb, var(--ut-voice-1), var(--ut-sunken) 50%);
  }
  .state-line {
    align-items: center;
    gap: 5px;
    font-size: 0.8125rem;
  }
  .state-line .icon {
    inline-size: 14px;
  }
  .state-line .by {
    flex: none;
    max-inline-size: 70%;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .state-line .note {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .icon.review.open {
    color: var(--ut-voice-2);
  }
  .icon.review.confirmed {
    color: var(--ut-good);
  }
  .icon.review.dismissed {
    color: var(--ut-quiet);
  }
  .pending .card-head {
    opacity: 0.75;
  }
  @media (forced-colors: active) {
    .miniature path,
    .waveform path {
      fill: CanvasText;
    }
    .segment[aria-pressed="true"],
    .toggle[aria-pressed="true"],
    .tab[aria-pressed="true"] {
      background: Highlight;
      color: HighlightText;
      forced-color-adjust: none;
    }
    [aria-pressed="true"] .tally,
    [aria-pressed="true"] .icon {
      color: HighlightText !important;
      forced-color-adjust: none;
    }
    .new {
      border: 1px solid CanvasText;
    }
  }
`;
