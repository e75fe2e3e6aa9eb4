/**
 * <undertone-sidebar>: a proctor's view of one meeting, pushed everything.
 *
 * Attributes: `server` (default: the page's own origin), `meeting`, `name` (who decides), one credential (`token` or
 * `admin-id`), `lang`, `theme` (light | dark), `sound`. A property `renew` gives a fresh token when one is about to end.
 * Events (bubbling, composed): `undertone-anomaly` {anomaly}, `undertone-connection` {connected}, `undertone-error`
 * {code, detail}.
 */

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { catalogueFor, languagesOf } from "../locale/index.ts";
import type { Renew } from "../shell/link.ts";
import { tokens } from "../style/tokens.ts";
import type { Anomaly } from "../wire/messages.ts";
import { Announcer } from "./announcer.ts";
import type { FeedQuery } from "./arrange.ts";
import { banner } from "./banner.ts";
import { Clips } from "./clips.ts";
import { Desk, faultOf, type Line } from "./desk.ts";
import type { EvidenceView } from "./evidence.ts";
import type { Feed } from "./feed.ts";
import type { Actions, Words } from "./part.ts";
import { loadPreferences, type Preferences, savePreferences } from "./preferences.ts";
import { Chime, notify } from "./signals.ts";
import { sidebarStyles } from "./styles/index.ts";

/** From these widths on, in px: roster and feed side by side; the evidence beside them. The styles say the same. */
const SPLIT_PX = 720;
const FULL_PX = 1160;
const MINUTE_MS = 60_000;
const CONNECTING: Line = { state: "connecting", fault: null, retryAt: null };

export class UndertoneSidebar extends LitElement {
  static override styles = [tokens, ...sidebarStyles];
  static override properties = {
    server: {},
    meeting: {},
    name: {},
    token: {},
    adminId: { attribute: "admin-id" },
    lang: { reflect: true },
    theme: { reflect: true },
    sound: { type: Boolean },
    renew: { attribute: false },
    tab: { state: true },
    layout: { state: true },
    query: { state: true },
    openId: { state: true },
    now: { state: true },
    preferences: { state: true },
    heard: { state: true },
  };
  declare server: string | undefined;
  declare meeting: string | undefined;
  declare name: string | undefined;
  declare token: string | undefined;
  declare adminId: string | undefined;
  declare lang: string;
  declare theme: string | undefined;
  declare sound: boolean;
  declare renew: Renew | undefined;
  declare private tab: "feed" | "roster";
  declare private layout: "narrow" | "split" | "full";
  declare private query: FeedQuery;
  declare private openId: string | null;
  declare private now: number;
  declare private preferences: Preferences;
  /** What a screen reader was told last. */
  declare private heard: string;

