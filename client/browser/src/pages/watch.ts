/** `/watch/{meeting}`: the proctor's view. By the `admin_id` that this browser keeps, or by a credential that was pasted in. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import "../define-sidebar.ts";
import { Api, ApiError } from "../shell/api.ts";
import type { CredentialData } from "../wire/messages.ts";
import { joinLink, readLink, watchLink } from "./links.ts";
import { Page } from "./page.ts";
import { type Trouble, troubleWith } from "./trouble.ts";
import { watchLook } from "./watch-look.ts";

const NAME = "undertone.name";
const person = html`<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
  <path d="M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.5 14c0-2.6 2.4-4.2 5.5-4.2s5.5 1.6 5.5 4.2" />
</svg>`;

/** Why a credential does not let in: nobody gave it out, or it is good for something else. */
const refusal = (error: unknown): Trouble["kind"] =>
  error instanceof ApiError && error.code === "forbidden" ? "elsewhere" : "token";

class Watch extends Page {
  static override properties = {
    ...Page.properties,
    meetingTitle: { state: true },
    credential: { state: true },
    shownAs: { state: true },
    trouble: { state: true },
    asking: { state: true },
    invited: { state: true },
    busy: { state: true },
    hasRoom: { state: true },
  };
  static override styles = [...Page.styles, watchLook];
  /** Null until the server has said it, and so let us in. */
  declare private meetingTitle: string | null;
  declare private credential: string;
  declare private shownAs: string;
  declare private trouble: Trouble | null;
  declare private asking: "invite" | "name" | null;
  declare private invited: CredentialData | null;
  declare private busy: boolean;
  declare private hasRoom: boolean;
  readonly #meeting = readLink(location.href).meeting;
  readonly #tokenKey = `undertone.proctor.${this.#meeting}`;
  readonly #own = this.meetings.find(this.#meeting);

