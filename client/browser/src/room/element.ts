/**
 * `<undertone-room>`: the meeting's video room, whoever provides it. Nothing where the meeting has none; without a
 * credential, what candidates should know of it beforehand.
 */

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { languagesOf, wordsFor } from "../locale/index.ts";
import { room } from "../locale/room.ts";
import { Api } from "../shell/api.ts";
import { uuid } from "../shell/uuid.ts";
import { tokens } from "../style/tokens.ts";
import type { RoomData } from "../wire/messages.ts";
import type { Driver, Role } from "./driver.ts";
import { driverOf } from "./drivers.ts";
import { roleIn } from "./role.ts";
import { styles } from "./styles.ts";
import type { RoomTile } from "./tile.ts";
import { apart, type Refused, view } from "./views.ts";
import { Visit, type VisitState } from "./visit.ts";

/** Stays the same over a reload, so that the room sees one person. */
const TAB = "undertone.room.tab";

/**
 * Attributes: `server` (default: where the page is from), `meeting`, and `token` (a candidate's or a proctor's) or
 * `admin-id` with `name`; `provider` (whose room it is, for what is said beforehand); `lang`, `theme`. Properties: the same in camelCase; `room`, the answer of the server that let
 * this person in; `track`, the microphone that is already open, for candidates: `<undertone-candidate>` tells it.
 * Event, composed: `undertone-room` {state}: `entering`, `inside`, `away`, `out`, `none`.
 */
export class UndertoneRoom extends LitElement {
  static override properties = {
    server: {},
    meeting: {},
    token: {},
    adminId: { attribute: "admin-id" },
    name: {},
    provider: {},
    lang: { reflect: true },
    theme: { reflect: true },
    room: { attribute: false },
    track: { attribute: false },
  };
  static override styles = [tokens, styles];

  declare server: string;
  declare meeting: string;
  declare token: string | undefined;
  declare adminId: string | undefined;
  declare name: string;
  declare provider: string | undefined;
  declare theme: string | undefined;
  declare room: RoomData | undefined;
  declare track: MediaStreamTrack | null;

  #visit: Visit | undefined;
  #told: VisitState | undefined;
  #who = "";
  #folded = false;
  #muted = true;
  #filmed = false;
  /** Why the last press of a button did nothing: the device, or the room. */
  #refused: Refused | null = null;
  #heldBack = false;
  readonly #listened = new Set<string>();
  /** The proctor's own, opened here. */
  #own: MediaStreamTrack | undefined;
  /** One thing after the other: a provider's script takes no two at once. */
  #turn: Promise<void> = Promise.resolve();
  /** Which knows what is listened to, and has our voice. After a break it is another one, which knows nothing. */
  #settled: Driver | undefined;

  constructor() {
    super();
    this.server = location.origin;
    this.meeting = this.name = "";
    this.track = null;
  }

