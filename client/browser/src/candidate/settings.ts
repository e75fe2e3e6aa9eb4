/** What the element's attributes say of the recording, and what holds where they say nothing. */

import { BITRATES, type Bitrate, DEFAULT_BITRATE } from "../recorder/encoder.ts";
import { DEFAULT_PROCESSING, type Processing } from "../recorder/microphone.ts";

/** The attributes, as Lit takes them. */
export const ATTRIBUTES = {
  server: {},
  meeting: {},
  name: {},
  token: {},
  joinSecret: { attribute: "join-secret" },
  lang: { reflect: true },
  theme: { reflect: true },
  bitrate: { type: Number },
  retentionDays: { type: Number, attribute: "retention-days" },
  noCheck: { type: Boolean, attribute: "no-check" },
  echoCancellation: { attribute: "echo-cancellation" },
  noiseSuppression: { attribute: "noise-suppression" },
  autoGain: { attribute: "auto-gain" },
};

export interface Said {
  echoCancellation: string | undefined;
  noiseSuppression: string | undefined;
  autoGain: string | undefined;
}

export function processingOf(said: Said): Processing {
  return {
    echoCancellation: chosen(said.echoCancellation, DEFAULT_PROCESSING.echoCancellation),
    noiseSuppression: chosen(said.noiseSuppression, DEFAULT_PROCESSING.noiseSuppression),
    autoGainControl: chosen(said.autoGain, DEFAULT_PROCESSING.autoGainControl),
  };
}

export function bitrateOf(said: number): Bitrate {
  return BITRATES.find((kbps) => kbps === said) ?? DEFAULT_BITRATE;
}

function chosen(said: string | undefined, otherwise: boolean): boolean {
  return said ? said === "on" : otherwise;
}
