/** What the pages look like around the elements; colours and type are those of the elements. */

import { css } from "lit";

export const look = css`
  :host {
    --page: light-dark(#f4f6f9, #0f1216);
    display: block;
    min-block-size: 100dvh;
    background: var(--page);
  }
  h1,
  h2,
  h3,
  p,
  dl,
  dd,
  ul {
    margin: 0;
    padding: 0;
  }
  h1 {
    font-size: clamp(1.6rem, 1.2rem + 2vw, 2.4rem);
    line-height: 1.15;
    letter-spacing: -0.02em;
    text-wrap: balance;
  }
  h2 {
    font-size: 1.05rem;
    line-height: 1.3;
  }
  a {
    color: var(--ut-accent);
  }
  .quiet {
    color: var(--ut-quiet);
  }
  .small {
    font-size: 0.8125rem;
  }
  .bar {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px 12px;
    padding: 10px max(16px, env(safe-area-inset-left));
    background: var(--ut-paper);
    border-block-end: 1px solid var(--ut-line);
  }
  .brand {
    display: inline-flex;
    align-items: center;
    gap: 8px;
    color: inherit;
    font-weight: 650;
    letter-spacing: -0.01em;
    text-decoration: none;
    border-radius: 6px;
  }
  .brand svg {
    inline-size: 26px;
    block-size: 26px;
  }
  .push {
    margin-inline-start: auto;
  }
  .language {
    margin-inline-end: -8px;
    color: var(--ut-quiet);
  }
  .language select {
    min-block-size: 32px;
    padding-block: 4px;
    padding-inline-start: 10px;
    border: 1px solid transparent;
    border-radius: var(--ut-radius);
    background: transparent;
    color: var(--ut-quiet);
    cursor: pointer;
  }
  .language select:hover {
    border-color: var(--ut-edge);
  }
  option {
    color: var(--ut-ink);
    background: var(--ut-paper);
  }
  .card {
    padding: clamp(16px, 3vw, 24px);
    border: 1px solid var(--ut-line);
    border-radius: 14px;
    background: var(--ut-paper);
    box-shadow: 0 1px 2px rgb(16 24 40 / 5%);
  }
  .stack {
    display: grid;
    gap: 14px;
    align-content: start;
  }
  .stack.tight {
    gap: 4px;
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px;
  }
  .field {
    display: grid;
    gap: 4px;
  }
  .field > span:first-child {
    font-weight: 600;
  }
  input {
    inline-size: 100%;
    min-block-size: 42px;
    padding: 8px 12px;
    border: 1px solid var(--ut-edge);
    border-radius: var(--ut-radius);
    background: var(--ut-paper);
  }
  input[readonly] {
    background: var(--ut-raised);
    font-family: var(--ut-mono);
    font-size: 0.8125rem;
    text-overflow: ellipsis;
  }
  .together {
    display: flex;
    gap: 8px;
  }
  .together .button {
    flex: none;
    min-block-size: 42px;
  }
  .button {
    font-weight: 600;
    text-decoration: none;
    color: inherit;
    min-block-size: 36px;
  }
  .button.large {
    min-block-size: 44px;
    padding-inline: 20px;
  }
  .button.primary:hover {
    background: color-mix(in oklab, var(--ut-accent), var(--ut-ink) 14%);
  }
  .button.danger {
    border-color: var(--ut-bad);
    background: var(--ut-bad);
    color: light-dark(#ffffff, #2a0906);
  }
  .button.bare {
    border-color: transparent;
    background: transparent;
    color: var(--ut-quiet);
  }
  .button.bare:hover {
    background: var(--ut-raised);
    color: var(--ut-ink);
  }
  .link {
    padding: 4px 2px;
    border: 0;
    background: none;
    color: var(--ut-accent);
    text-decoration: underline;
    text-underline-offset: 2px;
    cursor: pointer;
    border-radius: 4px;
  }
  .trouble {
    display: grid;
    gap: 4px;
    padding: 12px 14px;
    border-radius: var(--ut-radius);
    border-inline-start: 4px solid var(--ut-bad);
    background: color-mix(in oklab, var(--ut-bad) 9%, var(--ut-paper));
    overflow-wrap: anywhere;
  }
  dialog {
    inline-size: min(30rem, calc(100vw - 32px));
    max-block-size: calc(100dvh - 32px);
    padding: 24px;
    border: 1px solid var(--ut-line);
    border-radius: 14px;
    background: var(--ut-paper);
    color: var(--ut-ink);
    box-shadow: 0 24px 64px rgb(0 0 0 / 28%);
  }
  dialog::backdrop {
    background: rgb(10 14 20 / 50%);
  }
  dialog .row {
    justify-content: flex-end;
  }
  .card h1 {
    font-size: 1.5rem;
  }
  .middle {
    display: grid;
    align-content: start;
    gap: 20px;
    inline-size: min(36rem, 100%);
    margin-inline: auto;
    padding: clamp(20px, 8vh, 88px) 16px 32px;
  }
`;
