"""Candidates who speak and proctors who watch, through our own client, and what an audit wants to know of them.

async with playing(url, database_url, data) as cast:
    proctor = await cast.watch()
    ada = await cast.join("Ada")
    await cast.speak(ada, mp3, over_s=5)
    assert not await cast.audited()
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import asyncpg

from tests.end_to_end.audit import Finding, Piece, Received, Sent, audit
from undertone.core.events import Event
from undertone.core.messages import Error, Stored, ToCandidate
from undertone.core.requests import MeetingCreated
from undertone.worker.sweep import UNNAMED_FOR
from undertone_client import CandidateStream, Meetings, ProctorChannel, Snapshot

PIECES: Final = 50

UNDER_WAY: Final = """
select (select count(*) from windows where outcome is null) as waiting, last_event from meetings where meeting = $1
"""


@dataclass(eq=False)
class Candidate:
    """Somebody who has joined. `troubles` are the ends of connections that the client saw, as code and reason."""

    id: str
    token: str
    sent: list[Sent] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    errors: list[Error] = field(default_factory=list)


@dataclass
class Watcher:
    """A proctor who writes everything down: one `Received` until a snapshot comes in place of events."""

    channel: ProctorChannel
    meeting: str
    name: str
    received: list[Received] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    last_id: int = 0

    def __post_init__(self) -> None:
        assert self.channel.snapshot is not None
        self._begin(self.channel.snapshot.last_id)

    async def watch(self) -> None:
        async for seen in self.channel:
            if isinstance(seen, Snapshot):
                self.received[-1] = replace(self.received[-1], until=self.last_id)
                self._begin(seen.last_id)
            else:
                self.events.append(seen)
                self.last_id = max(self.last_id, seen.id)

    def _begin(self, after: int) -> None:
        self.events, self.last_id = [], after
        self.received.append(Received(self.meeting, self.name, after, self.events))


@dataclass
class Cast:
    """One meeting. `url` is where everybody connects: a server, or what stands before several."""

    url: str
    database_url: str
    data: Path
    meetings: Meetings
    room: MeetingCreated
    tasks: asyncio.TaskGroup
    watchers: list[Watcher] = field(default_factory=list)
    watching: list[asyncio.Task[None]] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)

    @property
    def meeting(self) -> str:
        return self.room.data.id

    async def join(self, name: str = "Ada") -> Candidate:
        ticket = await self.meetings.join(self.meeting, name, self.room.join_secret)
        candidate = Candidate(ticket.id, ticket.token)
        self.candidates.append(candidate)
        return candidate

    async def watch(self, url: str | None = None) -> Watcher:
        """A proctor from now on, until the play is over."""
        channel = ProctorChannel(url or self.url, self.meeting, admin_id=self.room.admin_id)
        started = asyncio.Event()
        name = f"{len(self.watchers) + 1}"
        self.watching.append(self.tasks.create_task(self._watch(channel, name, started)))
        await started.wait()
        return self.watchers[-1]

    async def _watch(self, channel: ProctorChannel, name: str, started: asyncio.Event) -> None:
        async with channel:
            watcher = Watcher(channel, self.meeting, name)
            self.watchers.append(watcher)
            started.set()
            await watcher.watch()

    async def speak(
        self,
        candidate: Candidate,
        mp3: bytes,
        over_s: float = 0.0,
        *,
        url: str | None = None,
        until: asyncio.Event | None = None,
    ) -> Sent:
        """The whole recording in that time, however often the line breaks, to its `finished`.

        The last piece waits `until` something has happened.
        """
        stored = 0

        def hear(message: ToCandidate) -> None:
            nonlocal stored
            if isinstance(message, Stored):
                stored = max(stored, message.offset)
            if isinstance(message, Error):
                candidate.errors.append(message)

        size = -(-len(mp3) // PIECES)
        async with CandidateStream(url or self.url, candidate.token, on_message=hear) as stream:
            watching = self.tasks.create_task(_note_troubles(stream, candidate))
            for at in range(0, len(mp3), size):
                if until is not None and at + size >= len(mp3):
                    await until.wait()
                await stream.send(mp3[at : at + size])
                await asyncio.sleep(over_s / PIECES)
            finished = await stream.finish()
            watching.cancel()
        assert stream.session.stream is not None
        sent = Sent(
            self.meeting,
            candidate.id,
            stream.session.stream,
            (Piece(mp3),),
            acknowledged=stored,
            finished=(finished.offset, finished.windows),
        )
        candidate.sent.append(sent)
        return sent

    async def settled(self, within_s: float = 60) -> None:
        """Until every window is judged and every proctor has been told everything."""
        async with asyncio.timeout(within_s):
            connection = await asyncpg.connect(self.database_url)
            try:
                while True:
                    row = await connection.fetchrow(UNDER_WAY, self.meeting)
                    assert row is not None
                    if not row["waiting"] and all(each.last_id >= row["last_event"] for each in self.watchers):
                        return
                    await asyncio.sleep(0.1)
            finally:
                await connection.close()

    async def audited(self, unnamed_for: timedelta = UNNAMED_FOR) -> list[Finding]:
        """What the audit finds, once everything is settled."""
        await self.settled()
        return await audit(
            self.database_url, self.data, self.sent, self.received, meeting=self.meeting, unnamed_for=unnamed_for
        )

    @property
    def sent(self) -> list[Sent]:
        return [each for candidate in self.candidates for each in candidate.sent]

    @property
    def received(self) -> list[Received]:
        return [each for watcher in self.watchers for each in watcher.received]


async def _note_troubles(stream: CandidateStream, candidate: Candidate) -> None:
    seen = None
    while True:
        if stream.trouble != seen:
            seen = stream.trouble
            candidate.troubles += [] if seen is None else [seen]
        await asyncio.sleep(0.02)


@asynccontextmanager
async def playing(url: str, database_url: str, data: Path) -> AsyncIterator[Cast]:
    """A new meeting, and everybody in it until the block ends."""
    async with Meetings(url) as meetings:
        room = await meetings.create("Algebra")
        async with asyncio.TaskGroup() as tasks:
            cast = Cast(url, database_url, data, meetings, room, tasks)
            yield cast
            for watching in cast.watching:
                watching.cancel()
