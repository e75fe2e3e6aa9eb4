/**
 * What the sidebar is put together from. Its parts render into the sidebar's one shadow root: 700 rows and cards share one
 * set of styles, and labels may point from one part to another.
 */

import { LitElement } from "lit";
import type * as locale from "../locale/index.ts";
import type { SidebarStrings } from "../locale/sidebar.ts";
import type { ChangeParticipant, Evidence } from "../wire/messages.ts";
import type { FeedQuery } from "./arrange.ts";
import type { Clip } from "./clips.ts";
import type { ReviewState } from "./model.ts";
import type { Preferences } from "./preferences.ts";

/** What a part says, and in which language. One object a language: another one means render anew. */
export type Words = locale.Words<SidebarStrings>;

/** What a part can ask for. The same object for as long as the sidebar lives. */
export interface Actions {
  /** Show an anomaly's evidence; null closes it. By the keyboard, the focus goes to where it is shown. */
  open(anomaly: string | null, byKeyboard?: boolean): void;
  filter(query: Partial<FeedQuery>): void;
  decide(anomaly: string, decision: ReviewState, note: string | null): void;
  /** Resolves when the server has it. Rejects with what was wrong, in words. */
  change(participant: string, change: ChangeParticipant): Promise<void>;
  clip(evidence: Evidence): Promise<Clip>;
  /** An address that `<audio>` may play for some minutes. */
  link(clip: string): Promise<string>;
  remember(chosen: Partial<Preferences>): void;
}

export class Part extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }
}
