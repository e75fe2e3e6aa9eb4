"""A store on a real PostgreSQL, and who is told what."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.store.house import House
from undertone.store.database import Database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A connected database with the schema and nothing in it."""
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
