/** `/`: create a meeting, see those of this browser, learn what runs here. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { Api, ApiError } from "../shell/api.ts";
import { aboutServer, forDevelopers } from "./about.ts";
import { hero } from "./hero.ts";
import { homeLook } from "./home-look.ts";
import { joinLink, watchLink } from "./links.ts";
import type { KeptMeeting } from "./meetings.ts";
import { Page } from "./page.ts";
import { storage } from "./storage.ts";
import { type Trouble, troubleWith } from "./trouble.ts";

const API_KEY = "undertone.api_key";

/** What is asked before it is done, and what went wrong in doing it. */
interface Question {
  readonly meeting: KeptMeeting;
  readonly what: "end" | "remove";
  readonly trouble?: Trouble;
}

class Home extends Page {
  static override properties = {
    ...Page.properties,
    list: { state: true },
    gone: { state: true },
    apiKey: { state: true },
    busy: { state: true },
    trouble: { state: true },
    question: { state: true },
    fresh: { state: true },
  };
  static override styles = [...Page.styles, homeLook];
  declare private list: readonly KeptMeeting[];
  /** Of these the server knows nothing: deleted elsewhere, or another data folder. */
  declare private gone: ReadonlySet<string>;
  declare private apiKey: string;
  declare private busy: boolean;
  declare private trouble: Trouble | null;
  declare private question: Question | null;
  /** The meeting that was just created. */
  declare private fresh: string;
  readonly #tab = storage("sessionStorage");

  constructor() {
    super();
    this.list = this.meetings.list();
    this.gone = new Set();
    this.apiKey = this.#tab.getItem(API_KEY) ?? "";
    this.busy = false;
    this.trouble = null;
    this.question = null;
    this.fresh = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("storage", this.#reread); // another tab created or deleted one
    for (const meeting of this.list) void this.#look(meeting);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("storage", this.#reread);
  }

  protected override called(): string {
    return this.t.product;
  }

  protected override updated(changed: PropertyValues<this>): void {
    super.updated(changed);
    const dialog = this.renderRoot.querySelector("dialog");
    if (dialog && !dialog.open) dialog.showModal();
  }

  protected override render(): TemplateResult {
    return html`${this.bar()}
      <main>
        ${hero(this.t)}
        <div class="columns">
          <div class="stack wide">${this.#create()} ${this.#kept()}</div>
          <aside>${aboutServer(this.t, this.facts)}</aside>
          <div>${forDevelopers(this.t, this.facts, (text, about) => this.copying(text, this.t.copy, `${this.t.copy}: ${about}`))}</div>
        </div>
      </main>
      ${this.question ? this.#dialog(this.question) : nothing}`;
  }

  #create(): TemplateResult {
    const { t } = this;
    return html`<form class="card stack" @submit=${this.#submit}>
      <h2>${t.newMeeting}</h2>
      <label class="field">
        <span>${t.meetingTitle}</span>
        <input name="title" required maxlength="200" autocomplete="off" aria-describedby="title-hint" />
        <span id="title-hint" class="quiet small">${t.meetingTitleHint}</span>
      </label>
      ${this.facts.needs_api_key ? this.#key() : nothing} ${this.trouble ? this.told(this.trouble) : nothing}
      <div class="row">
        <button class="button primary large" ?disabled=${this.busy}>${this.busy ? t.creating : t.create}</button>
      </div>
    </form>`;
  }

