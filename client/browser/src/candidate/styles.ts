/** A card that fits from 280 px on, and in the exam a single calm line. */

import { css } from "lit";

export const styles = css`
  :host {
    display: block;
    min-inline-size: 280px;
    container-type: inline-size;
    border: 1px solid var(--ut-line);
    border-radius: var(--ut-radius);
    overflow: hidden;
  }
  section {
    display: grid;
    gap: 16px;
    padding: 20px;
  }
  h2 {
    margin: 0;
    font-size: 1.1875rem;
    font-weight: 650;
    line-height: 1.3;
    text-wrap: balance;
  }
  h2:focus {
    outline: none;
  }
  p,
  dl,
  dd,
  blockquote {
    margin: 0;
  }
  dl {
    display: grid;
    gap: 12px;
  }
  dt,
  label,
  .label {
    font-weight: 600;
    font-size: 0.875rem;
  }
  dd,
  .quiet {
    color: var(--ut-quiet);
  }
  .small {
    font-size: 0.8125rem;
  }
  .actions {
    display: flex;
    flex-wrap: wrap;
    gap: var(--ut-gap);
  }
  .button {
    font-weight: 600;
  }
  .button.primary:hover:enabled {
    background: color-mix(in oklab, var(--ut-accent), var(--ut-ink) 14%);
  }
  .actions .button {
    flex: 1 1 auto;
    min-block-size: 44px;
  }
  .field {
    display: grid;
    gap: 4px;
  }
  select {
    inline-size: 100%;
    min-block-size: 42px;
    padding-block: 4px;
    padding-inline-start: 12px;
    border: 1px solid var(--ut-edge);
    border-radius: var(--ut-radius);
    background: var(--ut-paper);
    text-overflow: ellipsis;
  }
  .meter {
    block-size: 10px;
    border-radius: 5px;
    background: var(--ut-sunken);
    border: 1px solid var(--ut-line);
    overflow: hidden;
  }
  .meter > span {
    display: block;
    block-size: 100%;
    border-radius: inherit;
    background: var(--ut-good);
    transition: inline-size 0.12s linear;
  }
  blockquote {
    padding: 12px 14px;
    border-inline-start: 3px solid var(--ut-accent);
    border-radius: 4px;
    background: var(--ut-raised);
    font-size: 1.0625rem;
  }
  .verdict {
    display: grid;
    grid-template-columns: auto 1fr;
    gap: 2px 10px;
    align-items: center;
    padding: 12px 14px;
    border-radius: var(--ut-radius);
    background: var(--ut-raised);
  }
  .verdict > span {
    grid-column: 2;
  }
  .icon {
    flex: none;
    color: var(--ut-quiet);
  }
  .icon.recording,
  .icon.good {
    color: var(--ut-good);
  }
  .icon.attention {
    color: var(--ut-warn);
  }
  .exam {
    gap: 10px;
    padding: 12px 16px;
  }
  .line {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 10px;
    min-block-size: 32px;
  }
  .line .what {
    display: flex;
    flex: 1 1 12rem;
    align-items: flex-start;
    gap: 10px;
  }
  /* Short enough to share its line with the button, be the line 280 px long. */
  .line.recording .what {
    flex-basis: 6rem;
  }
  .line .icon {
    margin-block-start: 2px;
  }
  .line .meter {
    flex: none;
    inline-size: 64px;
    block-size: 8px;
    margin-inline-end: auto;
  }
  .since {
    color: var(--ut-quiet);
    white-space: nowrap;
  }
  @container (min-width: 30rem) {
    section:not(.exam) {
      padding: 28px;
      gap: 20px;
    }
  }
  @media (forced-colors: active) {
    .meter > span {
      background: Highlight;
    }
  }
`;
