"""A store on a real PostgreSQL, and who is told what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import TEMPLATE
from tests.store.house import House
from tests.store.tab import Store
from undertone.store.clips_folder import FolderClips
from undertone.store.database import Database
from undertone.store.embedded import EmbeddedPostgres

NAME = "test_store"

# Whoever is still in it goes, and so do all rows.
EMPTY = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid();
do $$
declare
    filled text;
begin
    for filled in select tablename from pg_tables where schemaname = 'public' and tablename <> 'schema_version' loop
        execute format('delete from %I', filled);
    end loop;
end $$;
"""


async def _run(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statements)
    await connection.close()


@pytest.fixture(scope="session")
def shared_url(postgres: EmbeddedPostgres) -> str:
    """One database for all tests of the store: making one takes half a second, emptying one 2 ms."""
    asyncio.run(_run(postgres.dsn, f"create database {NAME} template {TEMPLATE}"))
    return postgres.url(NAME)


@pytest.fixture
def database_url(shared_url: str) -> str:
    """A database with the schema and nothing in it. The schema is everybody's: leave it as it is."""
    asyncio.run(_run(shared_url, EMPTY))
    return shared_url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A connected one."""
    database = Database(database_url)
    await database.connect()
    yield database
    await database.close()


@pytest.fixture
async def house(database: Database, database_url: str) -> House:
    """A meeting `exam` with the candidate `ann`."""
    house = House(database, database_url)
    await house.meetings.create("exam", "Algebra", b"admin" * 6, b"join" * 8, "local", {})
    await house.participants.add("exam", "ann", "Ann")
    house.moved.clear()
    return house


@pytest.fixture
async def store(database: Database, tmp_path: Path) -> Store:
    """A node's store, and a meeting with one candidate."""
    await database.execute(
        "insert into meetings (meeting, title, admin_hash, join_hash, epoch) values ('m', 'Algebra', '', '', 'e')"
    )
    await database.execute("insert into participants (meeting, participant, name) values ('m', 'p', 'Ada')")
    return Store(database, FolderClips(tmp_path))