  /** Whose eyes these are: a token says so. */
  get #viewer(): Role {
    return this.token ? roleIn(this.token) : "proctor";
  }

  /** What `undertone-room` last told. */
  get state(): VisitState {
    return this.#visit?.state ?? "entering";
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    // Whoever moves the element takes it out and puts it back at once.
    queueMicrotask(() => {
      if (!this.isConnected) this.#end();
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.requestUpdate();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!this.isConnected) return;
    if (!this.meeting || !(this.token || this.adminId)) {
      this.#end();
      return;
    }
    // A token that is renewed is the same person's.
    const who = JSON.stringify([this.server, this.meeting, this.#viewer, this.token ? "" : this.adminId]);
    if (!this.#visit || who !== this.#who) {
      this.#end();
      this.#who = who;
      this.#begin();
    } else if (changed.has("track") && this.state === "inside") this.#speak();
  }

  protected override updated(): void {
    const { state } = this;
    if (state === this.#told) return;
    this.#told = state;
    this.dispatchEvent(new CustomEvent("undertone-room", { detail: { state }, bubbles: true, composed: true }));
  }

  #begin(): void {
    const role = this.#viewer;
    this.#muted = role === "proctor";
    this.#visit = new Visit({
      role,
      first: this.room,
      ask: () => this.#ask(),
      load: driverOf,
      onChange: () => this.#changed(),
    });
    this.#visit.start();
  }

  #ask(): Promise<RoomData> {
    const { server, meeting, token, adminId, name } = this;
    if (token) return new Api(server, token).enterRoom(meeting);
    const called = name || wordsFor(room, languagesOf(this)).t.proctor;
    return new Api(server, adminId).enterRoom(meeting, { key: tab(), name: called });
  }

  #changed(): void {
    const driver = this.#visit?.driver;
    if (this.state !== "inside") this.#hush();
    else if (driver && driver !== this.#settled) {
      this.#settled = driver;
      this.#filmed = false;
      for (const id of this.#listened) driver.listen(id, true);
      if (!this.#muted) this.#speak();
    }
    this.requestUpdate();
  }

  #end(): void {
    this.#visit?.stop();
    this.#visit = undefined;
    this.#hush();
    this.#settled = undefined;
    this.#filmed = false;
    this.#listened.clear();
  }

  protected override render(): TemplateResult | typeof nothing {
    const { t, lang, dir } = wordsFor(room, languagesOf(this));
    if (this.state === "none") return nothing;
    if (!this.#visit)
      return html`<p class="about quiet small" lang=${lang} dir=${dir}>${t.about[apart(this.provider)]}</p>`;
    return html`<section lang=${lang} dir=${dir} aria-label=${t.title}>
      ${view(t, {
        viewer: this.#viewer,
        visit: this.#visit,
        speaks: this.#viewer === "proctor" || this.track !== null,
        folded: this.#folded,
        muted: this.#muted,
        filmed: this.#filmed,
        refused: this.#refused,
        heldBack: this.#heldBack,
        listened: this.#listened,
        theme: this.theme,
        fold: this.#fold,
        film: this.#film,
        mute: this.#mute,
        play: this.#play,
        listen: this.#listen,
        held: this.#held,
      })}
    </section>`;
  }

  // --- what is done

  readonly #fold = (): void => {
    this.#folded = !this.#folded;
    this.requestUpdate();
  };

  readonly #listen = ({ detail }: CustomEvent<string>): void => {
    const on = !this.#listened.delete(detail);
    if (on) this.#listened.add(detail);
    this.#visit?.driver?.listen(detail, on);
    this.requestUpdate();
  };

  readonly #held = (): void => {
    this.#heldBack = true;
    this.requestUpdate();
  };

  readonly #play = (): void => {
    this.#heldBack = false;
    for (const tile of this.renderRoot.querySelectorAll<RoomTile>("ut-tile")) tile.play();
    this.requestUpdate();
  };

  readonly #film = (): void => {
    const on = !this.#filmed;
    this.#inTurn("noCamera", async () => {
      await this.#visit?.driver?.show(on);
      this.#filmed = on;
    });
  };

  readonly #mute = (): void => {
    this.#muted = !this.#muted;
    this.#speak();
  };

  /** What the room hears: the candidate's open microphone, the proctor's own, or nothing. Undertone hears all the same. */
  #speak(): void {
    this.#inTurn("noMicrophone", async () => {
      const driver = this.#visit?.driver;
      if (!driver) return;
      try {
        const track = this.#muted ? null : this.#viewer === "candidate" ? this.track : await this.#microphone();
        // The browser asked for the microphone meanwhile, for as long as it took; the next driver opens its own.
        if (driver === this.#visit?.driver) await driver.speak(track);
      } catch (error) {
        // A line that broke has muted nobody.
        if (driver === this.#visit?.driver) this.#muted = true;
        throw error;
      } finally {
        if (this.#muted || driver !== this.#visit?.driver) this.#hush();
      }
    });
  }

  async #microphone(): Promise<MediaStreamTrack> {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true } });
    this.#hush();
    this.#own = stream.getAudioTracks()[0]!;
    return this.#own;
  }

  #hush(): void {
    this.#own?.stop();
    this.#own = undefined;
  }

  #inTurn(refused: "noCamera" | "noMicrophone", act: () => Promise<void>): void {
    this.#turn = this.#turn.then(async () => {
      try {
        await act();
        this.#refused = null;
      } catch (error) {
        // Of a line that broke meanwhile the visit tells.
        if (this.state === "inside") this.#refused = error instanceof DOMException ? refused : "notTaken";
      }
      this.requestUpdate();
    });
  }
}

function tab(): string {
  try {
    const kept = sessionStorage.getItem(TAB) ?? uuid();
    sessionStorage.setItem(TAB, kept);
    return kept;
  } catch {
    return uuid(); // storage is off: after a reload it is somebody else
  }
}
