import { css } from "lit";

export const homeLook = css`
  main {
    display: grid;
    gap: clamp(20px, 3vw, 36px);
    inline-size: min(70rem, 100%);
    margin-inline: auto;
    padding: clamp(20px, 4vw, 48px) 16px 64px;
  }
  .hero {
    display: grid;
    align-items: center;
    gap: 20px 48px;
  }
  .hero .stack {
    gap: 10px;
  }
  .lead {
    max-inline-size: 34rem;
    font-size: 1.0625rem;
    text-wrap: pretty;
  }
  .wave {
    inline-size: 100%;
    block-size: 64px;
    fill: var(--ut-voice-1);
  }
  .wave .other {
    fill: var(--ut-voice-2);
  }
  .columns {
    display: grid;
    gap: 24px 32px;
    grid-template-columns: minmax(0, 1fr);
    align-items: start;
  }
  .stack.wide {
    gap: 28px;
  }
  @media (min-width: 56rem) {
    .hero {
      grid-template-columns: minmax(0, 1.2fr) minmax(0, 1fr);
    }
    .wave {
      block-size: 92px;
    }
    .columns {
      grid-template: auto 1fr / minmax(0, 1fr) 21rem;
    }
    aside {
      grid-area: 1 / 2 / span 2;
    }
  }
  .meetings {
    display: grid;
    gap: 12px;
    list-style: none;
  }
  .meeting {
    display: grid;
    gap: 14px;
    padding: clamp(16px, 3vw, 20px) clamp(16px, 3vw, 24px);
  }
  .meeting .push {
    gap: 0;
  }
  @media (max-width: 30rem) {
    .meeting .push {
      inline-size: 100%;
      margin-inline-start: -12px;
    }
  }
  .meeting.fresh {
    border-color: var(--ut-accent);
    box-shadow: 0 0 0 3px color-mix(in oklab, var(--ut-accent) 18%, transparent);
  }
  h3 {
    font-size: 1rem;
    overflow-wrap: anywhere;
  }
  .state {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    margin-inline-end: 8px;
    font-weight: 600;
    color: var(--ut-good);
  }
  .state::before {
    content: "";
    inline-size: 8px;
    block-size: 8px;
    border-radius: 50%;
    background: currentColor;
  }
  .state:not(.open) {
    color: var(--ut-quiet);
  }
  .state:not(.open)::before {
    border: 2px solid currentColor;
    background: none;
  }
  .empty {
    display: grid;
    gap: 2px;
    padding: 32px 20px;
    border: 1px dashed var(--ut-edge);
    border-radius: 14px;
    text-align: center;
  }
  dl {
    display: grid;
    gap: 10px;
  }
  dl div {
    display: grid;
    gap: 1px;
  }
  dt {
    color: var(--ut-quiet);
    font-size: 0.8125rem;
  }
  dd {
    overflow-wrap: anywhere;
  }
  summary {
    border-radius: 4px;
    cursor: pointer;
  }
  summary h2 {
    display: inline;
  }
  details[open] summary {
    margin-block-end: 14px;
  }
  .code {
    display: flex;
    align-items: start;
    gap: 8px;
  }
  pre {
    flex: 1;
    min-inline-size: 0;
    margin: 0;
    padding: 10px 12px;
    border-radius: var(--ut-radius);
    background: var(--ut-sunken);
    font: 0.78rem / 1.55 var(--ut-mono);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
`;
