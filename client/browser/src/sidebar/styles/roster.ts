/** The roster: dense rows, each with its strip. */

import { css } from "lit";

export const rosterStyles = css`
  .search {
    position: relative;
    display: block;
    flex: 1 1 0;
    min-inline-size: 130px;
  }
  .search .icon {
    position: absolute;
    inset-block-start: 8px;
    inset-inline-start: 9px;
    color: var(--ut-quiet);
    pointer-events: none;
  }
  .search input {
    inline-size: 100%;
    min-block-size: 32px;
    padding-block: 4px;
    padding-inline: 32px 8px;
    border: 1px solid var(--ut-edge);
    border-radius: var(--ut-radius);
    background: var(--ut-paper);
  }
  .search input::placeholder,
  textarea::placeholder {
    color: var(--ut-quiet);
    opacity: 1;
  }
  .tools-line {
    display: flex;
    flex-wrap: wrap;
    gap: 6px;
  }
  .field {
    flex: 1 1 0;
    min-inline-size: 96px;
  }
  select,
  .toggle {
    inline-size: 100%;
    min-block-size: 28px;
    padding: 2px 6px;
    border: 1px solid var(--ut-line);
    border-radius: 6px;
    background: var(--ut-paper);
    color: var(--ut-ink);
    font-size: 0.8125rem;
    text-overflow: ellipsis;
    cursor: pointer;
  }
  .toggle {
    inline-size: auto;
    min-block-size: 32px;
    padding-inline: 10px;
    border-radius: var(--ut-radius);
  }
  .toggle[aria-pressed="true"] {
    border-color: var(--ut-accent);
    background: color-mix(in srgb, var(--ut-accent), var(--ut-paper) 88%);
    color: var(--ut-accent);
    font-weight: 500;
  }
  .rows > li {
    border-block-end: 1px solid var(--ut-line);
    content-visibility: auto;
    contain-intrinsic-size: auto 66px;
  }
  .row-head {
    display: grid;
    gap: 1px;
    inline-size: 100%;
    padding: 6px 12px 7px;
    border: 0;
    background: none;
    text-align: start;
    cursor: pointer;
  }
  .row-head:hover,
  .row-head[aria-expanded="true"] {
    background: var(--ut-raised);
  }
  .row-head:focus-visible,
  .card-head:focus-visible {
    outline-offset: -3px;
  }
  .row-line {
    display: flex;
    align-items: center;
    gap: 7px;
    min-inline-size: 0;
  }
  .row-name {
    flex: 1;
    overflow: hidden;
    font-weight: 600;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .row-line.second {
    justify-content: space-between;
    padding-inline-start: 23px;
    color: var(--ut-quiet);
    font-size: 0.75rem;
  }
  .row-state.lost {
    color: var(--ut-bad);
  }
  .row-state.silent,
  .row-state.degraded {
    color: var(--ut-warn);
  }
  .count {
    min-inline-size: 20px;
    padding: 0 6px;
    border: 1px solid var(--ut-edge);
    border-radius: 10px;
    color: var(--ut-quiet);
    font-size: 0.75rem;
    font-weight: 600;
    font-variant-numeric: tabular-nums;
    text-align: center;
  }
  .count.some {
    border-color: var(--ut-voice-2);
    background: var(--ut-voice-2);
    color: var(--ut-paper);
  }
  .chevron {
    inline-size: 14px;
    color: var(--ut-quiet);
    transition: transform 0.15s;
  }
  [aria-expanded="true"] .chevron {
    transform: rotate(180deg);
  }
  .strip {
    display: block;
    inline-size: calc(100% - 23px);
    block-size: 14px;
    margin-block-start: 2px;
    margin-inline-start: 23px;
    border-block-end: 1px solid var(--ut-line);
  }
  [dir="rtl"] .strip {
    transform: scaleX(-1);
  }
  .clean,
  .silent {
    --bar: var(--ut-edge);
  }
  .voices {
    --bar: var(--ut-voice-2);
  }
  .unclear {
    --bar: var(--ut-warn);
  }
  .failed,
  .missing {
    --bar: var(--ut-bad);
  }
  .waiting {
    --bar: var(--ut-line);
  }
  .strip path,
  .mark g {
    fill: var(--bar);
  }
  .row-more {
    display: grid;
    gap: 8px;
    padding: 2px 12px 12px 35px;
    padding-inline: 35px 12px;
    background: var(--ut-raised);
    font-size: 0.8125rem;
  }
  .row-axis {
    display: flex;
    justify-content: space-between;
    margin-block-start: -4px;
    color: var(--ut-quiet);
    font-size: 0.75rem;
    font-variant-numeric: tabular-nums;
  }
  .legend {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 12px;
  }
  .legend li {
    display: flex;
    align-items: center;
    gap: 6px;
  }
  .mark {
    flex: none;
  }
  .row-actions {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px;
  }
  .expected {
    display: flex;
    flex: 1 0 100%;
    align-items: center;
    justify-content: space-between;
    gap: 8px;
  }
  .stepper {
    display: inline-flex;
    align-items: center;
  }
  .stepper output {
    min-inline-size: 30px;
    font-weight: 600;
    font-variant-numeric: tabular-nums;
    text-align: center;
  }
  .step {
    inline-size: 28px;
    min-block-size: 28px;
    padding: 0;
    border-radius: 6px;
  }
  .sure {
    display: flex;
    flex: 1 0 100%;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px;
  }
  .sure > span {
    flex: 1 0 100%;
    font-weight: 500;
  }
  @media (forced-colors: active) {
    .strip path,
    .mark g {
      fill: CanvasText;
    }
  }
`;
