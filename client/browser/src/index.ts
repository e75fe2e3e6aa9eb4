/** The SDK: what a page without the elements builds on. Importing it registers nothing and starts nothing. */

export { Backoff } from "./session/backoff.ts";
export { type AfterClose, type Fault, ServerFault } from "./session/base.ts";
export {
  type Answer,
  type ChannelOptions,
  ChannelSession,
  type ChannelState,
  type Happening,
} from "./session/channel.ts";
export { mayRetry } from "./session/close.ts";
export { BadAudio } from "./session/frames.ts";
export { KEEP_MS, Outbox } from "./session/outbox.ts";
export { LIMITS, type Limits } from "./session/pulse.ts";
export { type StreamOptions, StreamSession, type StreamState } from "./session/stream.ts";
export { Api, ApiError, type EventsPage } from "./shell/api.ts";
export { type CandidateOptions, CandidateStream } from "./shell/candidate.ts";
export { Link, type Linked, type LinkOptions, type LinkState, type Renew } from "./shell/link.ts";
export { ProctorChannel, type ProctorOptions, ReviewNotTaken } from "./shell/proctor.ts";
export type * from "./wire/messages.ts";
export { CHANNEL_PROTOCOL, CLOSE_CODES, STREAM_PROTOCOL } from "./wire/messages.ts";
