/** What the buttons of a room show; `off` strikes through what is off. */

import { type SVGTemplateResult, svg } from "lit";

const SHAPES = {
  camera: svg`<rect x="1.5" y="4" width="9" height="8" rx="1.6"/><path d="m10.5 7.2 4-2.2v6l-4-2.2"/>`,
  microphone: svg`<rect x="5.75" y="1.5" width="4.5" height="8" rx="2.25"/><path d="M3.25 7.5a4.75 4.75 0 0 0 9.5 0M8 12.25V14.5"/>`,
  sound: svg`<path d="M2 6v4h2.5L8 13V3L4.5 6zM10.5 5.5a3.5 3.5 0 0 1 0 5M12.5 3.5a6.4 6.4 0 0 1 0 9"/>`,
} as const;

export type RoomIcon = keyof typeof SHAPES;

export function icon(name: RoomIcon, on: boolean): SVGTemplateResult {
  return svg`<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">${SHAPES[name]}${
    on ? "" : svg`<path d="M2 2 14 14"/>`
  }</svg>`;
}
