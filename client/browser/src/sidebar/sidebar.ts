/**
 * <undertone-sidebar>: a proctor's view of one meeting, pushed everything.
 *
 * Attributes: `server` (default: the page's own origin), `meeting`, `name` (who decides), one credential (`token` or
 * `admin-id`), `lang`, `theme` (light | dark), `sound`. A property `renew` gives a fresh token when one is about to end.
 * Events (bubbling, composed): `undertone-anomaly` {anomaly}, `undertone-connection` {connected}, `undertone-error`
 * {code, detail}.
 */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { languagesOf, wordsFor } from "../locale/index.ts";
import { sidebar } from "../locale/sidebar.ts";
import { tokens } from "../style/tokens.ts";
import type { Anomaly } from "../wire/messages.ts";
import type { FeedQuery } from "./arrange.ts";
import { banner } from "./banner.ts";
import { Connected } from "./connected.ts";
import type { Line } from "./desk.ts";
import type { EvidenceView } from "./evidence.ts";
import type { Feed } from "./feed.ts";
import { key } from "./keys.ts";
import { News } from "./news.ts";
import { detail, type Tab, tabs } from "./panes.ts";
import type { Actions, Words } from "./part.ts";
import { loadPreferences, type Preferences, savePreferences } from "./preferences.ts";
import { sidebarStyles } from "./styles/index.ts";

/** From these widths on, in px: roster and feed side by side; the evidence beside them. The styles say the same. */
const SPLIT_PX = 720;
const FULL_PX = 1160;
const MINUTE_MS = 60_000;
const CONNECTING: Line = { state: "connecting", fault: null, retryAt: null };

export class UndertoneSidebar extends Connected {
  static override styles = [tokens, ...sidebarStyles];
  static override properties = {
    ...Connected.properties,
    lang: { reflect: true },
    theme: { reflect: true },
    sound: { type: Boolean },
    tab: { state: true },
    layout: { state: true },
    query: { state: true },
    openId: { state: true },
    now: { state: true },
    preferences: { state: true },
    heard: { state: true },
  };
  declare lang: string;
  declare theme: string | undefined;
  declare sound: boolean;
  declare private tab: Tab;
  declare private layout: "narrow" | "split" | "full";
  declare private query: FeedQuery;
  declare private openId: string | null;
  declare private now: number;
  declare private preferences: Preferences;
  /** What a screen reader was told last: another object each time, for the same words may be news again. */
  declare private heard: { readonly sentence: string };

