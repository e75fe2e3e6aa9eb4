/** The exam: one line that may be forgotten, until it needs somebody. */

import { html, nothing, type TemplateResult } from "lit";
import type { CandidateStrings } from "../locale/candidate.ts";
import { FLOOR_DBFS } from "../recorder/level.ts";
import type { Status } from "../recorder/protocol.ts";
import { NEEDS_A_CLICK, type Trouble } from "../recorder/trouble.ts";
import { KEEP_MS } from "../session/outbox.ts";
import { type Icon, icon } from "./icons.ts";
import { button, meter } from "./parts.ts";
import type { CandidateState } from "./state.ts";

export interface ExamFacts {
  state: CandidateState;
  status: Status | null;
  trouble: Trouble | null;
  since: Date | null;
  /** Whether the question stands that keeps a slip of the hand from ending the exam. */
  sure: boolean;
  ask(sure: boolean): void;
  wake(): void;
  finish(): void;
}

/** From here on the oldest sound is dropped, a second at a time. */
const FULL_MS = KEEP_MS - 2000;

const ICONS: Partial<Record<CandidateState, Icon>> = {
  recording: "recording",
  starting: "waiting",
  reconnecting: "waiting",
};

export function exam(t: CandidateStrings, facts: ExamFacts): TemplateResult {
  const { state, status, since, trouble } = facts;
  return html`<section class="exam" aria-label=${t.exam.label} tabindex="-1" data-focus>
    <div class="line ${state}">
      <div class="what">
        ${icon(ICONS[state] ?? "attention")}
        <span>${line(t, facts)} ${state === "recording" && since ? html`<span class="since">${t.exam.since(since)}</span>` : nothing}</span>
      </div>
      ${trouble === null ? meter(t.check.level, status?.level ?? FLOOR_DBFS) : nothing}
      ${trouble !== null && NEEDS_A_CLICK.includes(trouble) ? button(t.exam.go, facts.wake, "primary") : nothing}
      ${facts.sure ? nothing : button(t.exam.finish, () => facts.ask(true))}
    </div>
    ${
      facts.sure
        ? html`<div class="line" role="group" aria-label=${t.exam.sure}>
            <span class="what">${t.exam.sure}</span>
            ${button(t.exam.no, () => facts.ask(false))} ${button(t.exam.yes, facts.finish, "primary")}
          </div>`
        : nothing
    }
  </section>`;
}

/** What is said of the state, aloud as well when it changes. */
export function line(
  t: CandidateStrings,
  { state, status, trouble }: Pick<ExamFacts, "state" | "status" | "trouble">,
): string {
  if (trouble !== null) return t.exam.trouble[trouble];
  if (state === "silent") return t.exam.silent;
  if (state === "starting") return t.exam.starting;
  if (state === "reconnecting") return status!.unstoredMs < FULL_MS ? t.exam.reconnecting : t.exam.full;
  return t.exam.recording;
}
