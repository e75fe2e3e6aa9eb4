/** What a room shows in each of its states. */

import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { RoomStrings } from "../locale/room.ts";
import type { Person, Role } from "./driver.ts";
import { icon } from "./icons.ts";
import type { Visit } from "./visit.ts";

/** Why the last press of a button did nothing: the device, or the room. */
export type Refused = "noCamera" | "noMicrophone" | "notTaken";

export interface RoomFacts {
  viewer: Role;
  visit: Visit;
  /** Whether there is a microphone to speak by. */
  speaks: boolean;
  folded: boolean;
  muted: boolean;
  filmed: boolean;
  refused: Refused | null;
  /** The browser wants a click before anybody is heard. */
  heldBack: boolean;
  listened: ReadonlySet<string>;
  theme: string | undefined;
  fold(): void;
  film(): void;
  mute(): void;
  play(): void;
  listen(event: CustomEvent<string>): void;
  held(): void;
}

/** Whether the provider itself keeps candidates apart, or our page alone does: they are told which. */
export const apart = (provider: string | undefined): "server" | "page" => (provider === "livekit" ? "server" : "page");

export function view(t: RoomStrings, facts: RoomFacts): TemplateResult {
  const { visit, viewer, folded } = facts;
  const { state } = visit;
  return html`<header>
      <h2>${t.title}</h2>
      ${visit.trying ? html`<span class="quiet small" role=${state === "entering" ? "status" : nothing}>${t.entering}</span>` : nothing}
      ${state === "inside" && viewer === "proctor" ? buttons(t, facts) : nothing}
      ${
        state === "inside"
          ? html`<button type="button" class="button" aria-expanded=${String(!folded)} @click=${facts.fold}>
              ${folded ? t.show : t.hide}
            </button>`
          : nothing
      }
    </header>
    ${state === "away" ? away(t, facts) : nothing} ${state === "out" ? out(t, visit) : nothing}
    ${state === "inside" ? inside(t, facts) : nothing}`;
}

function notice(text: TemplateResult | string, label = "", press: () => void = () => {}): TemplateResult {
  return html`<div class="notice" role="status">
    <div>${text}</div>
    ${label ? html`<button type="button" class="button" @click=${press}>${label}</button>` : nothing}
  </div>`;
}

function away(t: RoomStrings, { visit, viewer }: RoomFacts): TemplateResult {
  const candidate = viewer === "candidate";
  const text = html`<span>${t.away}</span>
    <strong>${candidate ? t.examGoesOn : t.hearingGoesOn}</strong>
    ${!candidate && visit.missing ? html`<span class="quiet small" dir="auto">${visit.missing}</span>` : nothing}`;
  return notice(text, t.again, () => visit.again());
}

function out(t: RoomStrings, visit: Visit): TemplateResult {
  const why = visit.ending;
  const text = why && why !== "lost" ? t.out[why] : "";
  return why === "elsewhere" ? notice(text, t.back, () => visit.again()) : notice(text);
}

function inside(t: RoomStrings, facts: RoomFacts): TemplateResult {
  const { viewer, visit, folded, muted, refused } = facts;
  const candidate = viewer === "candidate";
  const people = visit.driver?.people() ?? [];
  const others = people.filter(({ self }) => !self);
  // Proctors look at candidates; at themselves only to see what these see.
  const shown = candidate ? people : [...others, ...people.filter(({ self, picture }) => self && picture)];
  return html`
    ${facts.heldBack ? notice(t.sound, t.soundOn, facts.play) : nothing}
    <ul aria-label=${t.people} ?hidden=${folded || shown.length === 0} @ut-listen=${facts.listen} @ut-held-back=${facts.held}>
      ${repeat(
        shown,
        ({ id }) => id,
        (person) => tile(person, t, facts),
      )}
    </ul>
    ${others.length > 0 || folded ? nothing : html`<p class="quiet small">${candidate ? t.noProctor : t.nobody}</p>`}
    ${candidate ? html`<div class="buttons">${buttons(t, facts)}</div>` : nothing}
    ${refused ? html`<p class="small" role="alert">${t[refused]}</p>` : nothing}
    <p class="quiet small" aria-live="polite">${candidate ? (muted ? t.mutedCandidate : t.seen[apart(visit.provider)]) : muted ? "" : t.speaks}</p>`;
}

function tile(person: Person, t: RoomStrings, { viewer, listened, theme }: RoomFacts): TemplateResult {
  return html`<li>
    <ut-tile
      .person=${person}
      .viewer=${viewer}
      .listened=${listened.has(person.id)}
      .words=${t}
      theme=${theme ?? nothing}
    ></ut-tile>
  </li>`;
}

function buttons(t: RoomStrings, facts: RoomFacts): TemplateResult {
  const { viewer, filmed, muted, speaks } = facts;
  return html`${button(viewer, "camera", filmed, t.camera, facts.film)}
    ${speaks ? button(viewer, "microphone", !muted, t.microphone, facts.mute) : nothing}`;
}

/** In words for candidates; proctors know the shapes, and their place is scarce. */
function button(
  viewer: Role,
  what: "camera" | "microphone",
  on: boolean,
  t: { on: string; off: string },
  press: () => void,
): TemplateResult {
  const label = on ? t.off : t.on;
  if (viewer === "candidate") {
    return html`<button type="button" class="button" @click=${press}>${icon(what, on)} ${label}</button>`;
  }
  return html`<button type="button" class="button bare ${on ? "on" : ""}" aria-label=${label} title=${label} @click=${press}>
    ${icon(what, on)}
  </button>`;
}
