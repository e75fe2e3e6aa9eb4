/** Who this browser is in a meeting: after a reload and in a second tab the same participant, not another one. */

import { Api, ApiError } from "../shell/api.ts";
import type { CredentialData, RoomData } from "../wire/messages.ts";

export interface Identity {
  server: string;
  meeting: string;
  name: string;
  /** Minted by the exam platform; then nothing is kept here, and `renew` gives the next one. */
  token: string;
  /** Or: joins by itself. */
  joinSecret: string;
  renew: (() => Promise<string>) | undefined;
  /** Each token from now on, with the way into the video room if the server just said it. */
  onToken?: (token: string, room: RoomData | undefined) => void;
}

/** This tab's own first: in another tab of this browser somebody else may join. */
const STORAGES = [() => sessionStorage, () => localStorage];

type Kept = Pick<CredentialData, "id" | "name" | "token">;

export class Credentials {
  #identity: Identity;
  #kept: Kept | undefined;

  constructor(identity: Identity) {
    this.#identity = identity;
    this.#kept = this.#load();
  }

  /**
   * A token to begin with: the kept one, be it old, so that a reload records at once even while the server is away; it is
   * renewed when the server asks for that. Rejects with ApiError.
   */
  async first(): Promise<string> {
    const token = this.#identity.token || this.#kept?.token;
    return token ? this.#told(token) : this.#join();
  }

  /** The server knows nothing of this participant any more, or its secret has changed: the next beginning joins anew. */
  forget(): void {
    this.#kept = undefined;
    forgetCandidate(this.#identity.server, this.#identity.meeting);
  }

  /** The next token, as the last one ends. Rejects with an error whose `final` says whether asking again is of use. */
  async renew(): Promise<string> {
    const { server, meeting, joinSecret, renew } = this.#identity;
    if (renew) return this.#told(await renew());
    if (!joinSecret || !this.#kept) throw new ApiError(401, "token_expired", "the token has ended; set `renew`");
    return this.#keep(await new Api(server, joinSecret).renew(meeting, this.#kept.id, this.#kept.token));
  }

  async #join(): Promise<string> {
    const { server, meeting, joinSecret, name } = this.#identity;
    return this.#keep(await new Api(server, joinSecret).join(meeting, { name }));
  }

  #keep({ id, name, token, room }: CredentialData): string {
    this.#kept = { id, name, token };
    for (const storage of STORAGES) {
      try {
        storage().setItem(this.#key, JSON.stringify(this.#kept));
      } catch {
        // Storage is off: a reload is then another participant.
      }
    }
    return this.#told(token, room);
  }

  #told(token: string, room?: RoomData): string {
    this.#identity.onToken?.(token, room);
    return token;
  }

  /** Another name is another person at the same computer. */
  #load(): Kept | undefined {
    for (const storage of STORAGES) {
      try {
        const kept: Kept | null = JSON.parse(storage().getItem(this.#key) ?? "null");
        if (kept?.name === this.#identity.name) return kept;
      } catch {
        // Storage is off, or somebody else wrote there.
      }
    }
    return undefined;
  }

  get #key(): string {
    return keyOf(this.#identity.server, this.#identity.meeting);
  }
}

/** Whoever joins here next is somebody else. Other tabs stay who they are. */
export function forgetCandidate(server: string, meeting: string): void {
  for (const storage of STORAGES) {
    try {
      storage().removeItem(keyOf(server, meeting));
    } catch {
      // Storage is off: nothing was kept.
    }
  }
}

function keyOf(server: string, meeting: string): string {
  return `undertone.candidate.${server}.${meeting}`;
}
