"""What an audit compares: what went over the wire, all rows of the database, and the objects of the clip store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import asyncpg

from tests.end_to_end.auditing.expected import Piece
from undertone.core.events import Event
from undertone.store.clips import ALL_CLIPS

Row = dict[str, Any]
StreamKey = tuple[str, str, int]  # meeting, participant, stream

TABLES: Final = ("meetings", "participants", "streams", "parts", "windows", "anomalies", "events", "deletions")


class Finding(NamedTuple):
    """Something that does not hold. `name` is what tests ask for, `sentence` what a person reads."""

    name: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.name}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Sent:
    """One stream of one candidate: its bytes, and what the server answered.

    What a gap skipped is in no piece. `acknowledged` is the highest `stored.offset`; `finished` is the answer to
    `finish`: offset and windows.
    """

    meeting: str
    participant: str
    stream: int
    pieces: Sequence[Piece]
    acknowledged: int = 0
    finished: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """What one proctor was told after event `after`, in the order of arrival, to the end of the run.

    Where a snapshot came in place of events, the rest is another one: `after` is what the snapshot stood for, and
    `until` of the one before is the last event that it can have got.
    """

    meeting: str
    proctor: str
    after: int
    events: Sequence[Event]
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Object:
    """A file of the clip store."""

    name: str
    path: Path
    modified_at: float  # Unix time


@dataclass
class Book:
    """All rows of one moment, and the objects of a moment later."""

    meetings: list[Row]
    participants: list[Row]
    streams: list[Row]
    parts: list[Row]
    windows: list[Row]
    anomalies: list[Row]
    events: list[Row]
    deletions: list[Row]
    now: datetime  # by the database's clock
    objects: dict[str, Object]

    def __post_init__(self) -> None:
        self.windows_of: dict[StreamKey, list[Row]] = defaultdict(list)
        for row in self.windows:
            self.windows_of[stream_key(row)].append(row)
        self.events_of: dict[str, list[Row]] = defaultdict(list)
        for row in self.events:
            self.events_of[row["meeting"]].append(row)


async def read_book(database_url: str, data: Path, meeting: str | None = None) -> Book:
    """Of one meeting, or of all. `data` is the folder that holds `clips`."""
    rows: dict[str, list[Row]] = {}
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction(isolation="repeatable_read"):
            for table in TABLES:
                # Keys begin with the meeting, and streams, windows and events are numbered.
                found = await connection.fetch(
                    f"select * from {table} where meeting = $1 or $1 is null order by {table}", meeting
                )
                rows[table] = [dict(row) for row in found]
            now = await connection.fetchval("select clock_timestamp()")
    finally:
        await connection.close()
    files = [path for path in (data / ALL_CLIPS / (meeting or "")).rglob("*") if path.is_file()]
    objects = [Object(path.relative_to(data).as_posix(), path, path.stat().st_mtime) for path in files]
    return Book(**rows, now=now, objects={each.name: each for each in objects})


def stream_key(row: Row) -> StreamKey:
    """Of a stream's row, a window's or a part's."""
    return row["meeting"], row["participant"], row["stream"]


def named(row: Row) -> str:
    """A window in words."""
    return f"window {row['number']} of stream {row['stream']} of {row['participant']} in {row['meeting']}"
