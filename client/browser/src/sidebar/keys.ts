/**
 * The keyboard in feed and evidence: J and K walk along the cards, space plays, arrows jump between turns, Escape closes.
 * Only while the focus is there, and never in a field (WCAG 2.1.4).
 */

import type { Player } from "./player.ts";

export interface Keyed {
  readonly player: Player | null;
  /** Whether an anomaly is open. */
  readonly open: boolean;
  close(): void;
  /** To the next card, or the one before. */
  walk(by: 1 | -1): void;
}

/** The key in small Latin letters. Where it writes another script (Arabic: ت and ن), the one that has its place. */
export function latin({ key, code }: Pick<KeyboardEvent, "key" | "code">): string {
  return (/^[ -~]+$/.test(key) ? key : code.replace(/^Key/, "")).toLowerCase();
}

export function key(event: KeyboardEvent, keyed: Keyed): void {
  const target = event.composedPath()[0] as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.closest("textarea, select, input:not([type=radio])")) return;
  const pressed = latin(event);
  if (pressed === "escape" && keyed.open) keyed.close();
  else if (pressed === "j") keyed.walk(1);
  else if (pressed === "k") keyed.walk(-1);
  else if (keyed.player && !target.closest("input")) {
    // A button that has the focus is what space presses; a card's head only opens, which Enter does too.
    const pressesButton = target.closest("button:not(.card-head), summary") !== null;
    if (pressed === " " && !pressesButton) keyed.player.toggle();
    else if (pressed === "arrowright") keyed.player.jump(1);
    else if (pressed === "arrowleft") keyed.player.jump(-1);
    else return;
  } else return;
  event.preventDefault();
}

/**
 * Up, down, Home and End between the heads of a list: for the Tab key it is one stop, however long it is. `stop` is the
 * class of the heads.
 */
export function rove(event: KeyboardEvent, stop: string): void {
  const list = event.currentTarget as HTMLElement;
  const heads = [...list.getElementsByClassName(stop)] as HTMLElement[];
  const at = heads.indexOf(event.composedPath()[0] as HTMLElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: heads.length - 1 }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  heads[to]?.focus();
}
