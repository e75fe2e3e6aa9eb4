/** Clips as the player needs them: something to play, and bars to draw. */

import type { Evidence, LinkIssued } from "../wire/messages.ts";
import { peaksOf } from "./peaks.ts";

/** What is drawn across the widest card; a bar is then 1/6 s. */
export const COLUMNS = 360;
/** Half a megabyte each: the ones just looked at, and their neighbours. */
const KEPT = 8;
/** Only the shape is wanted; 8 kHz takes a sixth of the memory and time of 48. */
const RATE = 8000;

export interface Clip {
  /** For `<audio>`: it holds the whole clip, so that nothing expires while somebody listens. */
  readonly url: string;
  /** Bars of the window, without the lead-in; null if this browser could not decode it. */
  readonly peaks: Float32Array | null;
}

/** Fetches each clip once. `link` asks the server for an address that plays for some minutes. */
export class Clips {
  readonly #link: (clip: string) => Promise<LinkIssued>;
  readonly #kept = new Map<string, Promise<Clip>>();

  constructor(link: (clip: string) => Promise<LinkIssued>) {
    this.#link = link;
  }

  /** Rejects with what was wrong; then the next call tries again. */
  get(evidence: Evidence): Promise<Clip> {
    const { clip } = evidence;
    const found = this.#kept.get(clip) ?? this.#fetch(evidence);
    this.#kept.delete(clip);
    this.#kept.set(clip, found); // the last one is the newest
    found.catch(() => {
      if (this.#kept.get(clip) === found) this.#kept.delete(clip);
    });
    for (const [oldest, promise] of this.#kept) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(oldest);
      release(promise);
    }
    return found;
  }

  /** A fresh link, for a page whose policy forbids to play what was fetched. */
  async direct(clip: string): Promise<string> {
    return (await this.#link(clip)).url;
  }

  close(): void {
    for (const promise of this.#kept.values()) release(promise);
    this.#kept.clear();
  }

  async #fetch(evidence: Evidence): Promise<Clip> {
    const { url } = await this.#link(evidence.clip);
    const response = await fetch(url).catch(() => null);
    // A clip store elsewhere may let `<audio>` in and no script: it plays, and has no bars.
    if (!response) return { url, peaks: null };
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    const bytes = await response.arrayBuffer();
    const held = URL.createObjectURL(new Blob([bytes], { type: "audio/mpeg" }));
    return { url: held, peaks: await bars(bytes, evidence) };
  }
}

function release(clip: Promise<Clip>): void {
  clip.then(({ url }) => URL.revokeObjectURL(url)).catch(() => undefined);
}

async function bars(bytes: ArrayBuffer, evidence: Evidence): Promise<Float32Array | null> {
  try {
    const decoded = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(bytes);
    // Decoders leave out what they can't decode of the lead-in: the window is what the recording ends with.
    const end = decoded.duration * 1000;
    const start = Math.max(0, end - evidence.duration_ms);
    return peaksOf(decoded.getChannelData(0), RATE, start, start + evidence.duration_ms, COLUMNS);
  } catch {
    return null;
  }
}
