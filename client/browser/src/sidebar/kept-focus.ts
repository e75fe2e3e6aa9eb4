/**
 * Keeps the focus where it is while a list is drawn anew: an element that moves within the document loses it, and the
 * keyboard would be nowhere.
 */

import type { ReactiveController, ReactiveControllerHost } from "lit";

export class KeptFocus implements ReactiveController {
  readonly #host: ReactiveControllerHost & Element;
  #kept: HTMLElement | null = null;

  constructor(host: ReactiveControllerHost & Element) {
    this.#host = host;
    host.addController(this);
  }

  /** The one of the host's parts of that name which has the focus, or null. */
  inside<Part extends Element>(name: string): Part | null {
    return this.#active?.closest<Part>(name) ?? null;
  }

  hostUpdate(): void {
    this.#kept = this.#active;
  }

  hostUpdated(): void {
    const kept = this.#kept;
    this.#kept = null;
    if (kept?.isConnected && kept !== this.#active) kept.focus({ preventScroll: true });
  }

  get #active(): HTMLElement | null {
    const active = (this.#host.getRootNode() as ShadowRoot).activeElement;
    return this.#host.contains(active) ? (active as HTMLElement) : null;
  }
}
