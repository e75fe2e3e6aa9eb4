/** What the candidate is told: one state out of all that can be the matter at once. Pure. */

import type { Status } from "../recorder/protocol.ts";
import type { Trouble } from "../recorder/trouble.ts";

/** Where the candidate is on the way through. */
export type Phase = "consent" | "check" | "exam" | "finishing" | "finished" | "elsewhere" | "failed";

/** As told to the embedding page in `undertone-state`. */
export type CandidateState =
  | "consent"
  | "check"
  | "starting"
  | "recording"
  | "reconnecting"
  | "silent"
  | "blocked"
  | "elsewhere"
  | "finishing"
  | "finished"
  | "failed";

/** Nobody needs to know of a line that was away for two seconds: it would only disturb. */
export const CALM_MS = 3000;

/** `awayMs`: for how long there has been no connection. */
export interface Facts {
  phase: Phase;
  trouble: Trouble | null;
  status: Status | null;
  awayMs: number;
}

/** What keeps sound from being recorded comes before what keeps it from being sent. */
export function stateOf({ phase, trouble, status, awayMs }: Facts): CandidateState {
  if (phase !== "exam") return phase;
  if (trouble === "muted") return "silent";
  if (trouble !== null) return "blocked";
  if (status === null) return "starting";
  if (status.silent) return "silent";
  if (!status.connected && awayMs > CALM_MS) return status.stream === null ? "starting" : "reconnecting";
  return "recording";
}

/** Why it stopped, as the catalogue's `failed` names it. */
export type Reason =
  | "ended"
  | "revoked"
  | "expired"
  | "unauthorized"
  | "unreachable"
  | "unsupported"
  | "unloadable"
  | "other";

const REASONS: Readonly<Record<string, Reason>> = {
  meeting_ended: "ended",
  revoked: "revoked",
  unauthorized: "unauthorized",
  forbidden: "unauthorized",
  not_found: "unauthorized",
  token_expired: "expired",
  unreachable: "unreachable",
  unsupported: "unsupported",
  unloadable: "unloadable",
};

/** By the code of an error, of a close or of a call. */
export function reasonOf(code: string): Reason {
  return REASONS[code] ?? "other";
}
