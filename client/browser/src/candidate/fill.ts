/** How far a bar is filled. Set from script: a `style` attribute in a template is what a strict policy forbids. */

import { noChange } from "lit";
import { Directive, directive, type ElementPart } from "lit/directive.js";

class Fill extends Directive {
  override render(_percent: number): typeof noChange {
    return noChange;
  }

  override update(part: ElementPart, [percent]: [number]): typeof noChange {
    (part.element as HTMLElement).style.setProperty("inline-size", `${percent}%`);
    return noChange;
  }
}

/** `<span ${fill(40)}>` */
export const fill = directive(Fill);
