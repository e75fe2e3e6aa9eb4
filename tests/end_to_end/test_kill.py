"""`kill -9` in mid-stream, everything real: server, database, analysis, candidates and proctors."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import numpy as np
import pytest

import undertone_client
from tests.audio import decode, encode
from tests.serving import Server, running_server
from undertone.core.events import AnomalyMoved, Event, WindowJudged
from undertone_client import CandidateStream, Meetings, ProctorChannel, Snapshot

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SAMPLES = Path(undertone_client.__file__).parent / "samples"
# Sent in this many pieces: slowly enough to be killed in the middle, fast enough for a test.
PIECES = 40
PIECE_EVERY_S = 0.15


@pytest.fixture(scope="module")
def speech() -> list[bytes]:
    """Of five candidates the first is not alone; the last three say nothing."""

    quiet = b"".join(encode(np.zeros((1, 48_000 * 130), np.float32), 48_000, 64_000))
    return [(SAMPLES / "two-voices.mp3").read_bytes(), (SAMPLES / "one-voice.mp3").read_bytes(), quiet, quiet, quiet]


@dataclass
class Watcher:
    """A proctor who writes everything down."""

    channel: ProctorChannel
    events: list[Event] = field(default_factory=list)
    snapshots: int = 0

    async def watch(self) -> None:
        async for seen in self.channel:
            if isinstance(seen, Snapshot):
                self.snapshots += 1
            else:
                self.events.append(seen)

    @property
    def judged(self) -> Counter[tuple[str, int, int]]:
        return Counter(
            (event.participant.id, event.body.stream, event.body.window)
            for event in self.events
            if isinstance(event.body, WindowJudged) and event.participant
        )


@pytest.fixture
def server(tmp_path: Path, database_url: str) -> Iterator[Server]:
    env = {"UNDERTONE_MAX_SPEED": "0"}
    with running_server(tmp_path, database_url=database_url, workers=1, env=env) as server:
        yield server


async def test_a_postgresql_that_is_killed_comes_back_under_the_server(data_dir: Path) -> None:
    recording = b"".join(encode(np.zeros((1, 48_000 * 130), np.float32), 48_000, 64_000))
    with running_server(data_dir, env={"UNDERTONE_MAX_SPEED": "0"}) as server:
        async with Meetings(server.url) as meetings:
            room = await meetings.create("Algebra")
            ticket = await meetings.join(room.data.id, "Ada", room.join_secret)
            speaking = asyncio.create_task(speak(server, ticket.token, recording))
            await asyncio.sleep(PIECES * PIECE_EVERY_S / 2)
            postmaster = int((data_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
            os.kill(postmaster, signal.SIGKILL)
            async with asyncio.timeout(60):
                assert await speaking == 3


async def speak(server: Server, token: str, mp3: bytes) -> int:
    """The whole recording, however often the line breaks; how many windows it made."""
    size = -(-len(mp3) // PIECES)
    async with CandidateStream(server.url, token) as stream:
        for at in range(0, len(mp3), size):
            await stream.send(mp3[at : at + size])
            await asyncio.sleep(PIECE_EVERY_S)
        return (await stream.finish()).windows


async def test_nothing_acknowledged_is_lost_and_everything_is_told_once(
    server: Server, database_url: str, tmp_path: Path, speech: list[bytes]
) -> None:
    async with Meetings(server.url) as meetings:
        room = await meetings.create("Algebra")
        joined = [await meetings.join(room.data.id, f"Candidate {n}", room.join_secret) for n in range(5)]
        async with (
            ProctorChannel(server.url, room.data.id, admin_id=room.admin_id) as one,
            ProctorChannel(server.url, room.data.id, admin_id=room.admin_id) as other,
            asyncio.TaskGroup() as tasks,
        ):
            watchers = [Watcher(one), Watcher(other)]
            watching = [tasks.create_task(watcher.watch()) for watcher in watchers]
            speaking = [
                tasks.create_task(speak(server, each.token, mp3)) for each, mp3 in zip(joined, speech, strict=True)
            ]
            await asyncio.sleep(PIECES * PIECE_EVERY_S / 2)
            server.kill()
            await asyncio.to_thread(server.start)
            windows = sum([await speaker for speaker in speaking])
            async with asyncio.timeout(90):
                while any(len(watcher.judged) < windows for watcher in watchers):
                    await asyncio.sleep(0.2)
            for each in watching:
                each.cancel()
        anomalies = await meetings.anomalies(room.data.id, room.admin_id)

    for watcher in watchers:
        ids = [event.id for event in watcher.events]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        assert watcher.snapshots == 0
        assert set(watcher.judged.values()) == {1}
    assert watchers[0].events == watchers[1].events
    opened = [event.body.anomaly for event in watchers[0].events if isinstance(event.body, AnomalyMoved)]
    assert [each.participant.name for each in opened] == ["Candidate 0"]
    assert [each.id for each in anomalies] == [opened[0].id]

    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "select name, sum(samples)::int as samples, count(*) - count(judged_at) as waiting "
        "from windows join participants using (meeting, participant) group by name order by name"
    )
    await connection.close()
    assert [row["samples"] for row in rows] == [decode(mp3).shape[1] for mp3 in speech]
    assert all(row["waiting"] == 0 for row in rows)
    async with asyncio.timeout(60):  # the sweeper: what was innocent goes, the evidence stays
        while len(list((tmp_path / "clips").rglob("*.mp3"))) != 1:
            await asyncio.sleep(0.5)
    assert not list((tmp_path / "clips").rglob("*.part"))
