/** `<ut-tile>`: one person in the room: their camera or initials, their name, whether they are muted. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import type { RoomStrings } from "../locale/room.ts";
import { tokens } from "../style/tokens.ts";
import type { Person, Picture, Role } from "./driver.ts";
import { icon } from "./icons.ts";

const look = css`
  :host {
    position: relative;
    display: block;
    aspect-ratio: 4 / 3;
    border-radius: var(--ut-radius);
    background: var(--ut-sunken);
    overflow: clip;
  }
  video {
    position: absolute;
    inset: 0;
    inline-size: 100%;
    block-size: 100%;
    object-fit: cover;
  }
  .own {
    transform: scaleX(-1);
  }
  .initials {
    position: absolute;
    inset: 0;
    display: grid;
    place-items: center;
    padding-block-end: 22px;
    color: var(--ut-quiet);
    font-size: 1.5rem;
    font-weight: 600;
  }
  .below {
    position: absolute;
    inset-inline: 0;
    inset-block-end: 0;
    display: flex;
    align-items: center;
    gap: 6px;
    padding: 4px 6px;
    background: color-mix(in srgb, var(--ut-paper) 88%, transparent);
    font-size: 0.8125rem;
    line-height: 1.3;
  }
  .name {
    flex: 1;
    min-inline-size: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .who {
    color: var(--ut-quiet);
  }
  svg {
    display: block;
    flex: none;
    fill: none;
    stroke: currentColor;
    stroke-width: 1.5;
    stroke-linecap: round;
    stroke-linejoin: round;
  }
  button {
    display: grid;
    place-items: center;
    flex: none;
    min-inline-size: 28px;
    min-block-size: 28px;
    padding: 0;
    border: 1px solid var(--ut-edge);
    border-radius: 6px;
    background: var(--ut-paper);
    cursor: pointer;
  }
  button[aria-pressed="true"] {
    border-color: var(--ut-accent);
    background: var(--ut-accent);
    color: var(--ut-on-accent);
  }
  @media (forced-colors: active) {
    .below {
      background: Canvas;
    }
  }
`;

export class RoomTile extends LitElement {
  static override properties = {
    person: { attribute: false },
    viewer: { attribute: false },
    listened: { type: Boolean },
    words: { attribute: false },
  };
  static override styles = [tokens, look];
  declare person: Person;
  declare viewer: Role;
  declare listened: boolean;
  declare words: RoomStrings;
  #shown: Picture | null = null;
  readonly #audio = new Audio();

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#show(null);
    this.#hear(null);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.requestUpdate();
  }

  /** After a click: the browser may have held it back. */
  play(): void {
    if (this.#audio.srcObject) void this.#audio.play();
  }

  protected override render(): TemplateResult {
    const { person, words: t } = this;
    return html`${
      person.picture
        ? html`<video class=${person.self ? "own" : ""} aria-label=${t.cameraOf(person.name)} autoplay muted playsinline></video>`
        : html`<div class="initials" aria-hidden="true">${initials(person.name)}</div>`
    }
      <div class="below">
        ${person.muted ? html`<span role="img" aria-label=${t.mutedHere}>${icon("microphone", false)}</span>` : nothing}
        <span class="name" dir="auto">${person.name}</span>
        ${person.self ? html`<span class="who">${t.you}</span>` : person.proctor && person.name !== t.proctor ? html`<span class="who">${t.proctor}</span>` : nothing}
        ${this.viewer === "proctor" && !person.self ? this.#listen(t) : nothing}
      </div>`;
  }

  #listen(t: RoomStrings): TemplateResult {
    const { person, listened } = this;
    const label = (listened ? t.listening : t.listen)(person.name);
    return html`<button type="button" aria-pressed=${String(listened)} aria-label=${label} title=${label} @click=${this.#toggle}>
      ${icon("sound", listened)}
    </button>`;
  }

  readonly #toggle = (): void => {
    this.dispatchEvent(new CustomEvent("ut-listen", { detail: this.person.id, bubbles: true }));
  };

  protected override updated(): void {
    this.#show(this.person.picture);
    this.#hear(this.person.self ? null : this.person.voice);
  }

  #show(picture: Picture | null): void {
    const video = this.renderRoot.querySelector("video");
    if (this.#shown?.id === picture?.id) return;
    if (video && this.#shown) this.#shown.detach(video);
    this.#shown = picture;
    if (!video || !picture) return;
    video.muted = true; // the attribute alone says it to new elements only
    picture.attach(video);
  }

  #hear(voice: MediaStreamTrack | null): void {
    const now = (this.#audio.srcObject as MediaStream | null)?.getTracks()[0] ?? null;
    if (now === voice) return;
    this.#audio.srcObject = voice ? new MediaStream([voice]) : null;
    if (!voice) return;
    this.#audio.play().catch((error: unknown) => {
      const held = error instanceof DOMException && error.name === "NotAllowedError";
      if (held) this.dispatchEvent(new CustomEvent("ut-held-back", { bubbles: true }));
    });
  }
}

/** Of the first and the last word. */
function initials(name: string): string {
  const words = name.trim().split(/\s+/u);
  const letters = [words[0], words.length > 1 ? words.at(-1) : ""];
  return letters.map((word) => [...(word ?? "")][0] ?? "").join("");
}
