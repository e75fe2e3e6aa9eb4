"""What is to be run, and what the clients have seen: plain values that go from process to process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

SECONDS_A_WINDOW: Final = 60
# Candidates of a meeting; an exam room that one proctor looks after has some ten to fifty.
CANDIDATES_A_MEETING: Final = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. Seconds are of media time: with `speed` they pass so many times as fast."""

    candidates: int
    proctors: int
    meetings: int
    minutes: float  # between the last one's start and the kill
    together: bool  # all start within a second, and all their windows end in the same second
    speed: float = 1.0
    # Long enough that each candidate stores a window and more after the restart.
    after_s: float = 1.25 * SECONDS_A_WINDOW

    @property
    def starting_s(self) -> float:
        """Within so much time candidates start: over a window's length, their windows end evenly in time."""
        return 1.0 if self.together else float(SECONDS_A_WINDOW)

    @property
    def killed_after_s(self) -> float:
        """From the first one's start on."""
        return self.starting_s + self.minutes * 60

    @property
    def spoken_s(self) -> float:
        """What each candidate says in all."""
        return self.killed_after_s + self.after_s


@dataclass(frozen=True, slots=True)
class Seat:
    """A candidate: whose, and its token."""

    meeting: str
    participant: str
    token: str


@dataclass(frozen=True, slots=True)
class Post:
    """A proctor."""

    meeting: str
    admin_id: str


@dataclass(frozen=True, slots=True)
class Orders:
    """All that the process of the clients needs to know."""

    plan: Plan
    port: int
    seats: list[Seat]
    posts: list[Post]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to connect: when it began, by the monotonic clock, and what came of it: `refused` or `open`."""

    at: float
    who: str
    outcome: str


@dataclass(slots=True)
class CandidateSeen:
    """What one candidate was told. Times are of the monotonic clock, in seconds."""

    ready_at: list[float] = field(default_factory=list)  # of each connection
    caught_up_at: list[float] = field(default_factory=list)  # when everything spoken so far was sent, of each
    stored: dict[int, float] = field(default_factory=dict)  # window → when `stored` arrived
    began: float = 0.0
    finished: bool = False
    closes: list[int] = field(default_factory=list)  # the close code of each connection that ended
    wrong: list[str] = field(default_factory=list)


@dataclass(slots=True)
class ProctorSeen:
    """What one proctor was told."""

    ready_at: list[float] = field(default_factory=list)
    first_id: int = 1  # the one after its snapshot
    last_id: int = 0
    events: int = 0
    repeated: int = 0
    delays_s: list[float] = field(default_factory=list)  # from an event's `at` until it was here
    closes: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Status:
    """How the clients stand."""

    started: int
    live: int  # candidates with a connection that have sent everything spoken so far
    watching: int
    finished: int
    over: int  # candidates that will not try again without being finished


@dataclass(frozen=True, slots=True)
class Seen:
    """What they have all seen."""

    candidates: list[CandidateSeen]
    proctors: list[ProctorSeen]
    attempts: list[Attempt]
    message_s: float  # between two messages of a candidate, by the clock
    latest_s: float  # by how much the clients' own clock was late at worst
    cpu_s: float  # what they took themselves
