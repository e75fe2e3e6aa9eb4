"""A whole node on a real port of this process and a real PostgreSQL, for all tests of the proctor's socket."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests.web.watched import Watched, watched
from undertone.store.embedded import EmbeddedPostgres
from undertone.web import hub as hub_module


@pytest.fixture(scope="package")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that serves."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="package")
async def node(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    # A name of its own: run side by side, the package may be entered more than once.
    name = f"proctors_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute(f"create database {name} template with_schema strategy file_copy")
    await connection.close()
    async with watched(postgres.url(name), tmp_path_factory.mktemp("proctors")) as house:
        yield house


@pytest.fixture
async def house(node: Watched) -> Watched:
    """A meeting of the test's own, on a node that all share."""
    await node.create()
    return node


@pytest.fixture
async def own_house(database_url: str, tmp_path: Path) -> AsyncIterator[Watched]:
    """A node of the test's own, for what others would notice."""
    async with watched(database_url, tmp_path) as house:
        yield house


@pytest.fixture
def looked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the clock: ask for it before the house."""
    monkeypatch.setattr(hub_module, "LOOK_EVERY_S", 0.02)
