"""A meeting's rows as the sockets leave them, for tests of the queue and the sweepers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from undertone.core.verdict import Diarization, Turn
from undertone.store.clips import clip_id, clip_object
from undertone.store.database import Database

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)

ONE_VOICE = Diarization(turns=(Turn(0, 40_000, 0),), engine="test", probabilities={}, profile=b"voice")
TWO_VOICES = Diarization(
    turns=(Turn(0, 30_000, 0), Turn(32_000, 36_000, 1)), engine="test", probabilities={1: 0.87}, profile=b"voice"
)
SOMEBODY_ELSE = Diarization(
    turns=(Turn(5_000, 17_000, 0),), engine="test", probabilities={}, changed=0.91, profile=b"voice"
)
NO_SOUND = Diarization(turns=(), engine="test", silent=True)
NOISE = Diarization(turns=(), engine="test", probabilities={}, unclear="too much noise")

MEETING = """
insert into meetings (meeting, title, admin_hash, join_hash, epoch) values (:meeting, 'exam', '', '', 'epoch')
on conflict do nothing
"""
PARTICIPANT = """
insert into participants (meeting, participant, name, expected_voices, state, streams)
values (:meeting, :participant, :name, :expected_voices, :state, 1)
"""
STREAM = """
insert into streams (meeting, participant, stream) values (:meeting, :participant, :stream) on conflict do nothing
"""
NEWEST = """
update participants set streams = greatest(streams, :stream)
where meeting = :meeting and participant = :participant
"""
WINDOW = """
insert into windows (meeting, participant, stream, number, start_ms, duration_ms, start_at, clip, clip_bytes,
                     fingerprint, sample_rate, samples, lead_in_samples)
values (:meeting, :participant, :stream, :number, :start_ms, 60000, :start_at, :clip, :clip_bytes, '', :sample_rate,
        :samples, :lead_in_samples)
"""
WINDOW_ROW = """
select * from windows
where meeting = :meeting and participant = :participant and stream = :stream and number = :number
"""
EVENTS = "select id, kind, participant, name, body from events where meeting = :meeting order by id"


@dataclass(frozen=True, slots=True)
class Exam:
    """Fills one database. `moved` collects the meetings that the code under test said had moved."""

    database: Database
    moved: list[str] = field(default_factory=list)

    async def meeting(self, meeting: str = "m") -> None:
        await self.database.execute(MEETING, {"meeting": meeting})

    async def candidate(
        self, participant: str = "ada", meeting: str = "m", *, state: str = "streaming", expected_voices: int = 1
    ) -> None:
        await self.meeting(meeting)
        values = {"meeting": meeting, "participant": participant, "name": participant.title()}
        await self.database.execute(PARTICIPANT, {**values, "state": state, "expected_voices": expected_voices})

    async def window(
        self,
        number: int,
        participant: str = "ada",
        meeting: str = "m",
        *,
        stream: int = 1,
        sample_rate: int = 48_000,
        samples: int = 2_880_000,
        lead_in_samples: int = 2_304,
        clip_bytes: int = 480_000,
    ) -> str:
        """Stores a window that waits; returns its clip's object."""
        key = {"meeting": meeting, "participant": participant, "stream": stream}
        await self.database.execute(STREAM, key)
        await self.database.execute(NEWEST, key)
        clip = clip_id(participant, stream, number)
        values = {
            **key,
            "number": number,
            "start_ms": number * 60_000,
            "start_at": START + timedelta(minutes=number),
            "clip": clip,
            "clip_bytes": clip_bytes,
            "sample_rate": sample_rate,
            "samples": samples,
            "lead_in_samples": lead_in_samples,
        }
        await self.database.execute(WINDOW, values)
        return clip_object(meeting, clip)

    async def row(
        self, number: int = 0, participant: str = "ada", meeting: str = "m", *, stream: int = 1
    ) -> dict[str, Any]:
        """A window's row."""
        key = {"meeting": meeting, "participant": participant, "stream": stream, "number": number}
        row = await self.database.fetch_one(WINDOW_ROW, key)
        assert row is not None
        return dict(row.items())

    async def events(self, meeting: str = "m") -> list[dict[str, Any]]:
        """A meeting's events, oldest first: id, kind, participant, name, and the kind's own fields."""
        told = []
        for row in await self.database.fetch_all(EVENTS, {"meeting": meeting}):
            body: dict[str, Any] = msgspec.json.decode(row["body"])
            told.append({**{name: row[name] for name in ("id", "kind", "participant", "name")}, **body})
        return told

    async def kinds(self, meeting: str = "m") -> list[str]:
        return [event["kind"] for event in await self.events(meeting)]

    async def value(self, query: str, **values: Any) -> Any:
        """The first column of the first row."""
        row = await self.database.fetch_one(query, values)
        return None if row is None else next(iter(row.values()))

    async def sql(self, query: str, **values: Any) -> None:
        await self.database.execute(query, values)


@asynccontextmanager
async def open_exam(url: str) -> AsyncIterator[Exam]:
    """An empty database to fill, closed at the end."""
    database = Database(url)
    await database.connect()
    try:
        yield Exam(database)
    finally:
        await database.close()
