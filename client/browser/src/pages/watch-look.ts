import { css } from "lit";

export const watchLook = css`
  :host {
    display: grid;
    grid-template-rows: auto minmax(0, 1fr);
    block-size: 100dvh;
  }
  .title {
    flex: 1 1 8rem;
    min-inline-size: 0;
    padding-inline-start: 12px;
    border-inline-start: 1px solid var(--ut-line);
    font-size: 1.0625rem;
    font-weight: 600;
    letter-spacing: 0;
    overflow-wrap: anywhere;
  }
  .tools svg {
    fill: none;
    stroke: currentColor;
    stroke-width: 1.5;
    stroke-linecap: round;
  }
  @media (max-width: 48rem) {
    .brand span,
    .wide-only {
      position: absolute;
      inline-size: 1px;
      block-size: 1px;
      overflow: hidden;
      clip-path: inset(50%);
    }
    .tools {
      flex-wrap: nowrap;
      gap: 6px;
      inline-size: 100%;
    }
    .tools .button {
      min-inline-size: min-content;
      padding-inline: 9px;
      font-size: 0.8125rem;
    }
    .tools .bare {
      min-inline-size: 36px;
    }
    .title {
      flex-basis: 4rem;
      font-size: 0.9375rem;
    }
  }
  .exam {
    min-block-size: 0;
  }
  undertone-sidebar {
    display: block;
    block-size: 100%;
    min-block-size: 0;
  }
  .with-room {
    display: grid;
    grid-template-rows: auto minmax(0, 1fr);
  }
  undertone-room {
    max-block-size: 38dvh;
    overflow: auto;
    border-block-end: 1px solid var(--ut-line);
  }
  @media (min-width: 64rem) {
    .with-room {
      grid-template-rows: minmax(0, 1fr);
      grid-template-columns: minmax(17rem, 24%) minmax(0, 1fr);
    }
    undertone-room {
      max-block-size: none;
      border-block-end: 0;
      border-inline-end: 1px solid var(--ut-line);
    }
  }
`;
