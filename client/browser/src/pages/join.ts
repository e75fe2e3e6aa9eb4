/** `/join/{meeting}#{join_secret}`: a name, then the check and the exam. */

import { css, html, nothing, type TemplateResult } from "lit";
import "../define-candidate.ts";
import { forgetCandidate } from "../candidate/credentials.ts";
import type { UndertoneCandidate } from "../candidate/element.ts";
import type { CandidateState } from "../candidate/state.ts";
import { loadAhead } from "../recorder/recorder.ts";
import { Api } from "../shell/api.ts";
import type { RoomData } from "../wire/messages.ts";
import { readLink } from "./links.ts";
import { Page, type Part } from "./page.ts";
import { storage } from "./storage.ts";
import { type Trouble, troubleOf, troubleWith } from "./trouble.ts";

const joinLook = css`
  main.middle {
    padding-block-start: clamp(16px, 5vh, 48px);
  }
  main.exam {
    gap: 14px;
  }
  undertone-candidate,
  undertone-room {
    display: block;
    border: 1px solid var(--ut-line);
    border-radius: 14px;
    overflow: clip;
    box-shadow: 0 1px 2px rgb(16 24 40 / 5%);
  }
  main h1 {
    font-size: 1.5rem;
  }
`;

/** Nobody is in the video room before the exam, or after it. */
const BEFORE: readonly CandidateState[] = ["consent", "check"];
const AFTER: readonly CandidateState[] = ["finishing", "finished", "elsewhere", "failed"];

interface Entrance {
  token: string;
  /** As the server said it in the same breath; else it is asked for. */
  room?: RoomData;
}

class Join extends Page {
  static override properties = {
    ...Page.properties,
    meetingTitle: { state: true },
    name: { state: true },
    started: { state: true },
    trouble: { state: true },
    recording: { state: true },
    hasRoom: { state: true },
    entrance: { state: true },
    track: { state: true },
  };
  static override styles = [...Page.styles, joinLook];
  /** Null until the server has said it. */
  declare private meetingTitle: string | null;
  /** Whose exam this tab is in the midst of, so that a reload goes on; else who was here last, who is asked for. */
  declare private name: string;
  declare private started: boolean;
  declare private trouble: Trouble | null;
  declare private recording: boolean;
  declare private hasRoom: boolean;
  /** Into the video room, once the exam has begun. */
  declare private entrance: Entrance | null;
  declare private track: MediaStreamTrack | null;
  readonly #link = readLink(location.href);
  readonly #tab = storage("sessionStorage");
  readonly #nameKey = `undertone.join.${this.#link.meeting}`;

