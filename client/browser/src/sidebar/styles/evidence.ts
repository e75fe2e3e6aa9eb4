/** The evidence: what was heard, in which windows, the decision, the exam around it. */

import { css } from "lit";

export const evidenceStyles = css`
  .evidence {
    display: grid;
    gap: 14px;
    padding: 4px 12px 16px 16px;
    padding-inline: 16px 12px;
  }
  .detail-pane .evidence {
    max-inline-size: 860px;
    margin-inline: auto;
    padding: 20px 28px 32px;
  }
  .evidence-head {
    display: flex;
    align-items: start;
    justify-content: space-between;
    gap: 12px;
  }
  .evidence-head h2 {
    min-inline-size: 0;
    outline: none; /* the focus comes here to go on from, not to press it */
    overflow-wrap: anywhere;
    font-size: 1.25rem;
    font-weight: 600;
    line-height: 1.3;
  }
  .lead {
    max-inline-size: 72ch;
    text-wrap: pretty;
  }
  .detail-pane .lead {
    margin-block-start: -8px;
  }
  .facts {
    display: flex;
    flex-wrap: wrap;
    gap: 6px 24px;
  }
  .facts dt {
    color: var(--ut-quiet);
    font-size: 0.75rem;
  }
  .facts dd {
    font-weight: 500;
    font-variant-numeric: tabular-nums;
  }
  .choice {
    display: flex;
    flex-wrap: wrap;
    gap: 6px;
    min-inline-size: 0;
    max-block-size: 136px;
    padding: 3px;
    margin: -3px;
    overflow-y: auto;
  }
  .choice legend {
    padding-block-end: 4px;
    color: var(--ut-quiet);
    font-size: 0.75rem;
  }
  .chip,
  .rate {
    position: relative;
    cursor: pointer;
  }
  .chip span {
    display: block;
    padding: 3px 10px;
    border: 1px solid var(--ut-edge);
    border-radius: 14px;
    background: var(--ut-paper);
    font-size: 0.8125rem;
    font-variant-numeric: tabular-nums;
  }
  .chip input:checked + span {
    border-color: var(--ut-accent);
    background: var(--ut-accent);
    color: var(--ut-on-accent);
  }
  .chip input:focus-visible + span,
  .rate input:focus-visible + span {
    outline: 2px solid var(--ut-accent);
    outline-offset: 2px;
  }

  .exam {
    display: grid;
    gap: 6px;
    padding-block-start: 14px;
    border-block-start: 1px solid var(--ut-line);
    font-size: 0.8125rem;
  }
  .exam h3 {
    color: var(--ut-quiet);
    font-size: 0.75rem;
    font-weight: 400;
  }
  .exam .strip {
    inline-size: 100%;
    block-size: 28px;
    margin-inline: 0;
  }
  .exam-marks {
    display: block;
    inline-size: 100%;
    block-size: 3px;
    margin-block-start: 2px;
    fill: var(--ut-accent);
  }
  [dir="rtl"] .exam-marks {
    transform: scaleX(-1);
  }
  .exam .row-axis {
    margin: 0;
  }

  /* The decision. */
  .review-form {
    display: grid;
    gap: 10px;
  }
  .note-field {
    display: grid;
    gap: 4px;
  }
  .note-field > span {
    color: var(--ut-quiet);
    font-size: 0.75rem;
  }
  textarea {
    inline-size: 100%;
    min-block-size: 52px;
    padding: 6px 8px;
    border: 1px solid var(--ut-edge);
    border-radius: var(--ut-radius);
    background: var(--ut-paper);
    resize: vertical;
    field-sizing: content;
  }
  .decisions {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
  }
  .decisions .button {
    flex: 1 1 120px;
    min-block-size: 38px;
  }
  .decided {
    display: flex;
    gap: 10px;
    padding: 10px 12px;
    border: 1px solid var(--ut-line);
    border-radius: var(--ut-radius);
    background: var(--ut-paper);
  }
  .decided .icon {
    margin-block-start: 2px;
  }
  .decided time {
    margin-inline-start: 6px;
    font-size: 0.8125rem;
  }
  .decided .note {
    display: block;
    margin-block-start: 4px;
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  @media (forced-colors: active) {
    .chip input:checked + span {
      background: Highlight;
      color: HighlightText;
      forced-color-adjust: none;
    }
  }
`;
