"""A database that is away, a node that drains, peers that leave."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import anyio
import asyncpg
import pytest

from tests.web.here import end_of, hear
from tests.web.watched import Watched, ids, review, say
from undertone.core.errors import RemoteFault
from undertone.store.embedded import EmbeddedPostgres

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def away(postgres: EmbeddedPostgres, database_url: str) -> AsyncIterator[None]:
    """All lines cut, and none taken, while the block runs."""
    name = urlsplit(database_url).path.strip("/")
    connection = await asyncpg.connect(postgres.dsn)
    try:
        await connection.execute(f"alter database {name} allow_connections false")
        await connection.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")
        yield
        await connection.execute(f"alter database {name} allow_connections true")
    finally:
        await connection.close()


@pytest.mark.slow
async def test_subscribers_stay_while_the_database_is_away_and_miss_nothing(
    own_house: Watched, postgres: EmbeddedPostgres, database_url: str
) -> None:
    async with own_house.watching() as (client, _):
        await own_house.write(2)
        assert await ids(client, 2) == [1, 2]
        async with away(postgres, database_url):
            with pytest.raises(RemoteFault):
                await own_house.write()
            own_house.notifier.moved(own_house.meeting)  # a notice that waits
            await anyio.sleep(0.3)
        with anyio.fail_after(10):
            while True:
                try:
                    last = await own_house.write(2)
                    break
                except RemoteFault:
                    await anyio.sleep(0.05)
        assert await ids(client, last) == list(range(3, last + 1))


@pytest.mark.slow
async def test_who_comes_while_the_database_is_away_is_told_to_try_again(
    own_house: Watched, postgres: EmbeddedPostgres, database_url: str
) -> None:
    async with own_house.watching() as (watching, _):
        async with away(postgres, database_url):
            async with own_house.dial() as client:
                await own_house.hello(client)
                error, code, _ = await end_of(client)
                assert (error["code"], code) == ("unavailable", 4002)
                assert error["retry_after_ms"] >= 0
            await say(watching, "review", **review())
            error = await hear(watching)
            assert (error["type"], error["code"]) == ("error", "unavailable")
        with anyio.fail_after(10):
            while True:
                with contextlib.suppress(RemoteFault):
                    await own_house.write()
                    break
                await anyio.sleep(0.05)
        assert await ids(watching, 1) == [1]


@pytest.mark.slow
async def test_leaving_frees_the_place(own_house: Watched) -> None:
    for _ in range(5):
        async with own_house.watching():
            pass
    async with own_house.dial() as client:  # leaves in the middle of joining
        await own_house.hello(client)
    with anyio.fail_after(5):
        while own_house.node.entrance.open:
            await anyio.sleep(0.01)


@pytest.mark.slow
async def test_draining_sends_proctors_elsewhere(own_house: Watched) -> None:
    async with own_house.watching() as (client, _):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(own_house.node.drain)
            error, code, _ = await end_of(client)
        assert (error["code"], code) == ("draining", 4000)
