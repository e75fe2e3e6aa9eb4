"""Workers that die, stand still and come back: every window has one verdict all the same."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
import psutil
import pytest

import undertone_client
from tests.core.frames import WINDOW_FRAMES, frames
from tests.end_to_end.cast import playing
from tests.serving import Server, running_server, running_worker

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SPEECH: Final = (Path(undertone_client.__file__).parent / "samples" / "two-voices.mp3").read_bytes()
SILENCE: Final = frames(4 * WINDOW_FRAMES)

IN_HAND: Final = """
select meeting, participant, stream, number, lease, leased_by from windows
where outcome is null and strpos(leased_by, $1) > 0
"""
WINDOW: Final = """
select outcome, attempts, lease, leased_by from windows
where meeting = $1 and participant = $2 and stream = $3 and number = $4
"""
KEY: Final = ("meeting", "participant", "stream", "number")


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Server]:
    with running_server(tmp_path, database_url=database_url, env={"UNDERTONE_MAX_SPEED": "0"}) as server:
        yield server


@pytest.fixture
def workers(server: Server, database_url: str, tmp_path: Path) -> Iterator[list[Server]]:
    """Three processes beside the server, each with one analyzer."""
    with ExitStack() as running:
        yield [
            running.enter_context(running_worker(tmp_path, database_url=database_url, log=f"worker-{number}.log"))
            for number in range(3)
        ]


@dataclass
class Queue:
    """The windows, seen from beside."""

    connection: asyncpg.Connection[asyncpg.Record]

    async def stopped_with(self, worker: Server) -> dict[str, Any]:
        """Stops the process, as a debugger or a frozen machine does, with a window in hand: which one."""
        async with asyncio.timeout(60):
            while True:
                if await self._in_hand(worker):
                    worker.signal(signal.SIGSTOP)
                    if (window := await self._in_hand(worker)) is not None:
                        return window
                    worker.signal(signal.SIGCONT)  # its verdict was under way already
                await asyncio.sleep(0.01)

    async def bereave(self, worker: Server) -> None:
        """Kills its analyzer while that has a window, until it has noticed."""
        async with asyncio.timeout(60):
            while "the analyzer process died" not in worker.log():
                if await self._in_hand(worker):
                    for analyzer in psutil.Process(worker.pid).children():
                        analyzer.kill()
                await asyncio.sleep(0.05)

    async def judged(self, window: dict[str, Any], within_s: float = 60) -> dict[str, Any]:
        """The window's row, once it has an outcome."""
        async with asyncio.timeout(within_s):
            while True:
                row = await self.connection.fetchrow(WINDOW, *(window[name] for name in KEY))
                assert row is not None
                if row["outcome"] is not None:
                    return dict(row)
                await asyncio.sleep(0.05)

    async def _in_hand(self, worker: Server) -> dict[str, Any] | None:
        row = await self.connection.fetchrow(IN_HAND, f"-{worker.pid}-")
        return None if row is None else dict(row)


@pytest.fixture
async def queue(database_url: str) -> AsyncIterator[Queue]:
    connection = await asyncpg.connect(database_url)
    yield Queue(connection)
    await connection.close()


async def test_whatever_becomes_of_workers_each_window_has_one_verdict(
    server: Server, workers: list[Server], queue: Queue, database_url: str, tmp_path: Path
) -> None:
    """One stands still until somebody else has judged its window, one is killed, one loses its analyzer."""
    still, killed, left = workers
    async with playing(server.url, database_url, tmp_path) as cast:
        await cast.watch()
        async with asyncio.TaskGroup() as speaking:
            for recording in (SPEECH, SPEECH, SPEECH, SILENCE, SILENCE):
                speaking.create_task(cast.speak(await cast.join(), recording))
            stalled = await queue.stopped_with(still)
            orphaned = await queue.stopped_with(killed)
            killed.kill()
            await queue.bereave(left)
        for window in (stalled, orphaned):
            row = await queue.judged(window)
            assert (row["attempts"], row["lease"]) == (2, window["lease"] + 1)
        still.signal(signal.SIGCONT)
        still.wait_for("somebody else|put off", 30)  # its own time ran out, too
        before = await queue.judged(stalled)
        assert not await cast.audited()
        assert await queue.judged(stalled) == before
