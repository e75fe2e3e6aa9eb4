/** The first line, and the banners below it. */

import { css } from "lit";

export const headerStyles = css`
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
  .states b {
    color: var(--ut-ink);
    font-weight: 500;
  }
  .state-name {
    display: none;
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
    outline: none;
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
  @container sidebar (min-width: 720px) {
    .states {
      gap: 16px;
    }
    .state-name {
      display: inline;
    }
    .masthead {
      padding-inline: 16px 10px;
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
  }
`;
