"""A hub on a real database, subscribers that keep what they are handed, and what happens to them in tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import anyio
import orjson

from undertone.core.channel_actions import Send
from undertone.core.errors import RemoteFault, Unavailable
from undertone.core.events import CandidateMoved, Person
from undertone.core.ordering import Ordering
from undertone.store.database import Database
from undertone.store.events import Events, NewEvent, Page, append
from undertone.store.meetings import Meetings
from undertone.web.hub import Hub

CLEO = Person(id="cleo", name="Cleo")


@dataclass(eq=False)
class Watcher:
    """A subscriber that keeps what it is handed. A hole is filled from history, as a socket does it."""

    proctor: str = "ana"
    got: list[int] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)  # how many characters came in one go
    faults: list[RemoteFault] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    checked: int = 0
    every_ms: int | None = None
    ordering: Ordering = field(default_factory=Ordering)

    def deliver(self, events: Sequence[Send]) -> None:
        self.batches.append(sum(len(event.text) for event in events))
        for event in self.ordering.live(events):
            assert orjson.loads(event.text)["id"] == event.id
            self.got.append(event.id)
        assert self.ordering.missing() is None, "the hub left a hole"

    def next_time(self) -> int | None:
        return None if self.every_ms is None else (self.times[-1] if self.times else 0) + self.every_ms

    def handle_time(self, now: int) -> None:
        self.times.append(now)

    def close(self, fault: RemoteFault) -> None:
        self.faults.append(fault)

    def check_again(self) -> None:
        self.checked += 1


class CountingEvents(Events):
    """Counts what is asked of the database; runs what a test wants in between."""

    pages = 0
    failures = 0
    away_for = 0  # reads that find no database

    async def page(self, meeting: str, after: int, limit: int) -> Page | None:
        self.pages += 1
        if self.away_for:
            self.away_for -= 1
            raise Unavailable("the database is away")
        try:
            return await super().page(meeting, after, limit)
        except RemoteFault:
            self.failures += 1
            raise

    async def moved_since(self, known: Mapping[str, int]) -> list[str]:
        try:
            return await super().moved_since(known)
        except RemoteFault:
            self.failures += 1
            raise


@dataclass
class House:
    """A database, the meetings in it, and a running hub."""

    database: Database
    events: CountingEvents
    meetings: Meetings
    hub: Hub

    async def meeting(self, meeting: str = "m") -> None:
        await self.meetings.create(meeting, "exam", b"a", b"j", "local", {})

    async def write(self, count: int = 1, meeting: str = "m", reason: str | None = None) -> int:
        """Some events in one transaction; the last id."""
        news = [NewEvent("candidate_degraded", CandidateMoved(stream=1, reason=reason), CLEO)] * count
        async with self.database.transaction() as transaction:
            return (await append(transaction, meeting, news))[-1]

    async def watch(self, meeting: str = "m", **fields: object) -> Watcher:
        """Somebody who joins now: subscribes, then finds the place."""
        watcher = Watcher(**fields)  # type: ignore[arg-type]
        self.hub.subscribe(meeting, watcher)
        position = await self.events.position(meeting)
        assert position is not None
        watcher.ordering.start(position.last_id, position.last_id)
        watcher.ordering.page_ended()
        self.hub.follow(meeting, watcher, position.epoch, position.last_id)
        return watcher


async def until(condition: object, within_s: float = 5.0) -> None:
    assert callable(condition)
    with anyio.fail_after(within_s):
        while not condition():
            await anyio.sleep(0.005)


def started() -> Ordering:
    ordering = Ordering()
    ordering.start(0, 0)
    ordering.page_ended()
    return ordering
