/** The recording and its picture: who spoke when. */

import { css } from "lit";

export const playerStyles = css`
  /* The picture: sound above, a lane a voice below, one time for all. */
  .player {
    display: grid;
    gap: 10px;
    padding: 12px;
    border: 1px solid var(--ut-line);
    border-radius: 10px;
    background: var(--ut-paper);
  }
  .picture {
    --label: 64px;
    position: relative;
    display: grid;
    gap: 4px;
    cursor: pointer;
  }
  .picture:focus-visible {
    outline-offset: 5px;
  }
  .waveform,
  .time-axis {
    display: block;
    inline-size: calc(100% - var(--label));
    margin-inline-start: var(--label);
  }
  .waveform {
    block-size: 64px;
  }
  .waveform.none {
    display: grid;
    place-items: center;
    border-radius: 6px;
    background: var(--ut-sunken);
    color: var(--ut-quiet);
    font-size: 0.8125rem;
  }
  .waveform .rest {
    fill: var(--ut-edge);
  }
  .lane {
    display: grid;
    grid-template-columns: var(--label) minmax(0, 1fr);
    align-items: center;
  }
  .lane-label {
    display: flex;
    align-items: center;
    gap: 6px;
    color: var(--ut-quiet);
    font-size: 0.75rem;
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }
  .badge {
    display: grid;
    flex: none;
    place-items: center;
    inline-size: 18px;
    block-size: 18px;
    border-radius: 5px;
    background: var(--voice);
    color: var(--ut-paper);
    font-size: 0.6875rem;
    font-weight: 700;
  }
  .lit .badge {
    outline: 2px solid color-mix(in srgb, var(--voice), transparent 55%);
  }
  .lit .lane-label {
    color: var(--ut-ink);
  }
  .lane-turns {
    display: block;
    inline-size: 100%;
    block-size: 20px;
    border-radius: 4px;
    background: var(--ut-sunken);
  }
  .lane-turns,
  .lane-note {
    grid-area: 1 / 2;
  }
  .lane-note {
    padding-inline: 8px;
    overflow: hidden;
    color: var(--ut-quiet);
    font-size: 0.75rem;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .lane-turns .turn {
    fill: var(--voice);
  }
  .over {
    fill: var(--ut-paper);
    opacity: 0.6;
  }
  .lanes {
    display: grid;
    gap: 4px;
  }
  .time-axis {
    block-size: 14px;
    overflow: visible;
    fill: var(--ut-quiet);
    font-size: 0.6875rem;
    font-variant-numeric: tabular-nums;
  }
  .playhead {
    position: absolute;
    inset-block: 0 16px;
    inset-inline: var(--label) 0;
    inline-size: calc(100% - var(--label));
    block-size: calc(100% - 16px);
    overflow: visible;
    pointer-events: none;
  }
  .playhead line {
    stroke: var(--ut-ink);
    stroke-width: 2;
  }
  .controls {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px;
  }
  .play.button {
    border-radius: 50%;
    inline-size: 36px;
    block-size: 36px;
  }
  .player-times {
    padding-inline: 4px;
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }
  .rates {
    display: flex;
    margin-inline-start: auto;
    padding: 2px;
    border-radius: 7px;
    background: var(--ut-sunken);
  }
  .rate span {
    display: grid;
    place-items: center;
    min-inline-size: 30px;
    min-block-size: 24px;
    padding-inline: 4px;
    border-radius: 5px;
    color: var(--ut-quiet);
    font-size: 0.75rem;
    font-weight: 500;
    font-variant-numeric: tabular-nums;
  }
  .rate input:checked + span {
    background: var(--ut-float);
    color: var(--ut-ink);
    box-shadow: 0 1px 2px rgb(0 0 0 / 16%);
  }
  .turns summary {
    inline-size: fit-content;
    min-block-size: 24px;
    color: var(--ut-quiet);
    font-size: 0.8125rem;
    cursor: pointer;
  }
  .turns ol {
    display: flex;
    flex-wrap: wrap;
    gap: 4px;
    padding-block-start: 6px;
  }
  .turn-button {
    display: flex;
    align-items: center;
    gap: 6px;
    min-block-size: 26px;
    padding: 2px 8px 2px 4px;
    padding-inline: 4px 8px;
    border: 1px solid var(--ut-line);
    border-radius: 6px;
    background: var(--ut-paper);
    font-size: 0.8125rem;
    font-variant-numeric: tabular-nums;
    cursor: pointer;
  }
  .turn-button:hover {
    background: var(--ut-raised);
  }
  @media (forced-colors: active) {
    .lane-turns .turn {
      fill: CanvasText;
    }
    .over {
      fill: Canvas;
      opacity: 1;
    }
    .waveform .rest {
      fill: GrayText;
    }
    .playhead line {
      stroke: Highlight;
    }
    .badge {
      border: 1px solid CanvasText;
      color: CanvasText;
    }
    .rate input:checked + span {
      background: Highlight;
      color: HighlightText;
      forced-color-adjust: none;
    }
  }
`;
