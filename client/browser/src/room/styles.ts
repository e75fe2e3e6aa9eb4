/** A card that fits from 280 px on: tiles as many as there is room for, and one row of buttons. */

import { css } from "lit";

export const styles = css`
  :host {
    display: block;
    min-inline-size: 0;
    container-type: inline-size;
  }
  section {
    display: grid;
    gap: 10px;
    align-content: start;
    block-size: 100%;
    padding: 12px;
  }
  header,
  .buttons,
  .notice {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 8px;
  }
  h2,
  p,
  ul {
    margin: 0;
    padding: 0;
  }
  h2 {
    flex: 1;
    font-size: 0.9375rem;
    font-weight: 650;
  }
  .about {
    padding: 12px 14px;
  }
  .quiet {
    color: var(--ut-quiet);
  }
  .small {
    font-size: 0.8125rem;
  }
  .notice {
    padding: 8px 10px;
    border-inline-start: 4px solid var(--ut-warn);
    border-radius: var(--ut-radius);
    background: var(--ut-raised);
  }
  .notice > div {
    flex: 1 1 12rem;
    display: grid;
    gap: 2px;
  }
  ul {
    display: grid;
    grid-template-columns: repeat(auto-fill, minmax(min(8rem, 46cqi), 1fr));
    gap: 8px;
    list-style: none;
  }
  .button {
    font-weight: 600;
    min-block-size: 36px;
  }
  .button svg {
    fill: none;
    stroke: currentColor;
    stroke-width: 1.5;
    stroke-linecap: round;
    stroke-linejoin: round;
  }
  .buttons .button {
    flex: 1 1 auto;
  }
  header .button {
    min-block-size: 32px;
    font-size: 0.8125rem;
  }
  .bare {
    min-inline-size: 36px;
    padding-inline: 0;
  }
  .bare.on {
    border-color: var(--ut-accent);
    background: var(--ut-accent);
    color: var(--ut-on-accent);
  }
`;