  #desk: Desk | null = null;
  #words: Words | null = null;
  #clips: Clips | null = null;
  #fresh: ReadonlySet<string> = new Set();
  #drawing = false;
  #minute: ReturnType<typeof setInterval> | undefined;
  #saying: ReturnType<typeof setTimeout> | undefined;
  readonly #announcer = new Announcer();
  readonly #chime = new Chime();
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
    this.heard = "";
    this.addEventListener("pointerdown", this.#wake);
    this.addEventListener("keydown", this.#wake);
  }

  /** What parts ask for. */
  readonly #actions: Actions = {
    open: (anomaly) => this.#open(anomaly),
    filter: (query) => {
      this.query = { ...this.query, ...query };
      this.tab = "feed";
    },
    decide: (anomaly, decision, note) => void this.#desk?.decide(anomaly, { decision, note }),
    change: async (participant, change) => {
      try {
        await this.#desk!.change(participant, change);
      } catch (error) {
        throw new Error(this.#said(error));
      }
    },
    clip: async (evidence) => {
      try {
        return await this.#clips!.get(evidence);
      } catch (error) {
        throw new Error(this.#said(error));
      }
    },
    link: (clip) => this.#clips!.direct(clip),
    remember: (chosen) => {
      this.preferences = { ...this.preferences, ...chosen };
      savePreferences(this.preferences);
      if (chosen.sound) {
        this.#chime.wake();
        setTimeout(() => this.#chime.ring(), 50);
      }
    },
  };

  override connectedCallback(): void {
    super.connectedCallback();
    this.#size.observe(this);
    this.#minute = setInterval(() => {
      this.now = Date.now();
    }, MINUTE_MS);
    if (this.hasUpdated) this.#connect();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#size.disconnect();
    clearInterval(this.#minute);
    clearTimeout(this.#saying);
    this.#disconnect();
    this.#chime.close();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!this.#words || changed.has("lang")) {
      const { lang, dir, sidebar } = catalogueFor(languagesOf(this));
      if (this.#words?.lang !== lang) this.#words = { lang, dir, t: sidebar };
    }
    const entry = ["server", "meeting", "name", "token", "adminId"] as const;
    if (!this.hasUpdated || entry.some((field) => changed.has(field))) this.#connect();
  }

  #connect(): void {
    this.#disconnect();
    const { meeting, token, adminId, name, renew } = this;
    if (!meeting || (!token && !adminId)) return;
    try {
      const server = new URL(this.server ?? "", location.href).href;
      const credential = adminId ? { adminId } : { token };
      const desk = new Desk(
        { server: this.server ? server : location.origin, meeting, name: name || undefined, renew, ...credential },
        {
          changed: () => this.#draw(),
          news: (anomaly, missed) => this.#news(anomaly, missed),
          line: (line) => this.#line(line),
        },
      );
      this.#desk = desk;
      this.#clips = new Clips((clip) => desk.clipLink(clip));
      desk.start();
    } catch (error) {
      this.#tell("undertone-error", { code: "bad_server", detail: String(error) });
    }
  }

  #disconnect(): void {
    this.#desk?.stop();
    this.#clips?.close();
    this.#desk = this.#clips = null;
    this.#fresh = new Set();
  }

  /** Once a frame, however many events came in it. A hidden page has no frames, and nobody who would look at them. */
  #draw(): void {
    if (this.#drawing) return;
    this.#drawing = true;
    const draw = (): void => {
      this.#drawing = false;
      this.requestUpdate();
    };
    if (document.hidden) setTimeout(draw, 200);
    else requestAnimationFrame(draw);
  }

  #line(line: Line): void {
    this.#tell("undertone-connection", { connected: line.state === "live" });
    if (line.fault) this.#tell("undertone-error", { ...line.fault });
    this.#draw();
  }

  #news(anomaly: Anomaly, missed: boolean): void {
    const { t } = this.#words!;
    this.#fresh = new Set(this.#fresh).add(anomaly.id);
    this.#tell("undertone-anomaly", { anomaly });
    this.#announcer.add(anomaly.participant.name);
    this.#say();
    if (this.sound || this.preferences.sound) this.#chime.ring();
    const latest = anomaly.evidence[anomaly.evidence.length - 1];
    if (!this.preferences.notify || missed || !latest) return;
    const heard = t.heard(anomaly.kind, latest.voices, latest.other_ms);
    notify(anomaly.participant.name, heard, anomaly.id, () => this.#open(anomaly.id));
  }

