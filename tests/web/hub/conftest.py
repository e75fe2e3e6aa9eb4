"""The hub under test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest

from tests.web.hub.house import CountingEvents, House
from undertone.store.database import Database
from undertone.store.meetings import Meetings
from undertone.web import hub as hub_module
from undertone.web.hub import Hub


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that serves."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(autouse=True)
def never_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the comparison with the database would mend after 5 s shall show."""
    monkeypatch.setattr(hub_module, "COMPARE_EVERY_S", 3_600.0)


@pytest.fixture
def compared_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every 5 s; ask for it before the house."""
    monkeypatch.setattr(hub_module, "COMPARE_EVERY_S", 0.05)


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    database = Database(database_url)
    await database.connect()
    events = CountingEvents(database, lambda _: None)
    hub = Hub(events)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hub.run)
        yield House(database, events, Meetings(database, hub.moved), hub)
        tasks.cancel_scope.cancel()
    await database.close()
