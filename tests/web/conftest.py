"""One real server for all tests of the HTTP side: a process of its own on a port of its own, with a real PostgreSQL."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.conftest import TEMPLATE
from tests.serving import Server, running_server
from tests.web.room import API_KEY, ORIGIN, Room
from undertone.store.embedded import EmbeddedPostgres

SERVED = "served"


@pytest.fixture(scope="session")
def served_database(postgres: EmbeddedPostgres) -> str:
    """The database behind `server`."""

    async def create() -> None:
        connection = await asyncpg.connect(postgres.dsn)
        await connection.execute(f"create database {SERVED} template {TEMPLATE} strategy file_copy")
        await connection.close()

    asyncio.run(create())
    return postgres.url(SERVED)


@pytest.fixture(scope="session")
def server(served_database: str) -> Iterator[Server]:
    """Takes the API key for creating, and calls from pages of ORIGIN. No analysis: tests say what was heard."""
    folder = Path(tempfile.mkdtemp(prefix="undertone-test-"))
    said = {"UNDERTONE_API_KEY": API_KEY, "UNDERTONE_ORIGINS": ORIGIN, "UNDERTONE_MAX_SPEED": "0"}
    try:
        with running_server(folder, database_url=served_database, env=said) as server:
            yield server
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def http(server: Server) -> Iterator[httpx.Client]:
    """Calls the server, without a credential."""
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        yield client


@pytest.fixture
def room(http: httpx.Client, server: Server, served_database: str) -> Room:
    """A new meeting."""
    return Room.create(http, server, served_database)
