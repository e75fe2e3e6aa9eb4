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
  .exam {
    min-block-size: 0;
  }
  undertone-sidebar {
    display: block;
    block-size: 100%;
  }
`;
