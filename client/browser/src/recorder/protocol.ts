/** What page and worker tell each other. */

import type { Bitrate } from "./encoder.ts";

/** `samples`: where the worklet posts its blocks, Float32Array of mono samples at `sampleRate`. */
export interface Start {
  type: "start";
  samples: MessagePort;
  sampleRate: number;
  kbps: Bitrate;
  server: string;
  token: string;
}

/** Load what `start` will need, and say when it is here. */
export interface Load {
  type: "load";
}

export type ToWorker =
  | Load
  | Start
  | { type: "samples"; samples: MessagePort; sampleRate: number } // from here on they come there
  | { type: "token"; token: string } // renewed, as was asked
  | { type: "no_token"; final: boolean; code?: string | undefined; detail: string } // not renewed; final: never will be
  | { type: "network"; online: boolean }
  | { type: "finish" }
  | { type: "stop" };

/** Several times a second while there is sound, and at each change. */
export interface Status {
  type: "status";
  /** dBFS of the loudest 20 ms since the last status. */
  level: number;
  /** Nothing was heard for long, not even a room. */
  silent: boolean;
  connected: boolean;
  /** The stream's number, once the server has given it. */
  stream: number | null;
  /** Sound that a closed tab would lose, and sound that was lost. */
  unstoredMs: number;
  lostMs: number;
  /** Media time so far. */
  recordedMs: number;
}

export type FromWorker =
  | { type: "loaded" } // or it could not be
  | Status
  | { type: "renew" } // the token ends
  | { type: "finished"; bytes: number; windows: number }
  | { type: "over"; close: number; code: string; detail: string } // by the server, for good
  | { type: "broken"; code: "unsupported" | "unloadable"; detail: string }; // no WebAssembly; or it can't be fetched
