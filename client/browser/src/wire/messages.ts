// Written by `python docs/generate.py` from server/undertone/core; a test compares.

export const STREAM_PROTOCOL = "undertone.stream.v1";

export const CHANNEL_PROTOCOL = "undertone.channel.v1";

export const MAX_MESSAGE_BYTES = 65536;

export const TICK_EVERY_MS = 15000;

export const EXPIRING_BEFORE_MS = 60000;

export const FIRST_RETRY = 4000;

export const FIRST_FINAL = 4500;

/** Close codes below 4000 after which a client does not try again. */
export const FINAL_BELOW_4000: readonly number[] = [1000, 1003, 1007, 1008, 1009];

export const CLOSE_CODES = {
  4000: "draining", // this node is going away; another one, or its successor, takes over
  4001: "overloaded", // too many sockets, or too much work waiting
  4002: "unavailable", // the clip store, the database or the room provider is away
  4003: "fell_behind", // the subscriber reads more slowly than events come; resume by id
  4004: "rate_limited", // a limit was reached; which one is in `detail`
  4005: "hello_timeout", // no `hello` within 5 s
  4006: "token_expired", // renew the token first; a wrong signature is 4501
  4007: "format_changed", // sample rate, MPEG version or channels changed: say hello without `stream`
  4500: "bad_message", // not JSON, wrong shape, wrong order, or an unknown type
  4501: "unauthorized", // no valid credential
  4502: "forbidden", // a valid credential, for something else
  4503: "unsupported_version", // the subprotocol offered is not spoken here
  4504: "bad_audio", // 64 KiB without two agreeing frame headers, Layer I or II, or free format
  4506: "taken_over", // a newer connection owns the candidate
  4507: "meeting_ended", // the meeting has ended
  4508: "revoked", // the participant or proctor was revoked
  4509: "not_found", // an unknown or ill-formed meeting, participant or stream
} as const;

export type ErrorCode = (typeof CLOSE_CODES)[keyof typeof CLOSE_CODES];

export type Outcome = "clean" | "failed" | "multiple_voices" | "silent" | "unclear" | "voice_changed";

/** What the candidate means to send. A hint: the frames decide. */
export interface AudioFormat {
  codec?: string;
  sample_rate?: number;
  bitrate?: number;
}

/** The last event a proctor has: the epoch it counts in, and its id. */
export interface Cursor {
  epoch: string;
  id: number;
}

/** A candidate in a snapshot. `windows` are [stream, number, start_at, duration_ms, outcome|null]. `reason` is why the state is what it is, `last_reason` why the last outcome is. */
export interface Candidate {
  id: string;
  name: string;
  external_id?: string;
  state: string;
  reason?: string;
  stream?: number;
  expected_voices: number;
  last_outcome?: "clean" | "failed" | "multiple_voices" | "silent" | "unclear" | "voice_changed";
  last_reason?: string;
  anomalies: number;
  windows: ([number, number, string, number, "clean" | "failed" | "multiple_voices" | "silent" | "unclear" | "voice_changed" | null])[];
}

/** The participant an event is about. */
export interface Person {
  id: string;
  name: string;
}

/** What a proctor should look at. Sent whole each time it changes. */
export interface Anomaly {
  id: string;
  kind: "multiple_voices" | "voice_changed";
  state: "confirmed" | "dismissed" | "open";
  participant: Person;
  opened_at: string;
  last_at: string;
  count: number;
  summary: string;
  evidence: Evidence[];
  review?: ReviewGiven;
}

/** One window of an anomaly. `turns` count from the window's start, after `lead_in_ms` of the clip. */
export interface Evidence {
  clip: string;
  lead_in_ms: number;
  start_at: string;
  duration_ms: number;
  voices: number;
  other_ms: number;
  confidence: number;
  turns: [number, number, number][];
}

/** The last decision on an anomaly, and whose it was. */
export interface ReviewGiven {
  decision: "confirmed" | "dismissed" | "open";
  by: string;
  at: string;
  note?: string;
}

/** First message. Without `stream` the participant's next stream begins; with it that one is resumed. */
export interface StreamHello {
  type: "hello";
  token?: string;
  stream?: number;
  buffered_from?: number;
  format?: AudioFormat;
}

/** At byte `offset` the stream has lost `lost_ms` in all so far (cumulative). */
export interface Gap {
  type: "gap";
  offset: number;
  lost_ms: number;
}

