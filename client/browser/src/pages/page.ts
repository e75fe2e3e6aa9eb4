/** What all pages share: the language, what the server tells of itself, the bar above, and copying. */

import { html, LitElement, nothing, svg, type TemplateResult } from "lit";
import { LANGUAGES, type Words, wordsFor } from "../locale/index.ts";
import { type PagesStrings, pages } from "../locale/pages.ts";
import { withArrow } from "../style/select.ts";
import { tokens } from "../style/tokens.ts";
import { copy } from "./copy.ts";
import { type Facts, ownServer, readFacts } from "./facts.ts";
import { look } from "./look.ts";
import { Meetings } from "./meetings.ts";
import { type Kept, storage } from "./storage.ts";
import type { Trouble } from "./trouble.ts";

const LANGUAGE = "undertone.language";
const COPIED_FOR_MS = 2500;

const logo = html`<svg viewBox="0 0 32 32" aria-hidden="true">${svg`<rect width="32" height="32" rx="8" fill="#1f5fbf" />
  <g stroke-width="3" stroke-linecap="round" fill="none"><path stroke="#fff" d="M6.5 14v4M11.25 9.5v13M20.75 7.5v17M25.5 13v6" />
  <path stroke="#ffb077" d="M16 12.5v7" /></g>`}</svg>`;

export type Part = TemplateResult | typeof nothing;

export abstract class Page extends LitElement {
  static override properties = { words: { state: true }, copied: { state: true } };
  static override styles = [tokens, look];
  declare protected words: Words<PagesStrings>;
  declare protected copied: string;
  protected readonly kept: Kept = storage("localStorage");
  protected readonly facts: Facts = readFacts();
  protected readonly server = ownServer(this.facts);
  protected readonly meetings = new Meetings(this.kept);

  constructor() {
    super();
    const chosen = this.kept.getItem(LANGUAGE);
    this.words = wordsFor(pages, chosen ? [chosen] : navigator.languages);
    this.copied = "";
  }

  protected get t(): PagesStrings {
    return this.words.t;
  }

  /** For dates and numbers: the reader's own kind of the language (`en-GB`), where the browser says one. */
  protected get locale(): string {
    const { lang } = this.words;
    return navigator.languages.find((tag) => tag.split("-")[0] === lang) ?? lang;
  }

  /** What the tab is called. */
  protected abstract called(): string;

  protected override willUpdate(): void {
    document.documentElement.lang = this.words.lang;
    document.documentElement.dir = this.words.dir;
    document.title = this.called();
  }

  /** The bar above everything; `content` stands before the choice of language, `tools` after it. */
  protected bar(content: Part = nothing, tools: Part = nothing): TemplateResult {
    return html`<header class="bar">
      <a class="brand" href="${this.server}/" aria-label=${this.t.toHome}>${logo}<span>${this.t.product}</span></a>
      ${content}
      <label class="language push">
        <span class="sr-only">${this.t.language}</span>
        ${withArrow(html`<select @change=${this.#choose}>
          ${LANGUAGES.map((lang) => {
            const name = new Intl.DisplayNames(lang, { type: "language" }).of(lang) ?? lang;
            return html`<option value=${lang} lang=${lang} ?selected=${lang === this.words.lang}>${name}</option>`;
          })}
        </select>`)}
      </label>
      ${tools}
    </header>`;
  }

  /** What went wrong, said to screen readers as it appears. */
  protected told({ kind, detail }: Trouble): TemplateResult {
    const { title, text } = this.t.trouble[kind];
    return html`<div class="trouble" role="alert">
      <strong>${title}</strong>
      <span>${text}</span>
      ${detail ? html`<code class="small">${detail}</code>` : nothing}
    </div>`;
  }

  /** A button that copies `text` and says so for a moment. */
  protected copying(text: string, label: string, described?: string): TemplateResult {
    const done = this.copied === text;
    return html`<button
      type="button"
      class="button"
      aria-label=${done ? nothing : (described ?? nothing)}
      @click=${() => this.#copy(text)}
    >
      <span aria-live="polite">${done ? html`✓ ${this.t.copied}` : label}</span>
    </button>`;
  }

  /** `text` in full, to be read, selected and copied. */
  protected shown(label: string, text: string, hint = ""): TemplateResult {
    return html`<div class="field">
      <span aria-hidden="true">${label}</span>
      <div class="together">
        <input
          readonly
          dir="ltr"
          aria-label=${label}
          .value=${text}
          @focus=${(event: Event) => (event.target as HTMLInputElement).select()}
        />
        ${this.copying(text, this.t.copy, `${this.t.copy}: ${label}`)}
      </div>
      ${hint ? html`<span class="quiet small">${hint}</span>` : nothing}
    </div>`;
  }

  #choose(event: Event): void {
    const { value } = event.target as HTMLSelectElement;
    this.kept.setItem(LANGUAGE, value);
    this.words = wordsFor(pages, [value]);
  }

  async #copy(text: string): Promise<void> {
    if (!(await copy(text))) return;
    this.copied = text;
    setTimeout(() => {
      if (this.copied === text) this.copied = "";
    }, COPIED_FOR_MS);
  }
}
