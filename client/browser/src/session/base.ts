/** What both sessions share: renewing the token, keeping the last error, and what a close means. */

import type { Error as ErrorMessage, Refresh } from "../wire/messages.ts";
import { CLOSE_CODES } from "../wire/messages.ts";
import { mayRetry } from "./close.ts";

/** The server broke the protocol. The connection is closed and tried again: a newer node may do better. */
export class ServerFault extends Error {
  override readonly name = "ServerFault";
}

/** Why a session is over for good: the close code, its name where the table has one, and the server's words. */
export interface Fault {
  readonly close: number;
  readonly code: string;
  readonly detail: string;
}

/**
 * What to do about a connection that ended: try again; renew the token, then try again; nothing, as everything is
 * done; nothing, as `fault` says.
 */
export type AfterClose = "again" | "renew" | "over" | "failed";

export const TOKEN_EXPIRED = 4006;

/** The named fault of a close code. */
export function faultOf(close: number, detail: string): Fault {
  const code = (CLOSE_CODES as Readonly<Record<number, string>>)[close] ?? "closed";
  return { close, code, detail: detail || `closed with ${close}` };
}

/** Base of both: the credential, and what the number of a close means. */
export abstract class Session {
  /** The last `error` told on this connection. */
  error: ErrorMessage | null = null;
  /** Why it is over, if it is, other than by being finished. */
  fault: Fault | null = null;
  /** The token of this connection ends within a minute: it wants a `refresh`. */
  protected expiring = false;
  /** A renewed token that this connection has yet to be told. */
  protected renewed: string | null = null;

  /** How long the server asked to be left alone, in ms. */
  get retryAfterMs(): number {
    const asked = this.error?.retry_after_ms;
    return typeof asked === "number" && asked > 0 ? asked : 0;
  }

  /** The connection ended with this close code (1006 where there was none): decided by the number alone. */
  closed(code: number, reason = ""): AfterClose {
    this.renewed = null;
    this.expiring = false;
    if (this.fault) return "failed";
    if (code === TOKEN_EXPIRED) return "renew";
    if (mayRetry(code)) return "again";
    this.fault = faultOf(code, this.error?.detail ?? reason);
    return "failed";
  }

  /** Whether `expiring` came on this connection since this was last asked. */
  takeExpiring(): boolean {
    const came = this.expiring;
    this.expiring = false;
    return came;
  }

  protected takeRefresh(): string | null {
    if (this.renewed === null) return null;
    const refresh: Refresh = { type: "refresh", token: this.renewed };
    this.renewed = null;
    return JSON.stringify(refresh);
  }
}
