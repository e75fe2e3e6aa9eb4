"""A small hosted plan, with real processes: through pgbouncer in transaction mode, and with four connections in all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from tests.core.frames import WINDOW_FRAMES, frames
from tests.end_to_end.cast import Cast, playing
from tests.serving import Server, prepared_server, running_server
from tests.store.pooler import pooled
from undertone.core.events import WindowJudged
from undertone.store.embedded import EmbeddedPostgres

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SILENCE: Final = frames(3 * WINDOW_FRAMES)
CANDIDATES: Final = 4


@asynccontextmanager
async def small_plan(postgres: EmbeddedPostgres, connections: int) -> AsyncIterator[str]:
    """A database whose owner gets so many connections, and is no superuser."""
    admin = await asyncpg.connect(postgres.dsn)
    await admin.execute(f"create role small login connection limit {connections}")
    await admin.execute("create database small owner small")
    try:
        yield postgres.url("small").replace("//undertone@", "//small@")
    finally:
        await admin.execute("drop database small with (force)")
        await admin.execute("drop role small")
        await admin.close()


@contextmanager
def serving(data: Path, url: str, environment: Mapping[str, str]) -> Iterator[Server]:
    told = {"UNDERTONE_MAX_SPEED": "0", **environment}
    with running_server(data, database_url=url, workers=1, env=told) as server:
        yield server


async def examined(server: Server, database_url: str, data: Path) -> Cast:
    """An exam in which everybody is heard to say nothing, and watched by two; what an audit finds is nothing."""
    async with playing(server.url, database_url, data) as cast:
        proctors = [await cast.watch(), await cast.watch()]
        async with asyncio.TaskGroup() as speaking:
            for number in range(CANDIDATES):
                speaking.create_task(cast.speak(await cast.join(f"candidate {number}"), SILENCE))
        await cast.settled(90)
        for proctor in proctors:
            judged = [event for event in proctor.events if isinstance(event.body, WindowJudged)]
            assert len(judged) >= 3 * CANDIDATES
        assert not await cast.audited()
        # A meeting's end reaches whoever watches, whichever way.
        await cast.meetings.end(cast.meeting, cast.room.admin_id)
        await cast.settled(10)
    return cast


async def test_four_connections_are_enough(postgres: EmbeddedPostgres, data_dir: Path) -> None:
    async with small_plan(postgres, 4) as url:
        with serving(data_dir, url, {"UNDERTONE_DATABASE_CONNECTIONS": "4"}) as server:
            await examined(server, postgres.url("small"), data_dir)
            listening = server.log().partition("listening on")[2]
            assert "no connection left" not in listening
            assert server.stop() == 0


@pytest.mark.pgbouncer
async def test_an_exam_through_a_pooler_in_transaction_mode(database_url: str, data_dir: Path) -> None:
    """Which hands nothing on: everybody looks every now and then."""
    with pooled(database_url, data_dir) as url, serving(data_dir, url, {}) as server:
        await examined(server, database_url, data_dir)
        assert "hands on no wake-ups" in server.log()
        assert "Traceback" not in server.log()


def test_a_database_that_can_not_be_used_is_told_in_one_line(
    postgres: EmbeddedPostgres, database_url: str, data_dir: Path
) -> None:
    server = prepared_server(data_dir, database_url=postgres.url("no_such"))
    server.launch()
    try:
        assert server.wait() == 1
        assert 'stopped: database "no_such" does not exist: create it, or name another one' in server.log()
        assert "Traceback" not in server.log()
    finally:
        server.end()
