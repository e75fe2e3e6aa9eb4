/** What is on the screen before and after the exam. */

import { html, nothing, type TemplateResult } from "lit";
import type { CandidateStrings } from "../locale/candidate.ts";
import type { Trouble } from "../recorder/trouble.ts";
import { withArrow } from "../style/select.ts";
import type { MicrophoneCheck } from "./check.ts";
import { icon } from "./icons.ts";
import { button, heading, meter } from "./parts.ts";
import type { Reason } from "./state.ts";

/** `retention`: days that a minute with a finding is kept at most. */
export function consent(t: CandidateStrings["consent"], retention: number, agree: () => void): TemplateResult {
  return html`<section>
    ${heading(t.title)}
    <slot name="consent">
      <dl>
        <div><dt>${t.what}</dt><dd>${t.whatText}</dd></div>
        <div><dt>${t.how}</dt><dd>${t.howText(retention)}</dd></div>
        <div><dt>${t.who}</dt><dd>${t.whoText}</dd></div>
      </dl>
    </slot>
    <div class="actions">${button(t.agree, agree, "primary")}</div>
    <p class="quiet small">${t.asks}</p>
  </section>`;
}

export interface CheckFacts {
  check: MicrophoneCheck | undefined; // none before there is a microphone
  trouble: Trouble | null;
  devices: readonly MediaDeviceInfo[];
  device: string | undefined;
  choose(device: string): void;
  wake(): void;
  start(): void;
}

export function checking(t: CandidateStrings, facts: CheckFacts): TemplateResult {
  const { check, trouble } = facts;
  return html`<section>
    ${heading(t.check.title)}
    ${trouble === null ? nothing : troubled(t, trouble, facts.wake)}
    ${check === undefined ? nothing : heard(t.check, check, facts)}
  </section>`;
}

function troubled(t: CandidateStrings, trouble: Trouble, wake: () => void): TemplateResult {
  return html`<div class="verdict" role="alert">${icon("attention")}<strong>${t.exam.trouble[trouble]}</strong></div>
    ${trouble === "muted" || trouble === "insecure" ? nothing : html`<div class="actions">${button(t.exam.go, wake, "primary")}</div>`}`;
}

function heard(t: CandidateStrings["check"], check: MicrophoneCheck, facts: CheckFacts): TemplateResult {
  const { result } = check;
  const record = () => check.record();
  return html`
    <div class="field">
      <label for="device">${t.device}</label>
      ${withArrow(html`<select id="device" @change=${(event: Event) => facts.choose((event.target as HTMLSelectElement).value)}>
        ${facts.devices.map(
          ({ deviceId, label }, index) =>
            html`<option value=${deviceId} ?selected=${deviceId === facts.device}>${label || t.unnamed(index + 1)}</option>`,
        )}
      </select>`)}
    </div>
    <div class="field"><span class="label">${t.level}</span>${meter(t.level, check.level)}</div>
    ${result ? verdict(t, check) : html`<div class="field"><p>${t.read}</p><blockquote>${t.sentence}</blockquote></div>`}
    <div class="actions">${result ? decide(t, result.verdict === "good", facts.start, record) : ask(t, check, record)}</div>`;
}

function ask(t: CandidateStrings["check"], check: MicrophoneCheck, record: () => void): TemplateResult {
  const recording = check.state === "recording";
  return button(recording ? t.speaking(check.left) : t.record, record, "primary", recording);
}

/** Who is not heard well may begin all the same: an exam must not fail for a microphone. */
function decide(t: CandidateStrings["check"], good: boolean, start: () => void, again: () => void): TemplateResult {
  return html`${button(good ? t.start : t.startAnyway, start, good ? "primary" : "")}
    ${button(t.again, again, good ? "" : "primary")}`;
}

function verdict(t: CandidateStrings["check"], check: MicrophoneCheck): TemplateResult {
  const { verdict } = check.result!;
  const playing = check.state === "playing";
  return html`<div class="verdict" data-verdict=${verdict}>
      ${icon(verdict === "good" ? "good" : "attention")}<strong>${t.verdict[verdict].title}</strong>
      <span class="quiet">${t.verdict[verdict].advice}</span>
    </div>
    <div class="actions">${button(playing ? t.playing : t.listen, () => void check.listen(), "", playing)}</div>`;
}

export function finishing(t: CandidateStrings["finishing"], unstoredMs: number, connected: boolean): TemplateResult {
  return html`<section>
    ${heading(t.title)}
    <p>${connected ? t.sending(unstoredMs) : t.waiting}</p>
  </section>`;
}

export function finished(t: CandidateStrings["finished"]): TemplateResult {
  return html`<section>${heading(t.title)}<div class="verdict">${icon("good")}<p>${t.text}</p></div></section>`;
}

export function elsewhere(t: CandidateStrings["elsewhere"], back: () => void): TemplateResult {
  return html`<section>
    ${heading(t.title)}
    <p>${t.text}</p>
    <div class="actions">${button(t.back, back)}</div>
  </section>`;
}

export function failed(t: CandidateStrings["failed"], why: Reason, detail: string, again: () => void): TemplateResult {
  return html`<section>
    ${heading(t.title)}
    <p>${why === "other" ? t.other(detail) : t[why]}</p>
    ${why === "ended" || why === "revoked" ? nothing : html`<div class="actions">${button(t.again, again, "primary")}</div>`}
  </section>`;
}