  #key(): TemplateResult {
    const { t, apiKey } = this;
    if (apiKey) {
      return html`<p class="row small quiet">
        ${t.apiKeyKept} <button type="button" class="link" @click=${this.#forgetKey}>${t.forgetKey}</button>
      </p>`;
    }
    return html`<label class="field">
      <span>${t.apiKey}</span>
      <input name="key" type="password" required autocomplete="off" spellcheck="false" aria-describedby="key-hint" />
      <span id="key-hint" class="quiet small">${t.apiKeyHint}</span>
    </label>`;
  }

  #kept(): TemplateResult {
    const { t, list } = this;
    return html`<section class="stack" aria-labelledby="meetings">
      <div class="stack tight">
        <h2 id="meetings">${t.meetings}</h2>
        ${list.length ? html`<p class="quiet small">${t.meetingsHint}</p>` : nothing}
      </div>
      ${
        list.length
          ? html`<ul class="meetings">${list.map((meeting) => this.#row(meeting))}</ul>`
          : html`<div class="empty"><strong>${t.noMeetings}</strong><span class="quiet">${t.noMeetingsHint}</span></div>`
      }
    </section>`;
  }

  #row(meeting: KeptMeeting): TemplateResult {
    const { t } = this;
    const { id, title, join_secret } = meeting;
    const state = this.gone.has(id) ? "gone" : meeting.ended_at === undefined ? "open" : "ended";
    const fresh = id === this.fresh && state === "open";
    const link = joinLink(this.facts.url, id, join_secret);
    return html`<li class="card meeting ${fresh ? "fresh" : ""}">
      <div>
        <h3>${title}</h3>
        <p class="quiet small">
          <span class="state ${state}">${t[state]}</span>
          ${t.created(new Date(meeting.created_at), this.locale)}
        </p>
      </div>
      ${fresh ? this.shown(t.candidatesLink, link) : nothing}
      <div class="row">
        ${
          state === "gone"
            ? nothing
            : html`<a class="button primary" href=${watchLink(this.server, id)} aria-label=${t.watchTitle(title)}>
                ${t.watch}
              </a>`
        }
        ${state === "open" && !fresh ? this.copying(link, t.copyLink, t.copyLinkOf(title)) : nothing}
        <span class="row push">
          ${state === "open" ? this.#asking(meeting, "end", t.end, t.endOf(title)) : nothing}
          ${this.#asking(meeting, "remove", t.remove, t.removeOf(title))}
        </span>
      </div>
    </li>`;
  }

  #asking(meeting: KeptMeeting, what: Question["what"], label: string, described: string): TemplateResult {
    return html`<button
      type="button"
      class="button bare"
      aria-label=${described}
      @click=${() => {
        this.question = { meeting, what };
      }}
    >
      ${label}
    </button>`;
  }

  #dialog({ meeting, what, trouble }: Question): TemplateResult {
    const { t } = this;
    const { title } = meeting;
    const [asked, means, yes] =
      what === "end"
        ? [t.endQuestion(title), t.endMeans, t.endYes]
        : [t.removeQuestion(title), t.removeMeans, t.removeYes];
    return html`<dialog
      class="stack"
      aria-labelledby="asked"
      aria-describedby="means"
      @close=${() => {
        this.question = null;
      }}
    >
      <h2 id="asked">${asked}</h2>
      <p id="means">${means}</p>
      ${trouble ? this.told(trouble) : nothing}
      <div class="row">
        <button type="button" class="button" autofocus @click=${this.#closeDialog}>${t.cancel}</button>
        <button type="button" class="button danger" ?disabled=${this.busy} @click=${this.#answered}>${yes}</button>
      </div>
    </dialog>`;
  }

  readonly #reread = (): void => {
    this.list = this.meetings.list();
  };

  /** What the server says of a meeting now. */
  async #look({ id, admin_id }: KeptMeeting): Promise<void> {
    try {
      this.meetings.update(await new Api(this.server, admin_id).meeting(id));
      this.#reread();
    } catch (error) {
      if (error instanceof ApiError && error.code === "not_found") this.gone = new Set([...this.gone, id]);
    }
  }

  async #submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const said = new FormData(form);
    const apiKey = String(said.get("key") ?? this.apiKey).trim();
    this.busy = true;
    this.trouble = null;
    try {
      const api = new Api(this.server, apiKey || undefined);
      const created = await api.createMeeting(String(said.get("title")).trim());
      if (apiKey) this.#tab.setItem(API_KEY, apiKey);
      this.apiKey = apiKey;
      this.meetings.add(created);
      this.#reread();
      this.fresh = created.data.id;
      form.reset();
    } catch (error) {
      const trouble = troubleWith(error);
      this.trouble = trouble.kind === "refused" ? { ...trouble, kind: "key" } : trouble;
      if (trouble.kind === "refused") this.#forgetKey();
    } finally {
      this.busy = false;
    }
  }

  readonly #forgetKey = (): void => {
    this.#tab.removeItem(API_KEY);
    this.apiKey = "";
  };

  readonly #closeDialog = (): void => {
    this.renderRoot.querySelector("dialog")?.close();
  };

  readonly #answered = async (): Promise<void> => {
    const { meeting, what } = this.question as Question;
    const api = new Api(this.server, meeting.admin_id);
    this.busy = true;
    try {
      if (what === "end") {
        await api.end(meeting.id);
        await this.#look(meeting);
      } else {
        await api.remove(meeting.id).catch(unlessGone);
        this.meetings.remove(meeting.id);
        this.#reread();
      }
      this.#closeDialog();
    } catch (error) {
      this.question = { meeting, what, trouble: troubleWith(error) };
    } finally {
      this.busy = false;
    }
  };
}

/** What is not there any more needs no deleting. */
function unlessGone(error: unknown): void {
  if (!(error instanceof ApiError && error.code === "not_found")) throw error;
}

customElements.define("undertone-home", Home);
