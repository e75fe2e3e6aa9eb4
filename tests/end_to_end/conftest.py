"""Two servers on one PostgreSQL and one folder, for a module of tests: each test makes a meeting of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import numpy as np
import pytest

from tests.audio import Samples, decode
from tests.end_to_end.wire import Message, Room
from tests.serving import Server, running_server
from undertone.store.embedded import EmbeddedPostgres

_numbers = count(1)


@contextmanager
def fresh_database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """An empty one; the first server makes its schema."""
    name = f"nodes_{next(_numbers)}"
    asyncio.run(_statement(postgres.dsn, f"create database {name}"))
    yield postgres.url(name)
    asyncio.run(_statement(postgres.dsn, f"drop database {name} with (force)"))


@contextmanager
def copied_database(postgres: EmbeddedPostgres, url: str) -> Iterator[str]:
    """One like that of `url`, which nobody is using."""
    name = f"copy_{next(_numbers)}"
    there = urlsplit(url).path.removeprefix("/")
    asyncio.run(_statement(postgres.dsn, f"create database {name} template {there} strategy file_copy"))
    yield postgres.url(name)
    asyncio.run(_statement(postgres.dsn, f"drop database {name} with (force)"))


async def _statement(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@dataclass
class Nodes:
    """What the processes share, and the meeting of one test."""

    first: Server
    second: Server
    database_url: str
    folder: Path
    room: Room

    async def query(self, query: str, *values: object) -> list[Message]:
        """Rows of the database; `$1` is the meeting."""
        connection = await asyncpg.connect(self.database_url)
        try:
            return [dict(row) for row in await connection.fetch(query, self.room.id, *values)]
        finally:
            await connection.close()

    async def windows(self) -> list[Message]:
        return await self.query("select * from windows where meeting = $1 order by participant, stream, number")

    async def windows_when(self, count: int, within_s: float = 20) -> list[Message]:
        """The windows, once there are `count`."""
        async with asyncio.timeout(within_s):
            while len(windows := await self.windows()) < count:
                await asyncio.sleep(0.1)
        return windows

    def sound(self, window: Message) -> Samples:
        """The window's own samples, from its clip: the lead-in is discarded."""
        clip = self.folder / "clips" / self.room.id / f"{window['clip']}.mp3"
        return decode(clip.read_bytes())[:, window["lead_in_samples"] :]

    async def heard(self) -> Samples:
        """The sound of all windows, one after the other."""
        return np.concatenate([self.sound(window) for window in await self.windows()], axis=1)


@pytest.fixture(scope="module")
def servers(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server, str, Path]]:
    folder = tmp_path_factory.mktemp("nodes")
    env = {"UNDERTONE_MAX_SPEED": "0"}
    with (
        fresh_database(postgres) as url,
        running_server(folder, database_url=url, env=env) as first,
        running_server(folder, database_url=url, env=env, log="second.log") as second,
    ):
        yield first, second, url, folder


@pytest.fixture
def nodes(servers: tuple[Server, Server, str, Path]) -> Nodes:
    first, second, url, folder = servers
    return Nodes(first, second, url, folder, Room.create(first))
