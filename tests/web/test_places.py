"""Who gets a place for its snapshot, and who has to leave."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import TaskGroup

from undertone.web import places as places_module
from undertone.web.places import PLACES, PLACES_A_MEETING, Places

pytestmark = pytest.mark.anyio


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "PATIENCE_S", 0.05)


class Sleepers:
    """Take places and read nothing; they leave when they are told to."""

    def __init__(self, places: Places, tasks: TaskGroup) -> None:
        self.places = places
        self.tasks = tasks
        self.evicted: list[str] = []

    async def take(self, meeting: str, name: str = "", handed_over: bool = True) -> None:
        """In a task of its own; returns when everybody has done what they can."""
        self.tasks.start_soon(self._sleep, meeting, name, handed_over)
        await anyio.wait_all_tasks_blocked()

    async def _sleep(self, meeting: str, name: str, handed_over: bool) -> None:
        with anyio.CancelScope() as scope:
            async with self.places.place(meeting, lambda _: scope.cancel()) as place:
                if handed_over:
                    place.handed_over()
                await anyio.sleep_forever()
        if scope.cancelled_caught:
            self.evicted.append(name)


@asynccontextmanager
async def asleep() -> AsyncIterator[Sleepers]:
    async with anyio.create_task_group() as tasks:
        yield Sleepers(Places(), tasks)
        tasks.cancel_scope.cancel()


async def enters(sleepers: Sleepers, meeting: str) -> None:
    """Somebody who reads."""
    with anyio.fail_after(5):
        async with sleepers.places.place(meeting, lambda _: None):
            pass


async def test_one_meeting_leaves_places_for_others() -> None:
    async with asleep() as sleepers:
        for _ in range(3 * PLACES):
            await sleepers.take("large")
        assert sleepers.places.held == PLACES_A_MEETING
        await enters(sleepers, "small")
        assert sleepers.evicted == []


async def test_there_are_never_more_than_there_are() -> None:
    async with asleep() as sleepers:
        for number in range(3 * PLACES):
            await sleepers.take(f"m{number}")
        assert sleepers.places.held == PLACES


async def test_who_has_had_the_longest_time_leaves_for_one_who_waits(impatient: None) -> None:
    async with asleep() as sleepers:
        for number in range(PLACES):
            await sleepers.take(f"m{number}", str(number))
        await enters(sleepers, "new")
        assert sleepers.evicted == ["0"]


async def test_within_a_full_meeting_one_of_its_own_leaves(impatient: None) -> None:
    async with asleep() as sleepers:
        await sleepers.take("other", "other")
        for number in range(PLACES_A_MEETING):
            await sleepers.take("full", str(number))
        await enters(sleepers, "full")
        assert sleepers.evicted == ["0"]


async def test_nobody_leaves_while_the_server_takes_the_time_or_nobody_waits(impatient: None) -> None:
    async with asleep() as sleepers:
        await sleepers.take("m", "read")
        for number in range(1, PLACES):
            await sleepers.take(f"m{number}", "unread", handed_over=False)
        await anyio.sleep(0.1)
        assert sleepers.evicted == []
        await enters(sleepers, "new")
        assert sleepers.evicted == ["read"]
        await sleepers.take("last", handed_over=False)
        await sleepers.take("waits", handed_over=False)
        await anyio.sleep(0.2)
        assert sleepers.evicted == ["read"]


async def test_who_leaves_while_it_waits_leaves_nothing_behind() -> None:
    async with asleep() as sleepers:
        async with anyio.create_task_group() as others:
            for number in range(PLACES + 3):
                await Sleepers(sleepers.places, others).take(f"m{number}")
            others.cancel_scope.cancel()
        assert sleepers.places.held == 0
        await enters(sleepers, "m")
