"""What the rows of `streams` mean to the core: owners, openings, resume points."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from undertone.core.events import Person
from undertone.core.mp3 import Format, Version
from undertone.core.stream_actions import KeepGap, LeavePart, Opening, StoreWindow
from undertone.core.window import Resume
from undertone.store.database import Row


@dataclass(frozen=True, slots=True)
class Owner:
    """The right to write one stream, as long as the participant's generation is this one."""

    meeting: str
    participant: str
    name: str
    stream: int
    generation: int

    @property
    def person(self) -> Person:
        return Person(id=self.participant, name=self.name)

    @property
    def key(self) -> dict[str, object]:
        return {"meeting": self.meeting, "participant": self.participant}


@dataclass(frozen=True, slots=True)
class Opened:
    owner: Owner
    opening: Opening
    now: datetime  # by the database's clock


@dataclass(frozen=True, slots=True)
class Held:
    """Who holds the candidate's line: a node's id, or nobody; and when the connection of who asked was accepted."""

    node: str | None
    generation: int
    accepted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlreadyFinished:
    total_bytes: int
    windows: int


def opening_of(stream: int, row: Row, part: bytes, found: Row, expires_ms: int) -> Opening:
    """How the stream in `row` begins, or goes on; `found` is its participant, with the database's `now`."""
    anchor = row["anchor_at"]
    return Opening(
        stream=stream,
        resume=resume_of(row),
        part=part,
        anchor_ms=None if anchor is None else millis(anchor),
        created_ms=millis(found["created_at"]),
        credit_ms=row["credit_ms"],
        credit_at_ms=millis(row["credit_at"] or found["now"]),
        expires_ms=expires_ms,
        ended_ms=None if found["ended_at"] is None else millis(found["ended_at"]),
    )


def resume_of(row: Row) -> Resume:
    """The resume point that a stream's row keeps."""
    known = row["sample_rate"] is not None
    return Resume(
        offset=row["resume_offset"],
        samples=row["resume_samples"],
        format=Format(Version(row["mpeg_version"]), row["sample_rate"], row["channels"]) if known else None,
        window=row["next_window"],
        start=row["next_start"],
        lost_ms=row["lost_ms"],
    )


def resume_values(resume: Resume) -> dict[str, object]:
    """A resume point as the stream's row keeps it."""
    kept = resume.format
    return {
        "offset": resume.offset,
        "resume_samples": resume.samples,
        "mpeg_version": None if kept is None else kept.version.value,
        "sample_rate": None if kept is None else kept.sample_rate,
        "channels": None if kept is None else kept.channels,
        "next_window": resume.window,
        "next_start": resume.start,
        "lost_ms": resume.lost_ms,
    }


def pace_values(action: StoreWindow | KeepGap | LeavePart) -> dict[str, object]:
    """Anchor and credit as the stream's row keeps them."""
    return {
        "anchor_at": None if action.anchor_ms is None else moment(action.anchor_ms),
        "credit_ms": action.credit_ms,
        "credit_at": moment(action.credit_at_ms),
    }


def pick(values: dict[str, object], *names: str) -> dict[str, object]:
    """The owner's key and the named values: `databases` refuses values that a statement does not use."""
    return {name: values[name] for name in ("meeting", "participant", *names)}


def moment(at_ms: int) -> datetime:
    """Unix milliseconds as a time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def millis(at: datetime) -> int:
    """A time as Unix milliseconds."""
    return round(at.timestamp() * 1000)
