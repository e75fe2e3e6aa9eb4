"""What a candidate's connection asks of its shell, and what the shell brings it: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from undertone.core.errors import RemoteFault
from undertone.core.messages import Message, StreamHello
from undertone.core.window import Resume, WindowClosed


@dataclass(frozen=True, slots=True)
class Open:
    """Check the credential, take the stream over, and call `opened`, `already_finished` or `stop`."""

    hello: StreamHello


@dataclass(frozen=True, slots=True)
class CheckToken:
    """Check a renewed token; call `refreshed` or `stop`."""

    token: str


@dataclass(frozen=True, slots=True)
class Send:
    message: Message


@dataclass(frozen=True, slots=True)
class ReportMissing:
    """Sound was lost: what the proctors are told, in the transaction that remembers it."""

    start_ms: int
    lost_ms: int


@dataclass(frozen=True, slots=True)
class StoreWindow:
    """Make the window durable, then call `window_stored`. In order, one at a time."""

    window: WindowClosed
    anchor_ms: int  # wall clock at media time 0
    credit_ms: int
    credit_at_ms: int
    missing: ReportMissing | None = None  # what was lost behind it: told in the same transaction


@dataclass(frozen=True, slots=True)
class KeepGap:
    """A gap before the window's first frame: remember it and tell it, in one transaction."""

    resume: Resume
    anchor_ms: int | None
    credit_ms: int
    credit_at_ms: int
    missing: ReportMissing | None


@dataclass(frozen=True, slots=True)
class KeepAnchor:
    """The stream was anchored anew: remember where and tell what was lost, in one transaction."""

    anchor_ms: int
    missing: ReportMissing


@dataclass(frozen=True, slots=True)
class FinishStream:
    """All windows are stored: end the stream, then call `stream_finished`."""

    total_bytes: int


@dataclass(frozen=True, slots=True)
class LeavePart:
    """Keep the open window's bytes and give the stream up, then call `part_left`. After all windows."""

    resume: Resume
    data: bytes
    anchor_ms: int | None
    credit_ms: int
    credit_at_ms: int


@dataclass(frozen=True, slots=True)
class MarkDegraded:
    """No audio for 5 s."""


@dataclass(frozen=True, slots=True)
class MarkStreaming:
    """Audio again."""


@dataclass(frozen=True, slots=True)
class End:
    """Close the socket: told this fault, or with 1000. The last action that touches it."""

    fault: RemoteFault | None


Action: TypeAlias = (
    Open
    | CheckToken
    | Send
    | StoreWindow
    | KeepGap
    | KeepAnchor
    | FinishStream
    | LeavePart
    | MarkDegraded
    | MarkStreaming
    | End
)


@dataclass(frozen=True, slots=True)
class Opening:
    """What the store knows of the stream that a hello opens."""

    stream: int
    resume: Resume
    part: bytes
    anchor_ms: int | None
    created_ms: int  # of the participant: nothing was recorded before
    credit_ms: int | None
    credit_at_ms: int
    expires_ms: int  # when the token ends
    ended_ms: int | None = None  # of the meeting, if it has ended: what was recorded before may still come
