/** What went wrong, in words for people who have never heard of HTTP. */

import type { PagesStrings } from "../locale/pages.ts";
import { ApiError } from "../shell/api.ts";

export interface Trouble {
  readonly kind: keyof PagesStrings["trouble"];
  /** What the server said, where our words say too little. */
  readonly detail?: string;
  /** Whether doing the same again may help. */
  readonly passing: boolean;
}

const KINDS: Readonly<Record<string, Trouble["kind"]>> = {
  not_found: "unknown",
  unauthorized: "refused",
  forbidden: "refused",
  token_expired: "token",
  meeting_ended: "ended",
  revoked: "revoked",
  rate_limited: "busy",
  overloaded: "busy",
  unreachable: "unreachable",
  unavailable: "unreachable",
  draining: "unreachable",
};

/** By the code of a close or of a call that failed: both are named alike. */
export function troubleOf(code: string, detail: string): Trouble {
  const kind = KINDS[code] ?? "other";
  const passing = kind === "busy" || kind === "unreachable" || kind === "other";
  return kind === "other" ? { kind, detail, passing } : { kind, passing };
}

export function troubleWith(error: unknown): Trouble {
  return error instanceof ApiError ? troubleOf(error.code, error.detail) : troubleOf("", String(error));
}