/** The recording is over: flush the last, shorter window. */
export interface Finish {
  type: "finish";
}

/** A renewed token for a socket whose own is about to end. */
export interface Refresh {
  type: "refresh";
  token: string;
}

/** Send from byte `offset` on; `held` is how far the server has the stream. */
export interface StreamReady {
  type: "ready";
  stream: number;
  offset: number;
  held: number;
  window_ms: number;
  max_message_bytes: number;
}

/** Everything before byte `offset` is durable: forget it. One a window, in order. */
export interface Stored {
  type: "stored";
  offset: number;
  window: number;
}

/** The whole stream is durable: `offset` bytes in `windows` windows. Close 1000 follows. */
export interface Finished {
  type: "finished";
  offset: number;
  windows: number;
}

/** The token ends at `at`: send `refresh` with a new one. */
export interface Expiring {
  type: "expiring";
  at: string;
}

/** What was wrong and what would be right. Comes before every close from 4000 up. */
export interface Error {
  type: "error";
  code: string;
  detail: string;
  retry_after_ms?: number;
}

/** First message. Exactly one of `admin_id` and `token`. */
export interface ChannelHello {
  type: "hello";
  meeting: string;
  admin_id?: string;
  token?: string;
  name?: string;
  after?: Cursor;
}

/** A proctor's decision. `key` is the client's UUID: a repeat gets the first answer again. */
export interface Review {
  type: "review";
  key: string;
  anomaly: string;
  decision: "confirmed" | "dismissed" | "open";
  note?: string;
}

/** `recovered`: the events after the cursor follow. Otherwise the snapshot as of `last_id` is in here. */
export interface ChannelReady {
  type: "ready";
  meeting: string;
  epoch: string;
  recovered: boolean;
  last_id: number;
  candidates?: Candidate[];
  anomalies?: Anomaly[];
}

/** One numbered entry of the channel. The fields of its kind stand beside these. */
export interface EventMessage {
  type: "event";
  id: number;
  kind: string;
  at: string;
  participant?: Person;
}

/** Every 15 s: a client whose last event is older than `last_id` knows that it is behind. */
export interface Tick {
  type: "tick";
  last_id: number;
}

/** A candidate joined, or is welcome again. */
export interface CandidateJoined {
  stream?: number;
  reason?: string;
  external_id?: string;
}

/** A candidate's state changed: streaming, degraded, silent, lost, finished, revoked. */
export interface CandidateMoved {
  stream?: number;
  reason?: string;
}

/** How many voices are expected was changed. */
export interface CandidateChanged {
  expected_voices: number;
}

/** From `start_ms` of the stream's media time, `lost_ms` of sound never reached the server. */
export interface AudioMissing {
  stream: number;
  start_ms: number;
  lost_ms: number;
}

/** A window is durable; its verdict follows. */
export interface WindowStored {
  stream: number;
  window: number;
  start_at: string;
  duration_ms: number;
}

/** A window's verdict. `confidence`, 0 to 1, is how sure the verdict is of what it says. */
export interface WindowJudged {
  stream: number;
  window: number;
  start_at: string;
  duration_ms: number;
  outcome: "clean" | "failed" | "multiple_voices" | "silent" | "unclear" | "voice_changed";
  voices: number;
  confidence: number;
  reason?: string;
}

/** An anomaly was opened, grew, or was reviewed. */
export interface AnomalyMoved {
  anomaly: Anomaly;
}

/** The meeting has ended: nothing but late windows and reviews follows. */
export type MeetingEnded = Record<never, never>;

/** What each kind of event carries besides the participant. */
export interface EventBodies {
  candidate_joined: CandidateJoined;
  candidate_streaming: CandidateMoved;
  candidate_degraded: CandidateMoved;
  candidate_silent: CandidateMoved;
  candidate_lost: CandidateMoved;
  candidate_finished: CandidateMoved;
  candidate_revoked: CandidateMoved;
  candidate_changed: CandidateChanged;
  audio_missing: AudioMissing;
  window_stored: WindowStored;
  window_judged: WindowJudged;
  anomaly_opened: AnomalyMoved;
  anomaly_grew: AnomalyMoved;
  anomaly_reviewed: AnomalyMoved;
  meeting_ended: MeetingEnded;
}

export type EventKind = keyof EventBodies;

/** One numbered entry of the channel. Kinds unknown to this version may come; they have an id too. */
export type ChannelEvent = {
  [K in EventKind]: Omit<EventMessage, "kind"> & { kind: K } & EventBodies[K];
}[EventKind];

