"""`kill -9` in mid-stream, everything real: server, database, analysis, candidates and proctors."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

import undertone_client
from tests.core.frames import WINDOW_FRAMES, frames
from tests.end_to_end.cast import playing
from tests.serving import running_server
from tests.store.holder import kill_postmaster, postmaster, running
from undertone.core.events import AnomalyMoved
from undertone.store import embedded

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SAMPLES = Path(undertone_client.__file__).parent / "samples"
# Slowly enough to be killed in the middle, fast enough for a test.
SPOKEN_IN_S = 6.0
QUIET = frames(2 * WINDOW_FRAMES + 400)


async def test_a_postgresql_that_is_killed_comes_back_under_the_server(data_dir: Path) -> None:
    """First its postmaster, then, when it is back, one of its backends, upon which it ends all the others."""
    with (
        running_server(data_dir, workers=1, env={"UNDERTONE_MAX_SPEED": "0"}) as server,
        embedded.start(data_dir) as postgres,
    ):
        async with playing(server.url, postgres.dsn, data_dir) as cast:
            await cast.watch()
            async with asyncio.TaskGroup() as tasks:
                for name in ("Ada", "Bob", "Cleo"):
                    tasks.create_task(cast.speak(await cast.join(name), QUIET, over_s=SPOKEN_IN_S))
                await asyncio.sleep(SPOKEN_IN_S / 3)
                await asyncio.to_thread(kill_postmaster, data_dir)
                async with asyncio.timeout(30):
                    while not any(map(serves_us, backends(data_dir))):
                        await asyncio.sleep(0.05)
                next(filter(serves_us, backends(data_dir))).kill()
            assert not await cast.audited(unnamed_for=timedelta(0))  # nor is anything stored twice
            assert [each.troubles for each in cast.candidates] == [[], [], []]


def backends(data_dir: Path) -> list[psutil.Process]:
    return [] if postmaster(data_dir) is None else running(data_dir).children()


def serves_us(backend: psutil.Process) -> bool:
    """Whether it is one that talks to a client, by its title."""
    try:
        return "undertone undertone" in " ".join(backend.cmdline())
    except psutil.Error:
        return False


async def test_nothing_acknowledged_is_lost_and_everything_is_told_once(database_url: str, tmp_path: Path) -> None:
    """Of five candidates the first is not alone; the last three say nothing."""
    recordings = [(SAMPLES / "two-voices.mp3").read_bytes(), (SAMPLES / "one-voice.mp3").read_bytes(), *[QUIET] * 3]
    env = {"UNDERTONE_MAX_SPEED": "0"}
    with running_server(tmp_path, database_url=database_url, workers=1, env=env) as server:
        async with playing(server.url, database_url, tmp_path) as cast:
            await cast.watch()
            await cast.watch()
            candidates = [await cast.join() for _ in recordings]
            async with asyncio.TaskGroup() as tasks:
                for candidate, recording in zip(candidates, recordings, strict=True):
                    tasks.create_task(cast.speak(candidate, recording, over_s=SPOKEN_IN_S))
                await asyncio.sleep(SPOKEN_IN_S / 2)
                server.kill()
                await asyncio.to_thread(server.start)
            assert not await cast.audited()
            assert all(each.troubles for each in candidates)
            assert len(cast.received) == 2  # no snapshot came in place of events
            opened = [each.body.anomaly for each in cast.received[0].events if isinstance(each.body, AnomalyMoved)]
            assert [each.participant.id for each in opened] == [candidates[0].id]
