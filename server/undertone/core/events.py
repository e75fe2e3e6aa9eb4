"""The numbered entries of a meeting's channel: every kind, and the fields it carries besides the participant."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from undertone.core.errors import BadMessage

Outcome: TypeAlias = Literal["clean", "silent", "unclear", "multiple_voices", "voice_changed", "failed"]
AnomalyKind: TypeAlias = Literal["multiple_voices", "voice_changed"]
AnomalyState: TypeAlias = Literal["open", "confirmed", "dismissed"]


class Person(Struct, frozen=True):
    """The participant an event is about."""

    id: str
    name: str


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of what a kind of event carries."""


class CandidateMoved(Body, frozen=True):
    """A candidate's state changed: streaming, degraded, silent, lost, finished, revoked."""

    stream: int | None = None
    reason: str | None = None


class CandidateJoined(CandidateMoved, frozen=True):
    """A candidate joined, or is welcome again."""

    external_id: str | None = None


class CandidateChanged(Body, frozen=True):
    """How many voices are expected was changed."""

    expected_voices: int


class AudioMissing(Body, frozen=True):
    """From `start_ms` of the stream's media time, `lost_ms` of sound never reached the server."""

    stream: int
    start_ms: int
    lost_ms: int


class WindowStored(Body, frozen=True):
    """A window is durable; its verdict follows."""

    stream: int
    window: int
    start_at: str
    duration_ms: int


class WindowJudged(Body, frozen=True):
    """A window's verdict. `confidence`, 0 to 1, is how sure the verdict is of what it says."""

    stream: int
    window: int
    start_at: str
    duration_ms: int
    outcome: Outcome
    voices: int
    confidence: float
    reason: str | None = None


class Evidence(Struct, frozen=True, kw_only=True):
    """One window of an anomaly. `turns` count from the window's start, after `lead_in_ms` of the clip."""

    clip: str
    lead_in_ms: int
    start_at: str
    duration_ms: int
    voices: int
    other_ms: int
    confidence: float
    turns: list[tuple[int, int, int]]


class ReviewGiven(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last decision on an anomaly, and whose it was."""

    decision: AnomalyState
    by: str
    at: str
    note: str | None = None


class Anomaly(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a proctor should look at. Sent whole each time it changes."""

    id: str
    kind: AnomalyKind
    state: AnomalyState
    participant: Person
    opened_at: str
    last_at: str
    count: int
    summary: str
    evidence: list[Evidence]
    review: ReviewGiven | None = None


class AnomalyMoved(Body, frozen=True):
    """An anomaly was opened, grew, or was reviewed."""

    anomaly: Anomaly


class MeetingEnded(Body, frozen=True):
    """The meeting has ended: nothing but late windows and reviews follows."""


EVENT_KINDS: Final[dict[str, type[Body]]] = {
    "candidate_joined": CandidateJoined,
    "candidate_streaming": CandidateMoved,
    "candidate_degraded": CandidateMoved,
    "candidate_silent": CandidateMoved,
    "candidate_lost": CandidateMoved,
    "candidate_finished": CandidateMoved,
    "candidate_revoked": CandidateMoved,
    "candidate_changed": CandidateChanged,
    "audio_missing": AudioMissing,
    "window_stored": WindowStored,
    "window_judged": WindowJudged,
    "anomaly_opened": AnomalyMoved,
    "anomaly_grew": AnomalyMoved,
    "anomaly_reviewed": AnomalyMoved,
    "meeting_ended": MeetingEnded,
}


class Event(Struct, frozen=True, kw_only=True):
    """One entry of the channel as a client hands it on."""

    id: int
    kind: str
    at: str
    participant: Person | None
    body: Body | None  # None for a kind this version does not know


class _Envelope(Struct, frozen=True):
    id: int
    kind: str
    at: str
    participant: Person | None = None


_envelope = msgspec.json.Decoder(_Envelope)
_bodies = {kind: msgspec.json.Decoder(body) for kind, body in EVENT_KINDS.items()}


def decode_event(text: str | bytes) -> Event:
    """An `event` message whole, its kind's fields included. Raises BadMessage."""
    try:
        envelope = _envelope.decode(text)
        decoder = _bodies.get(envelope.kind)
        body = None if decoder is None else decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadMessage(f"not an event: {error}"[:500]) from None
    return Event(id=envelope.id, kind=envelope.kind, at=envelope.at, participant=envelope.participant, body=body)
