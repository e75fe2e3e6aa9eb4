"""Every message of the two WebSockets: the one place of their shapes.

The protocol document and the clients' types are generated from these structs. Text messages are JSON objects tagged by
`type`; absent fields have their default. Integers for all times: `_ms` are milliseconds; `_at` are RFC 3339 UTC strings
with milliseconds, by the database's clock. `decode_*` raise `BadMessage` and nothing else.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from undertone.core.errors import BadMessage, RemoteFault
from undertone.core.events import Anomaly, Outcome, Person

STREAM_PROTOCOL: Final = "undertone.stream.v1"
CHANNEL_PROTOCOL: Final = "undertone.channel.v1"

MAX_MESSAGE_BYTES: Final = 64 * 1024  # of one binary or text message: 8 s of audio at 64 kbit/s, 1/15 of a window
HELLO_WITHIN_MS: Final = 5_000
TICK_EVERY_MS: Final = 15_000
EXPIRING_BEFORE_MS: Final = 60_000

# JSON numbers are exact up to 2^53 - 1 in every client (RFC 8259 section 6).
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
# Offsets stay below 2^50 bytes, so that sums of them stay exact: a million years of audio.
Offset = Annotated[int, Meta(ge=0, le=2**50)]
StreamNumber = Annotated[int, Meta(ge=1, le=2**31 - 1)]
# A stream can't have lost more than a week: longer than any exam, and it bounds every date computed from it.
LostMs = Annotated[int, Meta(ge=0, le=7 * 86_400_000)]
Token = Annotated[str, Meta(max_length=4096)]
Id = Annotated[str, Meta(max_length=200)]
# PostgreSQL's text holds every character but NUL.
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Note = Annotated[str, Meta(max_length=2000, pattern=r"^[^\x00]*$")]
Key = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_-]{1,64}$")]


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Base of all text messages; the tag `type` says which one it is."""


