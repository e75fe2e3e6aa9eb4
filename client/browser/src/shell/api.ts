/** The HTTP calls around a meeting: creating it, joining it, hearing its evidence, ending it. */

import type {
  Anomaly,
  AnomalyList,
  ChangeParticipant,
  ChangeProctor,
  ChannelEvent,
  CreateMeeting,
  CreateParticipant,
  CreateProctor,
  CredentialData,
  CredentialIssued,
  Cursor,
  EnterRoom,
  EventsHead,
  GiveReview,
  LinkIssued,
  MeetingCreated,
  MeetingData,
  MeetingFound,
  MeetingList,
  ParticipantData,
  Problem,
  ProctorData,
  RenewToken,
  Review,
  RoomData,
  RoomEntered,
} from "../wire/messages.ts";
import { httpUrl } from "./address.ts";
import { uuid } from "./uuid.ts";

const TIMEOUT_MS = 30_000;
// What passes by itself; every other refusal stays.
const PASSING_STATUSES = [0, 408, 429, 500, 502, 503, 504];

/**
 * A call that did not succeed. `code` is the server's (`unauthorized`, `rate_limited`, …), `unreadable` where the answer
 * was none of an Undertone server, and `unreachable` (status 0) where there was no answer.
 */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, code: string, detail: string, retryAfterMs?: number) {
    super(`${status} ${code}: ${detail}`);
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether asking again is of no use. */
  get final(): boolean {
    return !PASSING_STATUSES.includes(this.status);
  }
}

/** Events as `GET /meetings/{id}/events` gives them: oldest first. */
export interface EventsPage extends EventsHead {
  events: ChannelEvent[];
}

/** What a call may send along. */
interface Call {
  body?: object;
  query?: Readonly<Record<string, string | number | undefined>>;
}

/**
 * One server and one credential: an API key, a meeting's `admin_id` or `join_secret`, or a proctor's token, as the call
 * needs. Every call rejects with ApiError.
 */
export class Api {
  readonly #base: string;
  readonly #credential: string | undefined;

  /** Throws TypeError for a server that is no address. */
  constructor(server: string, credential?: string) {
    this.#base = httpUrl(server);
    this.#credential = credential;
  }

  /** A new meeting, with its `admin_id` and `join_secret`. By the API key, if the server has one. */
  createMeeting(title: string): Promise<MeetingCreated> {
    return this.#call("POST", ["meetings"], { body: { title } satisfies CreateMeeting });
  }

  /** Newest first; `before` is the `next` of an earlier answer. By the API key. */
  meetings(before?: string): Promise<MeetingList> {
    return this.#call("GET", ["meetings"], { query: { before } });
  }

