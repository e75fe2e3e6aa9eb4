/** A new anomaly on its way to the proctor: marked in the feed, said to screen readers, heard, shown by the browser. */

import type { Anomaly } from "../wire/messages.ts";
import { Announcer } from "./announcer.ts";
import type { Words } from "./part.ts";
import type { Preferences } from "./preferences.ts";
import { Chime, notify } from "./signals.ts";
import { heardMs, strongest } from "./turns.ts";

export class News {
  /** Those that nobody here has opened yet. Another set with each change. */
  fresh: ReadonlySet<string> = new Set();
  readonly #announcer = new Announcer();
  readonly #chime = new Chime();
  readonly #say: (sentence: string) => void;
  readonly #open: (anomaly: string) => void;
  #saying: ReturnType<typeof setTimeout> | undefined;

  /** `say` puts a sentence where screen readers hear it; `open` shows an anomaly. */
  constructor(say: (sentence: string) => void, open: (anomaly: string) => void) {
    this.#say = say;
    this.#open = open;
  }

  /** `missed`: it came while the line was down, so that no notification is due any more. */
  came(anomaly: Anomaly, missed: boolean, { t }: Words, { sound, notify: wanted }: Preferences): void {
    this.fresh = new Set(this.fresh).add(anomaly.id);
    this.#announcer.add(anomaly.participant.name);
    this.#speak(t);
    if (sound) this.#chime.ring();
    const shown = anomaly.evidence[strongest(anomaly)];
    if (!wanted || missed || !shown) return;
    const heard = t.heard(anomaly.kind, shown.voices, heardMs(shown, anomaly.kind));
    notify(anomaly.participant.name, heard, anomaly.id, () => this.#open(anomaly.id));
  }

  seen(anomaly: string): void {
    if (!this.fresh.has(anomaly)) return;
    const fresh = new Set(this.fresh);
    fresh.delete(anomaly);
    this.fresh = fresh;
  }

  /** From a click or a key, without which browsers play nothing. */
  wake(): void {
    this.#chime.wake();
  }

  /** What the chime sounds like, to whoever has just asked for it. */
  sample(): void {
    this.#chime.wake();
    setTimeout(() => this.#chime.ring(), 50); // the first click has yet to start the sound
  }

  close(): void {
    clearTimeout(this.#saying);
    this.#chime.close();
  }

  #speak(t: Words["t"]): void {
    const due = this.#announcer.due(performance.now());
    if (due === null) return;
    clearTimeout(this.#saying);
    this.#saying = setTimeout(() => {
      const news = this.#announcer.take(performance.now());
      if (news) this.#say(t.announced(news.count, news.name));
      else this.#speak(t); // timers count whole ms, and end a little before their time
    }, due);
  }
}