  constructor() {
    super();
    this.meetingTitle = null;
    const here = this.#tab.getItem(this.#nameKey);
    this.name = here ?? this.kept.getItem(this.#nameKey) ?? "";
    this.started = here !== null;
    this.trouble = null;
    this.recording = false;
    this.hasRoom = false;
    this.entrance = null;
    this.track = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // Another link that is pasted into this tab may differ in what stands after the # alone.
    addEventListener("hashchange", () => location.reload());
    if (this.#link.joinSecret) {
      loadAhead(); // whoever types a name may take their time
      void this.#look();
    } else this.trouble = { kind: "incomplete", passing: false };
  }

  protected override called(): string {
    return this.meetingTitle === null ? this.t.product : this.t.joinTitle(this.meetingTitle);
  }

  protected override render(): TemplateResult {
    return html`${this.bar()}
      <main class="middle ${this.started ? "exam" : ""}">
        ${this.trouble ? this.#stuck(this.trouble) : this.started ? this.#exam() : this.#form()}
      </main>`;
  }

  #stuck(trouble: Trouble): TemplateResult {
    const { title, text } = this.t.trouble[trouble.kind];
    return html`<div class="card stack" role="alert">
      <h1>${title}</h1>
      <p>${text}</p>
      ${trouble.detail ? html`<code class="small">${trouble.detail}</code>` : nothing}
      ${
        trouble.passing
          ? html`<div><button type="button" class="button primary large" @click=${this.#look}>${this.t.tryAgain}</button></div>`
          : nothing
      }
    </div>`;
  }

  #heading(): TemplateResult {
    return html`<div class="stack tight">
      <p class="quiet">${this.started ? this.t.joiningAs(this.name) : this.t.joining}</p>
      <h1>${this.meetingTitle ?? this.t.looking}</h1>
    </div>`;
  }

  #form(): TemplateResult {
    const { t, name } = this;
    if (this.meetingTitle === null) return html`<p class="quiet" role="status">${t.looking}</p>`;
    if (name) {
      return html`${this.#heading()}
        <div class="card stack">
          <p>${t.afterName}</p>
          <div class="row">
            <button type="button" class="button primary large" @click=${() => this.#start(name)}>${t.continueAs(name)}</button>
            <button type="button" class="button large" @click=${this.#forget}>${t.somebodyElse}</button>
          </div>
        </div>`;
    }
    return html`${this.#heading()}
      <form class="card stack" @submit=${this.#submit}>
        <label class="field">
          <span>${t.yourName}</span>
          <input name="name" required maxlength="200" autocomplete="name" aria-describedby="name-hint" />
          <span id="name-hint" class="quiet small">${t.yourNameHint}</span>
        </label>
        <p class="quiet">${t.afterName}</p>
        <div><button class="button primary large">${t.next}</button></div>
      </form>
      ${this.#room()}`;
  }

  #exam(): TemplateResult {
    const { meeting, joinSecret } = this.#link;
    return html`${this.#heading()}
      <undertone-candidate
        server=${this.server}
        meeting=${meeting}
        name=${this.name}
        join-secret=${joinSecret}
        lang=${this.words.lang}
        retention-days=${this.facts.retention_days}
        @undertone-state=${this.#moved}
        @undertone-finished=${this.#finished}
        @undertone-token=${this.#mayEnter}
        @undertone-track=${this.#heard}
      ></undertone-candidate>
      ${this.recording ? html`<p class="quiet small">${this.t.stay}</p>` : nothing} ${this.#room()}`;
  }

  /** What is to be known of it before the exam, and itself in the exam. */
  #room(): Part {
    if (!this.hasRoom) return nothing;
    const { token, room } = this.entrance ?? {};
    return html`<undertone-room
      server=${this.server}
      meeting=${this.#link.meeting}
      lang=${this.words.lang}
      provider=${this.facts.rooms}
      .token=${token}
      .room=${room}
      .track=${this.track}
    ></undertone-room>`;
  }

  readonly #look = async (): Promise<void> => {
    this.trouble = null;
    const { meeting, joinSecret } = this.#link;
    try {
      const { title, ended_at, room } = await new Api(this.server, joinSecret).meeting(meeting);
      this.meetingTitle = title;
      if (room !== undefined) void this.#furnish();
      if (ended_at !== undefined && !this.started) this.trouble = troubleOf("meeting_ended", "");
    } catch (error) {
      const trouble = troubleWith(error);
      // An exam that goes on copes with a server that is away by itself.
      if (!(this.started && trouble.passing)) this.trouble = trouble;
    }
  };

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    this.#start(String(new FormData(event.target as HTMLFormElement).get("name")).trim());
  }

  #start(name: string): void {
    if (!name) return;
    this.kept.setItem(this.#nameKey, name);
    this.#tab.setItem(this.#nameKey, name);
    this.name = name;
    this.started = true;
  }

  readonly #moved = ({ detail }: CustomEvent<{ state: CandidateState }>): void => {
    this.recording = ["recording", "reconnecting", "silent"].includes(detail.state);
    if (BEFORE.includes(detail.state)) this.entrance = null;
    if (AFTER.includes(detail.state)) {
      this.entrance = null;
      this.hasRoom = false; // until the next beginning
    }
  };

  /** The room's script is loaded here and not before. */
  async #furnish(): Promise<void> {
    await import("../define-room.ts");
    this.hasRoom = true;
  }

  /** Whether the meeting has a room is not known yet where a reload goes on without the server. */
  readonly #mayEnter = ({ detail, currentTarget }: CustomEvent<Entrance>): void => {
    // A token is renewed while the last sound is being sent, too.
    if (AFTER.includes((currentTarget as UndertoneCandidate).state)) return;
    this.entrance = detail;
    if (this.facts.rooms !== "local") void this.#furnish();
  };

  readonly #heard = ({ detail }: CustomEvent<{ track: MediaStreamTrack | null }>): void => {
    this.track = detail.track;
  };

  /** This screen goes on saying so; whoever opens the page next is asked who they are. */
  readonly #finished = (): void => this.#tab.removeItem(this.#nameKey);

  /** The next one in front of this screen is another candidate. */
  readonly #forget = (): void => {
    this.kept.removeItem(this.#nameKey);
    forgetCandidate(this.server, this.#link.meeting);
    this.name = "";
  };
}

customElements.define("undertone-join", Join);
