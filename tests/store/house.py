"""What the tests of the store share: the stores, what they told, and rows that other parts write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson

from undertone.core.events import Anomaly, CandidateMoved, Evidence, Person
from undertone.store.database import Database, Row
from undertone.store.events import Events, NewEvent, append
from undertone.store.meetings import Meetings
from undertone.store.participants import Participants
from undertone.store.reviews import Reviews

ANN = Person(id="ann", name="Ann")

STREAM = """
insert into streams (meeting, participant, stream) values (:meeting, :participant, 1) on conflict do nothing
"""

WINDOW = """
insert into windows (meeting, participant, stream, number, start_ms, duration_ms, start_at, clip, clip_bytes,
                     fingerprint, sample_rate, samples, lead_in_samples, outcome)
values (:meeting, :participant, 1, :number, cast(:number as integer) * 60000, 60000,
        timestamptz '2026-03-01 09:00:00.125+00' + cast(:number as integer) * interval '1 minute',
        :clip, 4, 'sha', 44100, 2646000, 2304, :outcome)
"""

PART = """
insert into parts (meeting, participant, stream, object, bytes, generation)
values (:meeting, :participant, 1, :object, 4, 0)
"""

ANOMALY = """
insert into anomalies (meeting, anomaly, participant, kind, opened_at, last_at, count, summary, evidence)
values (:meeting, :anomaly, :participant, 'multiple_voices',
        timestamptz '2026-03-01 09:00:00.125+00' + cast(:minute as integer) * interval '1 minute',
        timestamptz '2026-03-01 09:01:00.125+00' + cast(:minute as integer) * interval '1 minute',
        1, 'another voice for about 4 s', cast(:evidence as jsonb))
"""

EVIDENCE = Evidence(
    clip="ann-1-0-00",
    lead_in_ms=52,
    start_at="2026-03-01T09:00:00.125Z",
    duration_ms=60_000,
    voices=2,
    other_ms=4_000,
    confidence=0.87,
    turns=[(0, 30_000, 0), (32_000, 36_000, 1)],
)


@dataclass
class House:
    """The stores on one database; `moved`, `ended` and `revoked` list what they told."""

    database: Database
    url: str
    moved: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    revoked: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.events = Events(self.database, self.moved.append)
        self.meetings = Meetings(self.database, self.moved.append, self.ended.append)
        self.participants = Participants(
            self.database, self.moved.append, lambda meeting, who: self.revoked.append((meeting, who))
        )
        self.reviews = Reviews(self.database, self.moved.append)

    async def told(self, meeting: str = "exam", after: int = 0) -> list[dict[str, Any]]:
        """The meeting's events as a proctor gets them."""
        return [orjson.loads(event.text) for event in await self.events.after(meeting, after, 10_000)]

    async def tell(self, count: int = 1, meeting: str = "exam", kind: str = "candidate_streaming") -> list[int]:
        """Some events."""
        async with self.database.transaction() as transaction:
            return await append(transaction, meeting, [NewEvent(kind, CandidateMoved(stream=1), ANN)] * count)

    async def window(
        self, number: int, clip: str | None, outcome: str | None = None, participant: str = "ann", meeting: str = "exam"
    ) -> None:
        """A window of the candidate's first stream."""
        key = {"meeting": meeting, "participant": participant}
        await self.database.execute(STREAM, key)
        await self.database.execute(WINDOW, {**key, "number": number, "clip": clip, "outcome": outcome})

    async def part(self, name: str) -> None:
        """A part of ann's first stream."""
        key = {"meeting": "exam", "participant": "ann"}
        await self.database.execute(STREAM, key)
        await self.database.execute(PART, {**key, "object": name})

    async def anomaly(self, anomaly: str, minute: int = 0) -> None:
        """An anomaly of ann's, opened so many minutes after nine."""
        await self.database.execute(
            ANOMALY,
            {
                "meeting": "exam",
                "anomaly": anomaly,
                "participant": "ann",
                "minute": minute,
                "evidence": msgspec.json.encode([EVIDENCE]).decode(),
            },
        )

    async def rows(self, query: str, **values: object) -> list[Row]:
        """For looking at what was written."""
        return await self.database.fetch_all(query, values)


def as_read(anomaly: Anomaly) -> Anomaly:
    """As it arrives: what the store answers is there to be encoded."""
    return msgspec.json.decode(msgspec.json.encode(anomaly), type=Anomaly)