  /** What a meeting is called, and whether it has ended. By whatever opens a door of it. */
  async meeting(meeting: string): Promise<MeetingData> {
    return (await this.#call<MeetingFound>("GET", ["meetings", meeting])).data;
  }

  /** A new candidate, by the `join_secret`, the `admin_id` or the API key. */
  async join(meeting: string, who: { name: string; externalId?: string }): Promise<CredentialData> {
    const { name, externalId } = who;
    const body: CreateParticipant = { name, ...(externalId !== undefined && { external_id: externalId }) };
    return (await this.#call<CredentialIssued>("POST", ["meetings", meeting, "participants"], { body })).data;
  }

  /** A fresh token for a candidate that shows its previous one, be it expired. By the `join_secret`. */
  async renew(meeting: string, participant: string, token: string): Promise<CredentialData> {
    const body: RenewToken = { token };
    const path = ["meetings", meeting, "participants", participant, "token"];
    return (await this.#call<CredentialIssued>("POST", path, { body })).data;
  }

  /** How many voices are expected of a candidate, and whether it is shut out. By the `admin_id` or the API key. */
  changeParticipant(meeting: string, participant: string, change: ChangeParticipant): Promise<ParticipantData> {
    return this.#call("PATCH", ["meetings", meeting, "participants", participant], { body: change });
  }

  /** A token for a further proctor. By the `admin_id` or the API key. */
  async inviteProctor(meeting: string, name: string): Promise<CredentialData> {
    const body: CreateProctor = { name };
    return (await this.#call<CredentialIssued>("POST", ["meetings", meeting, "proctors"], { body })).data;
  }

  /** Take a proctor's access away, or give it back. By the `admin_id` or the API key. */
  changeProctor(meeting: string, proctor: string, change: ChangeProctor): Promise<ProctorData> {
    return this.#call("PATCH", ["meetings", meeting, "proctors", proctor], { body: change });
  }

  /**
   * A way into the meeting's video room: for a candidate by its token, for a proctor by a token or the `admin_id`, which
   * names nobody and takes `who`. Without a `token` in it the provider could not be asked.
   */
  async enterRoom(meeting: string, who: EnterRoom = {}): Promise<RoomData> {
    return (await this.#call<RoomEntered>("POST", ["meetings", meeting, "room"], { body: who })).data;
  }

  /** What was found, newest first. By a proctor. */
  async anomalies(meeting: string): Promise<Anomaly[]> {
    return (await this.#call<AnomalyList>("GET", ["meetings", meeting, "anomalies"])).anomalies;
  }

  /** The events kept after `after`; all kept ones if that can't be gone on from (`recovered` is false). By a proctor. */
  events(meeting: string, after?: Cursor, limit?: number): Promise<EventsPage> {
    const query = { epoch: after?.epoch, after: after?.id, limit };
    return this.#call("GET", ["meetings", meeting, "events"], { query });
  }

  /** Decide on an anomaly where there is no channel; the same `key` again gets the first answer. By a proctor. */
  review(meeting: string, anomaly: string, review: Pick<Review, "decision" | "note">, key = uuid()): Promise<Anomaly> {
    const body: GiveReview = { key, ...review };
    return this.#call("POST", ["meetings", meeting, "anomalies", anomaly, "review"], { body });
  }

  /** An address that plays a clip without a header, for five minutes. By a proctor; it leaves a row in the audit trail. */
  async clipLink(meeting: string, clip: string): Promise<LinkIssued> {
    const link = await this.#call<LinkIssued>("POST", ["meetings", meeting, "clips", clip, "link"]);
    return { ...link, url: new URL(link.url, `${this.#base}/`).href };
  }

  /** The exam is over; proctors may still read. By the `admin_id` or the API key. */
  end(meeting: string): Promise<void> {
    return this.#call("POST", ["meetings", meeting, "end"]);
  }

  /** No row and no clip of it stays. By the `admin_id` or the API key. */
  remove(meeting: string): Promise<void> {
    return this.#call("DELETE", ["meetings", meeting]);
  }

  async #call<Answer>(method: string, path: readonly string[], { body, query }: Call = {}): Promise<Answer> {
    const url = new URL(`${this.#base}/${path.map(encodeURIComponent).join("/")}`);
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const headers: Record<string, string> = {};
    if (this.#credential !== undefined) headers.Authorization = `Bearer ${this.#credential}`;
    if (body) headers["Content-Type"] = "application/json";
    const request: RequestInit = { method, headers, signal: AbortSignal.timeout(TIMEOUT_MS) };
    if (body) request.body = JSON.stringify(body);
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, request);
      text = await response.text();
    } catch (error) {
      throw new ApiError(0, "unreachable", error instanceof Error ? error.message : String(error));
    }
    if (response.ok) return response.status === 204 ? (undefined as Answer) : parsed<Answer>(text, response.status);
    const problem = parsed<Partial<Problem>>(text, response.status);
    const { code = "unreadable", detail = response.statusText, retry_after_ms } = problem;
    throw new ApiError(response.status, code, detail, retry_after_ms);
  }
}

/** An object, as every answer with a body is. */
function parsed<Answer>(text: string, status: number): Answer {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === "object" && answer !== null) return answer as Answer;
  } catch {
    // said below
  }
  throw new ApiError(status, "unreadable", text.slice(0, 500));
}