  #words: Words | null = null;
  #minute: ReturnType<typeof setInterval> | undefined;
  readonly #news = new News(
    (sentence) => {
      this.heard = { sentence };
    },
    (anomaly) => this.#open(anomaly),
  );
  readonly #size = new ResizeObserver(([entry]) => {
    const width = entry!.contentRect.width;
    this.layout = width >= FULL_PX ? "full" : width >= SPLIT_PX ? "split" : "narrow";
  });

  constructor() {
    super();
    this.sound = false;
    this.tab = "feed";
    this.layout = "narrow";
    this.query = { state: "open", participant: null };
    this.openId = null;
    this.now = Date.now();
    this.preferences = loadPreferences();
    this.heard = { sentence: "" };
    this.addEventListener("pointerdown", this.#wake);
    this.addEventListener("keydown", this.#wake);
  }

  /** What parts ask for. */
  readonly #actions: Actions = {
    open: (anomaly, byKeyboard) => {
      this.#open(anomaly);
      if (anomaly !== null && byKeyboard) void this.updateComplete.then(() => this.#enterDetail());
    },
    filter: (query) => {
      this.query = { ...this.query, ...query };
      this.tab = "feed";
    },
    decide: (anomaly, decision, note) => void this.desk?.decide(anomaly, { decision, note }),
    change: async (participant, change) => {
      try {
        await this.desk!.change(participant, change);
      } catch (error) {
        throw new Error(this.#said(error));
      }
    },
    clip: async (evidence) => {
      try {
        return await this.clips!.get(evidence);
      } catch (error) {
        throw new Error(this.#said(error));
      }
    },
    link: (clip) => this.clips!.direct(clip),
    remember: (chosen) => {
      this.preferences = { ...this.preferences, ...chosen };
      savePreferences(this.preferences);
      if (chosen.sound) this.#news.sample();
    },
  };

  override connectedCallback(): void {
    super.connectedCallback();
    this.#size.observe(this);
    this.#minute = setInterval(() => {
      this.now = Date.now();
    }, MINUTE_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#size.disconnect();
    clearInterval(this.#minute);
    this.#news.close();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!this.#words || changed.has("lang")) {
      const words = wordsFor(sidebar, languagesOf(this));
      if (this.#words?.lang !== words.lang) this.#words = words;
    }
    super.willUpdate(changed);
  }

  protected override came(anomaly: Anomaly, missed: boolean): void {
    const sound = this.sound || this.preferences.sound;
    this.#news.came(anomaly, missed, this.#words!, { ...this.preferences, sound });
  }

  /** Of the one that is being read it is news; the others leave the list, as they do for those who look. */
  protected override decided({ id, participant, review }: Anomaly): void {
    const { t } = this.#words!;
    if (!review || (id !== this.openId && id !== this.#feed?.held)) return;
    this.heard = { sentence: t.said(participant.name, t.decidedBy(review.decision, review.by)) };
  }

  #open(anomaly: string | null): void {
    const before = this.openId;
    this.openId = anomaly;
    const order = this.#feed?.order ?? [];
    const inSight = anomaly !== null && order.includes(anomaly);
    if (anomaly !== null && !inSight) this.query = { state: "all", participant: null };
    if (anomaly !== null) {
      this.tab = "feed";
      this.#news.seen(anomaly);
    }
    const at = anomaly ?? before;
    if (at === null) return;
    const place = order.indexOf(at);
    const beside = order[place + 1] ?? order[place - 1]; // a decided one leaves the list as it is closed
    void this.updateComplete.then(() => this.#feed?.reveal(at, anomaly === null || !inSight, beside));
  }

  /** Where the evidence is beside the feed, the Tab key would take a screen of cards to get there. */
  async #enterDetail(): Promise<void> {
    const view = this.renderRoot.querySelector<EvidenceView>(".detail-pane ut-evidence");
    await view?.updateComplete;
    view?.querySelector("h2")?.focus();
  }

  get #feed(): Feed | null {
    return this.renderRoot.querySelector<Feed>("ut-feed");
  }

  readonly #wake = (): void => {
    if (this.sound || this.preferences.sound) this.#news.wake();
  };

  #said(error: unknown): string {
    const { code, detail } = this.wrong(error);
    const { t } = this.#words!;
    return code === "unreachable" ? t.faults(code) : `${t.faults(code)} ${detail}`;
  }

  readonly #key = (event: KeyboardEvent): void =>
    key(event, {
      player: this.renderRoot.querySelector<EvidenceView>("ut-evidence")?.player ?? null,
      open: this.openId !== null,
      close: () => this.#open(null),
      walk: (by) => this.#walk(by),
    });

  #walk(step: number): void {
    const order = this.#feed?.order ?? [];
    const focused = (this.renderRoot as ShadowRoot).activeElement
      ?.closest("ut-card")
      ?.querySelector<HTMLElement>(".card-head");
    const at = order.indexOf(focused?.dataset.anomaly ?? this.openId ?? "");
    const next = order[at < 0 ? 0 : Math.min(order.length - 1, Math.max(0, at + step))];
    if (next === undefined) return;
    if (this.openId) this.#open(next);
    void this.updateComplete.then(() => this.#feed?.reveal(next, true));
  }

  protected override render(): TemplateResult {
    const words = this.#words!;
    const { t, dir, lang } = words;
    const model = this.desk?.model;
    const line = this.desk?.line ?? CONNECTING;
    const { preferences } = this;
    const outage = this.desk?.outage;
    const known = model?.known ?? false;
    const tab = this.layout === "narrow" ? this.tab : null;
    const rows = model?.rows() ?? [];
    const items = model?.items() ?? [];
    const counts = { feed: model?.reviews.get("open") ?? 0, roster: rows.length };
    const item = this.openId === null ? undefined : model?.item(this.openId);
    return html`<div class="frame ${this.layout}" dir=${dir} lang=${lang}>
      <ut-header
        .line=${line}
        .ended=${model?.ended ?? false}
        .states=${new Map(model?.states)}
        .words=${words}
        .actions=${this.#actions}
        .sound=${preferences.sound || this.sound}
        .notify=${preferences.notify}
      ></ut-header>
      ${banner(line, outage?.told ?? null, known, words, () => {
        outage?.read();
        this.requestUpdate();
      })}
      ${tab ? tabs(tab, counts, words, this.#choose) : nothing}
      <div class="panes">
        <section class="pane roster-pane" ?hidden=${tab === "feed"} aria-label=${t.candidates}>
          <h2 class="sr-only">${t.candidates}</h2>
          <ut-roster
            .rows=${rows}
            .states=${new Map(model?.states)}
            .axis=${model?.axis ?? null}
            .words=${words}
            .actions=${this.#actions}
            .mayChange=${this.desk?.mayChange ?? false}
            .known=${known}
            .sort=${preferences.sort}
          ></ut-roster>
        </section>
        <section class="pane feed-pane" ?hidden=${tab === "roster"} aria-label=${t.anomaliesTitle} @keydown=${this.#key}>
          <h2 class="sr-only">${t.anomaliesTitle}</h2>
          <ut-feed
            .items=${items}
            .reviews=${new Map(model?.reviews)}
            .rowOf=${this.#rowOf}
            .query=${this.query}
            .openId=${this.openId}
            .fresh=${this.#news.fresh}
            .words=${words}
            .actions=${this.#actions}
            .now=${this.now}
            .rate=${preferences.rate}
            .inside=${this.layout !== "full"}
            .known=${known}
          ></ut-feed>
        </section>
        ${
          this.layout === "full"
            ? detail(
                items.length > 0,
                item,
                item && this.#rowOf(item.anomaly.participant.id),
                model?.axis ?? null,
                preferences.rate,
                words,
                this.#actions,
                this.#key,
              )
            : nothing
        }
      </div>
      <p class="sr-only" role="log" aria-live="polite">${keyed(this.heard, html`<span>${this.heard.sentence}</span>`)}</p>
    </div>`;
  }

  readonly #choose = (tab: Tab): void => {
    this.tab = tab;
  };

  readonly #rowOf = (id: string) => this.desk?.model.row(id);
}