  constructor() {
    super();
    this.meetingTitle = null;
    this.credential = this.#own?.admin_id ?? this.kept.getItem(this.#tokenKey) ?? "";
    this.shownAs = this.kept.getItem(NAME) ?? "";
    this.trouble = null;
    this.asking = null;
    this.invited = null;
    this.busy = false;
    this.hasRoom = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.credential) void this.#look();
  }

  protected override called(): string {
    return this.meetingTitle === null ? this.t.product : this.t.watching(this.meetingTitle);
  }

  protected override updated(changed: PropertyValues<this>): void {
    super.updated(changed);
    const dialog = this.renderRoot.querySelector("dialog");
    if (dialog && !dialog.open) dialog.showModal();
  }

  protected override render(): TemplateResult {
    if (this.meetingTitle === null) {
      return html`${this.bar()}
        <main class="middle">${this.credential && !this.trouble ? this.#looking() : this.#enter()}</main>`;
    }
    return html`${this.bar(html`<h1 class="title">${this.meetingTitle}</h1>`, this.#tools())}
      <main class="exam ${this.hasRoom ? "with-room" : ""}">
        ${this.hasRoom ? this.#room() : nothing}
        <undertone-sidebar
          server=${this.server}
          meeting=${this.#meeting}
          lang=${this.words.lang}
          name=${this.shownAs || nothing}
          .adminId=${this.#isToken ? undefined : this.credential}
          .token=${this.#isToken ? this.credential : undefined}
        ></undertone-sidebar>
      </main>
      ${this.asking ? this.#dialog(this.asking) : nothing}`;
  }

  /** Of what the server has let in as a proctor's: tokens have dots between their parts, an `admin_id` has none. */
  get #isToken(): boolean {
    return this.credential.includes(".");
  }

  #room(): TemplateResult {
    return html`<undertone-room
      server=${this.server}
      meeting=${this.#meeting}
      lang=${this.words.lang}
      name=${this.shownAs || nothing}
      .adminId=${this.#isToken ? undefined : this.credential}
      .token=${this.#isToken ? this.credential : undefined}
      @undertone-room=${this.#roomMoved}
    ></undertone-room>`;
  }

  #looking(): TemplateResult {
    return html`<p class="quiet" role="status">${this.t.looking}</p>`;
  }

  #enter(): TemplateResult {
    const { t, trouble } = this;
    return html`<form class="card stack" @submit=${this.#entered}>
      <h1>${t.watchThis}</h1>
      <label class="field">
        <span>${t.token}</span>
        <input name="token" type="password" required autocomplete="off" spellcheck="false" aria-describedby="token-hint" />
        <span id="token-hint" class="quiet small">${t.tokenHint}</span>
      </label>
      ${trouble ? this.told(trouble) : nothing}
      <div class="row">
        <button class="button primary large">${t.watch}</button>
        ${
          trouble?.passing
            ? html`<button type="button" class="button large" @click=${this.#look}>${t.tryAgain}</button>`
            : nothing
        }
      </div>
    </form>`;
  }

  #tools(): TemplateResult {
    const { t } = this;
    const own = this.#own;
    return html`<div class="row tools">
        ${own ? this.copying(joinLink(this.facts.url, own.id, own.join_secret), t.copyLink) : nothing}
        ${
          this.#isToken
            ? nothing
            : html`<button type="button" class="button" @click=${() => this.#ask("invite")}>${t.invite}</button>
                <button
                  type="button"
                  class="button bare"
                  aria-label=${this.shownAs ? `${this.shownAs}: ${t.setName}` : t.setName}
                  @click=${() => this.#ask("name")}
                >
                  ${person} <span class="wide-only">${this.shownAs || t.setName}</span>
                </button>`
        }
        ${own ? nothing : html`<button type="button" class="button bare" @click=${this.#leave}>${t.leave}</button>`}
      </div>`;
  }

  #dialog(asking: "invite" | "name"): TemplateResult {
    const { t, invited, trouble } = this;
    const title = asking === "name" ? t.shownAs : invited ? t.giveTo(invited.name) : t.invite;
    return html`<dialog class="stack" aria-labelledby="asked" @close=${this.#closed}>
      <h2 id="asked">${title}</h2>
      ${invited ? this.#given(invited) : asking === "invite" ? this.#asked(t.inviteHint, t.proctorName, "", t.makeToken) : this.#asked(t.shownAsHint, t.name, this.shownAs, t.save)}
      ${trouble ? this.told(trouble) : nothing}
    </dialog>`;
  }

  /** Both dialogs ask for a name: somebody else's, or one's own. */
  #asked(hint: string, label: string, value: string, yes: string): TemplateResult {
    return html`<form class="stack" @submit=${this.#named}>
      <p class="quiet">${hint}</p>
      <label class="field">
        <span>${label}</span>
        <input name="name" required maxlength="200" autocomplete="off" autofocus .value=${value} />
      </label>
      <div class="row">
        <button type="button" class="button" @click=${this.#closeDialog}>${this.t.cancel}</button>
        <button class="button primary" ?disabled=${this.busy}>${yes}</button>
      </div>
    </form>`;
  }

  #given({ token, expires_at }: CredentialData): TemplateResult {
    const { t } = this;
    return html`${this.shown(t.page, watchLink(this.facts.url, this.#meeting))} ${this.shown(t.token, token)}
      <p class="quiet small">${t.giveHint(new Date(expires_at), this.locale)}</p>
      <div class="row"><button type="button" class="button primary" @click=${this.#closeDialog}>${t.close}</button></div>`;
  }

  /** What it is called, which candidates may read as well; and one event, which only proctors may. */
  readonly #look = async (): Promise<void> => {
    this.trouble = null;
    const { credential } = this;
    const api = new Api(this.server, credential);
    try {
      const [{ title, room, ended_at }] = await Promise.all([
        api.meeting(this.#meeting),
        api.events(this.#meeting, undefined, 1),
      ]);
      if (credential !== this.credential) return; // another was entered meanwhile
      if (!this.#own) this.kept.setItem(this.#tokenKey, credential);
      this.meetingTitle = title;
      if (room !== undefined && ended_at === undefined) void this.#furnish();
    } catch (error) {
      if (credential !== this.credential) return;
      const trouble = troubleWith(error);
      this.trouble = trouble.kind === "refused" ? { kind: refusal(error), passing: false } : trouble;
    }
  };

  /** The room's script is loaded here and not before. */
  async #furnish(): Promise<void> {
    await import("../define-room.ts");
    this.hasRoom = true;
  }

  readonly #roomMoved = ({ detail }: CustomEvent<{ state: string }>): void => {
    if (detail.state === "none") this.hasRoom = false;
  };

  #entered(event: SubmitEvent): void {
    event.preventDefault();
    this.credential = String(new FormData(event.target as HTMLFormElement).get("token")).trim();
    void this.#look();
  }

  readonly #leave = (): void => {
    this.kept.removeItem(this.#tokenKey);
    this.credential = "";
    this.meetingTitle = null;
    this.hasRoom = false;
  };

  #ask(what: "invite" | "name"): void {
    this.trouble = null;
    this.asking = what;
  }

  readonly #closeDialog = (): void => {
    this.renderRoot.querySelector("dialog")?.close();
  };

  readonly #closed = (): void => {
    this.asking = null;
    this.invited = null;
    this.trouble = null;
  };

  async #named(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const name = String(new FormData(event.target as HTMLFormElement).get("name")).trim();
    if (this.asking === "name") {
      this.kept.setItem(NAME, name);
      this.shownAs = name;
      this.#closeDialog();
      return;
    }
    this.busy = true;
    this.trouble = null;
    try {
      this.invited = await new Api(this.server, this.credential).inviteProctor(this.#meeting, name);
    } catch (error) {
      this.trouble = troubleWith(error);
    } finally {
      this.busy = false;
    }
  }
}

customElements.define("undertone-watch", Watch);
