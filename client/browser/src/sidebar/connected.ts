/** The sidebar's element as far as it is about the line: which meeting, by which credential, and when to draw. */

import { LitElement, type PropertyValues } from "lit";
import type { Renew } from "../shell/link.ts";
import type { Anomaly } from "../wire/messages.ts";
import { Clips } from "./clips.ts";
import { Desk, faultOf, type Line } from "./desk.ts";

const ENTRY = ["server", "meeting", "token", "adminId"] as const;
const NO_RENEWAL = "the token has ended, and there is no way to renew it";

export abstract class Connected extends LitElement {
  static override properties = {
    server: {},
    meeting: {},
    name: {},
    token: {},
    adminId: { attribute: "admin-id" },
    renew: { attribute: false },
  };
  declare server: string | undefined;
  declare meeting: string | undefined;
  declare name: string | undefined;
  declare token: string | undefined;
  declare adminId: string | undefined;
  declare renew: Renew | undefined;

  protected desk: Desk | null = null;
  protected clips: Clips | null = null;
  #drawing = false;

  /** A new anomaly; `missed` if it came while the line was down. */
  protected abstract came(anomaly: Anomaly, missed: boolean): void;

  /** Somebody else decided one. */
  protected abstract decided(anomaly: Anomaly): void;

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("beforeunload", this.#leaving);
    if (this.hasUpdated) this.#connect();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("beforeunload", this.#leaving);
    this.#disconnect();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!this.hasUpdated || ENTRY.some((field) => changed.has(field))) this.#connect();
    else if (changed.has("name")) this.desk?.rename(this.name || undefined);
  }

  /** Tells the page around. */
  protected tell(type: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }

  /** What went wrong, told to the page and given back. */
  protected wrong(error: unknown): { code: string; detail: string } {
    const fault = { ...faultOf(error) };
    this.tell("undertone-error", fault);
    return fault;
  }

  /** By what the page has set by then. */
  readonly #renewed: Renew = async () => {
    if (this.renew) return this.renew();
    throw Object.assign(new Error(NO_RENEWAL), { final: true, detail: NO_RENEWAL });
  };

  /** The browser asks before it drops a decision that the server does not have. */
  readonly #leaving = (event: Event): void => {
    if (this.desk && this.desk.sending > 0) event.preventDefault();
  };

  #connect(): void {
    this.#disconnect();
    const { meeting, token, adminId, name } = this;
    if (!meeting || (!token && !adminId)) return;
    try {
      const server = this.server ? new URL(this.server, location.href).href : location.origin;
      const desk = new Desk(
        { server, meeting, name: name || undefined, ...(adminId ? { adminId } : { token, renew: this.#renewed }) },
        {
          changed: () => this.#draw(),
          news: (anomaly, missed) => {
            this.tell("undertone-anomaly", { anomaly });
            this.came(anomaly, missed);
          },
          decided: (anomaly) => this.decided(anomaly),
          line: (line) => this.#moved(line),
        },
      );
      this.desk = desk;
      this.clips = new Clips((clip) => desk.clipLink(clip));
      desk.start();
    } catch (error) {
      this.tell("undertone-error", { code: "bad_server", detail: String(error) });
    }
  }

  #disconnect(): void {
    this.desk?.stop();
    this.clips?.close();
    this.desk = this.clips = null;
  }

  #moved(line: Line): void {
    this.tell("undertone-connection", { connected: line.state === "live" });
    if (line.fault) this.tell("undertone-error", { ...line.fault });
    this.#draw();
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
}