export type FromCandidate = StreamHello | Gap | Finish | Refresh;

export type ToCandidate = StreamReady | Stored | Finished | Expiring | Error;

export type FromProctor = ChannelHello | Review | Refresh;

export type ToProctor = ChannelReady | ChannelEvent | Tick | Expiring | Error;

/** `POST /meetings` */
export interface CreateMeeting {
  title: string;
}

/** Both secrets are said here and never again: only their hashes are kept. */
export interface MeetingCreated {
  success: true;
  data: MeetingData;
  admin_id: string;
  join_secret: string;
}

/** A meeting as its creator sees it. `room` is there if it has one. */
export interface MeetingData {
  id: string;
  title: string;
  created_at: string;
  ended_at?: string;
  room?: RoomKind;
}

/** Whose video room a meeting has. `local` meetings have none. */
export interface RoomKind {
  provider: string;
}

/** `GET /meetings/{id}`: what its pages say above everything else. */
export interface MeetingFound {
  success: true;
  data: MeetingData;
}

/** Newest first. `next` is the `before` of the next page, null on the last. */
export interface MeetingList {
  success: true;
  data: MeetingData[];
  next?: string;
}

/** `POST /meetings/{id}/participants`. `expected_voices` takes more than the `join_secret`. */
export interface CreateParticipant {
  name: string;
  external_id?: string;
  expected_voices?: number;
}

/** `PATCH /meetings/{id}/participants/{participant}`: what is absent stays as it is. */
export interface ChangeParticipant {
  expected_voices?: number;
  revoked?: boolean;
}

/** A participant as `PATCH` answers it. */
export interface ParticipantData {
  id: string;
  name: string;
  external_id?: string;
  expected_voices: number;
  revoked: boolean;
  state: string;
}

/** `POST /meetings/{id}/participants/{participant}/token`: the candidate's previous token; it may have expired. */
export interface RenewToken {
  token: string;
}

/** `POST /meetings/{id}/proctors` */
export interface CreateProctor {
  name: string;
}

/** `PATCH /meetings/{id}/proctors/{proctor}`. Revoking takes ids too that nobody was invited under: a backend that mints its own tokens revokes them so. */
export interface ChangeProctor {
  revoked?: boolean;
}

/** A proctor as `PATCH` answers it. One that nobody invited is called by its id. */
export interface ProctorData {
  id: string;
  name: string;
  revoked: boolean;
}

/** The answer to joining, to inviting a proctor and to renewing a token. */
export interface CredentialIssued {
  success: true;
  data: CredentialData;
}

/** A participant or proctor and the token to connect with. `room` is there if the meeting has one. */
export interface CredentialData {
  id: string;
  name: string;
  token: string;
  expires_at: string;
  room?: RoomData;
}

/** What a front end needs to enter the meeting's video room: `server`, and the provider's `token` for the one whom it knows as `id`. Without a token the provider could not be asked, and `missing` says so, to proctors with the reason: the exam goes on, and `POST /meetings/{id}/room` asks again later. */
export interface RoomData {
  provider: string;
  id?: string;
  token?: string;
  server?: string;
  missing?: string;
  retry_after_ms?: number;
}

/** `POST /meetings/{id}/room`. `name` and `key` are for whoever shows the `admin_id`, which names nobody: what the others see, and an id of the tab's own choice, so that asking again enters nobody twice. */
export interface EnterRoom {
  name?: string;
  key?: string;
}

/** The answer to `POST /meetings/{id}/room`. */
export interface RoomEntered {
  success: true;
  data: RoomData;
}

/** `GET /meetings/{id}/events`; beside these stands `events`: the `event` messages of the channel, oldest first. */
export interface EventsHead {
  epoch: string;
  last_id: number;
  recovered: boolean;
}

/** Newest first. */
export interface AnomalyList {
  anomalies: Anomaly[];
}

/** `POST /meetings/{id}/anomalies/{anomaly}/review`. `key` is the client's UUID: a repeat changes nothing. */
export interface GiveReview {
  key: string;
  decision: "confirmed" | "dismissed" | "open";
  note?: string;
}

/** Plays the clip without a header until `expires_at`. */
export interface LinkIssued {
  url: string;
  expires_at: string;
}

/** RFC 9457 `application/problem+json`. `code` is as in the table of close codes, `detail` says what is right. */
export interface Problem {
  type?: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  retry_after_ms?: number;
}