  /** Tells screen readers, one sentence at a time. */
  #say(): void {
    const due = this.#announcer.due(performance.now());
    if (due === null) return;
    clearTimeout(this.#saying);
    this.#saying = setTimeout(() => {
      const news = this.#announcer.take(performance.now());
      if (news) this.heard = this.#words!.t.announced(news.count, news.name);
    }, due);
  }

  #open(anomaly: string | null): void {
    const before = this.openId;
    this.openId = anomaly;
    const inSight = anomaly !== null && this.#feed?.order.includes(anomaly);
    if (anomaly !== null && !inSight) this.query = { state: "all", participant: null };
    if (anomaly !== null) {
      this.tab = "feed";
      this.#seen(anomaly);
    }
    const at = anomaly ?? before;
    if (at) void this.updateComplete.then(() => this.#feed?.reveal(at, anomaly === null || !inSight));
  }

  #seen(anomaly: string): void {
    if (!this.#fresh.has(anomaly)) return;
    const fresh = new Set(this.#fresh);
    fresh.delete(anomaly);
    this.#fresh = fresh;
  }

  get #feed(): Feed | null {
    return this.renderRoot.querySelector<Feed>("ut-feed");
  }

  readonly #wake = (): void => {
    if (this.sound || this.preferences.sound) this.#chime.wake();
  };

  #said(error: unknown): string {
    const { code, detail } = faultOf(error);
    this.#tell("undertone-error", { code, detail });
    const { t } = this.#words!;
    return code === "unreachable" ? t.faults(code) : `${t.faults(code)} ${detail}`;
  }

  #tell(type: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }

  /** J and K walk along the cards, space plays, arrows jump between turns; only while the focus is in feed or evidence. */
  #key(event: KeyboardEvent): void {
    const target = event.composedPath()[0] as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest("textarea, select, input:not([type=radio])"))
      return;
    if (event.key === "Escape" && this.openId) {
      this.#open(null);
      return;
    }
    const step = { j: 1, k: -1 }[event.key.toLowerCase()];
    if (step !== undefined) {
      this.#walk(step);
      return;
    }
    const player = this.renderRoot.querySelector<EvidenceView>("ut-evidence")?.player;
    if (!player || target.closest("input")) return;
    const onButton = target.closest("button:not(.card-head), summary");
    if (event.key === " " && !onButton) player.toggle();
    else if (event.key === "ArrowRight") player.jump(1);
    else if (event.key === "ArrowLeft") player.jump(-1);
    else return;
    event.preventDefault();
  }

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
    const model = this.#desk?.model;
    const line = this.#desk?.line ?? CONNECTING;
    const { preferences } = this;
    const outage = this.#desk?.outage;
    const known = model?.known ?? false;
    const tab = this.layout === "narrow" ? this.tab : null;
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
      ${tab ? this.#tabs(tab) : nothing}
      <main class="panes">
        <section class="pane roster-pane" ?hidden=${tab === "feed"} aria-label=${t.candidates}>
          <ut-roster
            .rows=${model?.rows() ?? []}
            .states=${new Map(model?.states)}
            .axis=${model?.axis ?? null}
            .words=${words}
            .actions=${this.#actions}
            .mayChange=${this.#desk?.mayChange ?? false}
            .known=${known}
            .sort=${preferences.sort}
          ></ut-roster>
        </section>
        <section class="pane feed-pane" ?hidden=${tab === "roster"} aria-label=${t.anomaliesTitle} @keydown=${this.#key}>
          <ut-feed
            .items=${model?.items() ?? []}
            .reviews=${new Map(model?.reviews)}
            .rowOf=${this.#rowOf}
            .query=${this.query}
            .openId=${this.openId}
            .fresh=${this.#fresh}
            .words=${words}
            .actions=${this.#actions}
            .now=${this.now}
            .rate=${preferences.rate}
            .inside=${this.layout !== "full"}
            .known=${known}
          ></ut-feed>
        </section>
        ${this.layout === "full" ? this.#detail(words) : nothing}
      </main>
      <p class="sr-only" role="log" aria-live="polite">${this.heard}</p>
    </div>`;
  }

  readonly #rowOf = (id: string) => this.#desk?.model.row(id);

  #detail(words: Words): TemplateResult {
    const item = this.openId === null ? undefined : this.#desk?.model.item(this.openId);
    return html`<section class="pane detail-pane" aria-label=${words.t.evidence} @keydown=${this.#key}>
      ${
        item
          ? html`<div class="scroller" tabindex="-1">
              <ut-evidence
                .item=${item}
                .expected=${this.#rowOf(item.anomaly.participant.id)?.expectedVoices ?? null}
                .words=${words}
                .actions=${this.#actions}
                .rate=${this.preferences.rate}
                .headed=${true}
              ></ut-evidence>
            </div>`
          : html`<div class="nothing"><p>${words.t.pickOne}</p></div>`
      }
    </section>`;
  }

  #tabs(tab: "feed" | "roster"): TemplateResult {
    const { t } = this.#words!;
    const model = this.#desk?.model;
    const one = (name: "feed" | "roster", label: string, count: number): TemplateResult =>
      html`<button
        type="button"
        class="tab"
        aria-pressed=${tab === name}
        @click=${() => {
          this.tab = name;
        }}
      >
        ${label} <span class="tally">${t.number(count)}</span>
      </button>`;
    return html`<div class="tabs" role="group" aria-label=${t.views}>
      ${one("feed", t.anomaliesTitle, model?.reviews.get("open") ?? 0)}
      ${one("roster", t.candidates, model?.states ? [...model.states.values()].reduce((sum, count) => sum + count, 0) : 0)}
    </div>`;
  }
}