class AudioFormat(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the candidate means to send. A hint: the frames decide."""

    codec: str = "mp3"
    sample_rate: Count | None = None
    bitrate: Count | None = None


# --- candidate → server


class StreamHello(Message, frozen=True, tag="hello"):
    """First message. Without `stream` the participant's next stream begins; with it that one is resumed."""

    token: Token = ""  # without one nobody is let in: `unauthorized`, not a wrong shape
    stream: Annotated[int, Meta(ge=-(2**53), le=2**53)] | None = None  # one that can't exist is `not_found`
    buffered_from: Offset | None = None
    format: AudioFormat | None = None


class Gap(Message, frozen=True, tag="gap"):
    """At byte `offset` the stream has lost `lost_ms` in all so far (cumulative)."""

    offset: Offset
    lost_ms: LostMs


class Finish(Message, frozen=True, tag="finish"):
    """The recording is over: flush the last, shorter window."""


# --- either → server


class Refresh(Message, frozen=True, tag="refresh"):
    """A renewed token for a socket whose own is about to end."""

    token: Token


# --- server → candidate


class StreamReady(Message, frozen=True, tag="ready"):
    """Send from byte `offset` on; `held` is how far the server has the stream."""

    stream: StreamNumber
    offset: Offset
    held: Offset
    window_ms: Count
    max_message_bytes: Count


class Stored(Message, frozen=True, tag="stored"):
    """Everything before byte `offset` is durable: forget it. One a window, in order."""

    offset: Offset
    window: Count


class Finished(Message, frozen=True, tag="finished"):
    """The whole stream is durable: `offset` bytes in `windows` windows. Close 1000 follows."""

    offset: Offset
    windows: Count


# --- server → either


class Expiring(Message, frozen=True, tag="expiring"):
    """The token ends at `at`: send `refresh` with a new one."""

    at: str


class Error(Message, frozen=True, tag="error"):
    """What was wrong and what would be right. Comes before every close from 4000 up."""

    code: str
    detail: str
    retry_after_ms: Count | None = None


# --- proctor → server


class Cursor(Struct, frozen=True, kw_only=True):
    """The last event a proctor has: the epoch it counts in, and its id."""

    epoch: Annotated[str, Meta(max_length=64)]
    id: Count


class ChannelHello(Message, frozen=True, tag="hello"):
    """First message. Exactly one of `admin_id` and `token`."""

    meeting: Id
    admin_id: Token | None = None
    token: Token | None = None
    name: Name | None = None
    after: Cursor | None = None


class Review(Message, frozen=True, tag="review"):
    """A proctor's decision. `key` is the client's UUID: a repeat gets the first answer again."""

    key: Key
    anomaly: Id
    decision: Literal["confirmed", "dismissed", "open"]
    note: Note | None = None


# --- server → proctor


class Candidate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A candidate in a snapshot. `windows` are [stream, number, start_at, duration_ms, outcome|null].

    `reason` is why the state is what it is, `last_reason` why the last outcome is.
    """

    id: str
    name: str
    external_id: str | None = None
    state: str
    reason: str | None = None
    stream: int | None = None
    expected_voices: int
    last_outcome: Outcome | None = None
    last_reason: str | None = None
    anomalies: int
    windows: list[tuple[int, int, str, int, Outcome | None]]


class ChannelReady(Message, frozen=True, tag="ready"):
    """`recovered`: the events after the cursor follow. Otherwise the snapshot as of `last_id` is in here."""

    meeting: str
    epoch: str
    recovered: bool
    last_id: Count
    candidates: list[Candidate] | None = None
    anomalies: list[Anomaly] | None = None


class EventMessage(Message, frozen=True, tag="event"):
    """One numbered entry of the channel. The fields of its kind stand beside these."""

    id: Count
    kind: str
    at: str
    participant: Person | None = None


class Tick(Message, frozen=True, tag="tick"):
    """Every 15 s: a client whose last event is older than `last_id` knows that it is behind."""

    last_id: Count


FROM_CANDIDATE: Final[tuple[type[Message], ...]] = (StreamHello, Gap, Finish, Refresh)
TO_CANDIDATE: Final[tuple[type[Message], ...]] = (StreamReady, Stored, Finished, Expiring, Error)
FROM_PROCTOR: Final[tuple[type[Message], ...]] = (ChannelHello, Review, Refresh)
TO_PROCTOR: Final[tuple[type[Message], ...]] = (ChannelReady, EventMessage, Tick, Expiring, Error)

FromCandidate = StreamHello | Gap | Finish | Refresh
ToCandidate = StreamReady | Stored | Finished | Expiring | Error
FromProctor = ChannelHello | Review | Refresh
ToProctor = ChannelReady | EventMessage | Tick | Expiring | Error

_encoder = msgspec.json.Encoder()
_anything: msgspec.json.Decoder[object] = msgspec.json.Decoder()
_from_candidate: msgspec.json.Decoder[FromCandidate] = msgspec.json.Decoder(FromCandidate)
_to_candidate: msgspec.json.Decoder[ToCandidate] = msgspec.json.Decoder(ToCandidate)
_from_proctor: msgspec.json.Decoder[FromProctor] = msgspec.json.Decoder(FromProctor)
_to_proctor: msgspec.json.Decoder[ToProctor] = msgspec.json.Decoder(ToProctor)


def encode(message: Message) -> str:
    """The message as it goes on the wire."""
    return _encoder.encode(message).decode()


def error_message(fault: RemoteFault) -> Error:
    """The `error` that precedes the fault's close."""
    return Error(code=fault.code, detail=fault.detail, retry_after_ms=fault.retry_after_ms)


_T = TypeVar("_T")


class _Tag(Struct, frozen=True):
    type: str


_tag = msgspec.json.Decoder(_Tag)


def _decode(decoder: msgspec.json.Decoder[_T], text: str | bytes) -> _T:
    """RecursionError: msgspec's answer to JSON nested beyond the interpreter's limit."""
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadMessage(f"not a message of this protocol: {error}"[:500]) from None


def decode_from_candidate(text: str | bytes) -> FromCandidate:
    """A candidate's text message. Unknown fields are ignored: newer clients may send more."""
    try:
        return _decode(_from_candidate, text)
    except BadMessage:
        # The format is a hint, and a hint of another shape is none.
        content = _decode(_anything, text)
        if not isinstance(content, dict) or content.pop("format", None) is None:
            raise
    return _decode(_from_candidate, msgspec.json.encode(content))


def decode_from_proctor(text: str | bytes) -> FromProctor:
    """A proctor's text message."""
    return _decode(_from_proctor, text)


def is_review(text: str | bytes) -> bool:
    """Whether a text that could not be decoded was meant as a review: it is answered, and closes nothing."""
    try:
        return _tag.decode(text).type == Review.__struct_config__.tag
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False


def decode_to_candidate(text: str | bytes) -> ToCandidate:
    """What a candidate's client receives."""
    return _decode(_to_candidate, text)


def decode_to_proctor(text: str | bytes) -> ToProctor:
    """What a proctor's client receives. An event's own fields: `events.decode_event`."""
    return _decode(_to_proctor, text)
