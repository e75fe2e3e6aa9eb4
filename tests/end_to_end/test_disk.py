"""A clip store that fails, fills or hangs under live streams: candidates are sent away at worst, and lose nothing."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from tests.core.frames import WINDOW_FRAMES, frames
from tests.end_to_end.cast import Watcher, playing
from tests.end_to_end.conftest import fresh_database
from tests.end_to_end.disks import away, full, hanging, mounted
from tests.serving import Server, running_server, running_worker
from undertone.store.embedded import EmbeddedPostgres

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

RECORDING: Final = frames(4 * WINDOW_FRAMES + 700)
# A window every 2.8 s: one at least falls into each fault.
SPOKEN_IN_S: Final = 12.0
FAULT_S: Final = 3.0


@dataclass
class Place:
    """A server whose clips lie on a disk of their own."""

    server: Server
    database_url: str
    disk: Path


def env_of(disk: Path) -> dict[str, str]:
    return {"UNDERTONE_MAX_SPEED": "0", "UNDERTONE_CLIPS": str(disk)}


@contextmanager
def place(postgres: EmbeddedPostgres, folder: Path) -> Iterator[Place]:
    folder.mkdir()
    with (
        fresh_database(postgres) as url,
        mounted(folder / "disk") as disk,
        running_server(folder, database_url=url, env=env_of(disk)) as server,
    ):
        yield Place(server, url, disk)


@pytest.fixture
def places(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[tuple[Place, Place]]:
    with place(postgres, tmp_path / "one") as one, place(postgres, tmp_path / "other") as other:
        yield one, other


async def test_candidates_lose_nothing_though_clips_can_not_be_written(places: tuple[Place, Place]) -> None:
    """For seconds, and for good: side by side, as most of it is waiting."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(away_for_seconds(places[0]))
        tasks.create_task(away_for_good(places[1]))


async def away_for_seconds(place: Place) -> None:
    """Nobody notices."""
    async with playing(place.server.url, place.database_url, place.disk) as cast, AsyncExitStack() as ends:
        watcher = await cast.watch()
        candidates = [await cast.join(), await cast.join()]
        async with asyncio.TaskGroup() as tasks:
            for candidate in candidates:
                tasks.create_task(cast.speak(candidate, RECORDING, over_s=SPOKEN_IN_S))
            await first_window(watcher)
            for fault in (full, hanging, away):
                with fault(place.disk):
                    await asyncio.sleep(FAULT_S / 2)
                    before = windows_stored(watcher)
                    await asyncio.sleep(FAULT_S / 2)
                    assert windows_stored(watcher) == before  # it is a fault indeed
                await asyncio.sleep(0.5)
        await work(place, ends)
        assert not await cast.audited(unnamed_for=timedelta(0))
        assert [each.troubles for each in candidates] == [[], []]


async def away_for_good(place: Place) -> None:
    """Candidates are sent away, and the process ends when it is told to, whatever hangs."""
    async with playing(place.server.url, place.database_url, place.disk) as cast, AsyncExitStack() as ends:
        watcher = await cast.watch()
        candidate = await cast.join()
        speaking = asyncio.create_task(cast.speak(candidate, RECORDING, over_s=SPOKEN_IN_S))
        await first_window(watcher)
        with hanging(place.disk):
            async with asyncio.timeout(70):
                while not candidate.troubles:
                    await asyncio.sleep(0.1)
            assert candidate.troubles == ["4002 unavailable"]
            place.server.signal(signal.SIGTERM)
            assert await asyncio.to_thread(place.server.wait) == 0
        await asyncio.to_thread(place.server.start)
        await speaking
        await work(place, ends)
        assert not await cast.audited()


async def work(place: Place, ends: AsyncExitStack) -> None:
    """Windows are judged from now on: before, no verdict deletes a clip and so makes room on a full disk."""
    worker = running_worker(place.server.data, database_url=place.database_url, env=env_of(place.disk))
    await asyncio.to_thread(worker.__enter__)
    ends.push_async_callback(asyncio.to_thread, worker.__exit__, None, None, None)


def windows_stored(watcher: Watcher) -> int:
    return [event.kind for event in watcher.events].count("window_stored")


async def first_window(watcher: Watcher) -> None:
    async with asyncio.timeout(20):
        while not windows_stored(watcher):
            await asyncio.sleep(0.05)
