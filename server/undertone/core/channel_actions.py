"""What `core.channel` asks of the socket around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from undertone.core.errors import RemoteFault
from undertone.core.messages import ChannelHello, Refresh, Review


@dataclass(frozen=True, slots=True)
class Credential:
    """Whom the authority took a credential for, and when it ends: on the caller's clock, and as people read it."""

    id: str
    name: str
    ends: int | None = None
    ends_at: str | None = None


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Ask the authority about this hello or refresh; answer with `accepted`, or `close` with its fault."""

    ask: ChannelHello | Refresh


@dataclass(frozen=True, slots=True)
class Locate:
    """Subscribe to the meeting's live events, then read its epoch and counters; answer with `located`."""

    meeting: str


@dataclass(frozen=True, slots=True)
class TakeSnapshot:
    """Read the meeting's state as of one event id; answer with `snapshot`."""

    meeting: str


@dataclass(frozen=True, slots=True)
class Recover:
    """Read a page of the meeting's events after this id, none left out between; answer with `history` for each of
    them, as fast as the peer reads, then `history_ended`."""

    meeting: str
    after: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send this text. `id` is the event's, if it is one: an event is encoded once and shared by all subscribers."""

    text: str
    id: int = 0


@dataclass(frozen=True, slots=True)
class GiveReview:
    """Store this review, given by the proctor of this name; answer with `reviewed` or `review_failed`."""

    review: Review
    by: str


@dataclass(frozen=True, slots=True)
class Close:
    """Tell the fault and close."""

    fault: RemoteFault


Action: TypeAlias = Authenticate | Locate | TakeSnapshot | Recover | Send | GiveReview | Close
