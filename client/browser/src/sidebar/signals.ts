/** What reaches a proctor who looks elsewhere: a chime, and a notification of the browser's. Both are asked for. */

/** A burst of anomalies is one chime. */
const CHIME_EVERY_MS = 4000;
/** A fifth, upwards and soft: heard beside speech, and alarming nobody. Hz, and seconds from the start. */
const NOTES: readonly (readonly [number, number])[] = [
  [587.33, 0],
  [880, 0.14],
];

export class Chime {
  #context: AudioContext | null = null;
  #rangAt = Number.NEGATIVE_INFINITY;

  /** Called from a click or a key: browsers keep silent until then. */
  wake(): void {
    this.#context ??= new AudioContext();
    if (this.#context.state === "suspended") void this.#context.resume();
  }

  ring(now = performance.now()): void {
    const context = this.#context;
    if (context?.state !== "running" || now - this.#rangAt < CHIME_EVERY_MS) return;
    this.#rangAt = now;
    for (const [frequency, after] of NOTES) {
      const tone = new OscillatorNode(context, { type: "sine", frequency });
      const loudness = new GainNode(context, { gain: 0 });
      const start = context.currentTime + after;
      loudness.gain.setValueAtTime(0, start);
      loudness.gain.linearRampToValueAtTime(0.12, start + 0.02);
      loudness.gain.exponentialRampToValueAtTime(0.0001, start + 0.7);
      tone.connect(loudness).connect(context.destination);
      tone.start(start);
      tone.stop(start + 0.75);
    }
  }

  close(): void {
    void this.#context?.close();
    this.#context = null;
  }
}

/** Chrome on Android has the constructor and throws from it: only service workers may notify there. */
export function canNotify(): boolean {
  return typeof Notification !== "undefined" && !/Android/.test(navigator.userAgent);
}

/** Asks the browser; true if it may. From a click only. */
export async function askToNotify(): Promise<boolean> {
  return canNotify() && (await Notification.requestPermission()) === "granted";
}

/** Says it outside of the page, if the page is not in front. One anomaly has one notification, however it grows. */
export function notify(title: string, body: string, tag: string, onClick: () => void): void {
  if (!canNotify() || Notification.permission !== "granted" || document.hasFocus()) return;
  const shown = new Notification(title, { body, tag, silent: true });
  shown.onclick = () => {
    window.focus();
    shown.close();
    onClick();
  };
}
