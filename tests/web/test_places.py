"""Who gets a place for its snapshot, and who has to leave."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import TaskGroup

from undertone.core.errors import FellBehind
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
            place = await self.places.take(meeting, lambda _: scope.cancel(), lambda: 1)
            if handed_over:
                place.handed_over()
            try:
                await anyio.sleep_forever()
            finally:
                self.places.give_back(place)
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
        sleepers.places.give_back(await sleepers.places.take(meeting, lambda _: None, lambda: 0))


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


SNAPSHOT = 10_000


async def reads(places: Places, told: list[str]) -> None:
    """Steadily, and longer than anybody's patience; whoever is told to leave comes back and begins again."""
    while True:
        read = anyio.Event()
        began: list[float] = []

        def unsent(began: list[float] = began) -> int:
            return SNAPSHOT - int((anyio.current_time() - began[0]) * SNAPSHOT / (1.6 * places_module.PATIENCE_S))

        def leave(_: FellBehind, read: anyio.Event = read) -> None:
            told.append("leave")
            read.set()

        place = await places.take("large", leave, unsent)
        began.append(anyio.current_time())
        place.handed_over()
        with anyio.move_on_after(1.6 * places_module.PATIENCE_S):
            await read.wait()
        places.give_back(place)
        if not read.is_set():
            told.append("served")
            return


async def test_forty_who_read_slowly_but_steadily_are_all_served(
    impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places_module, "SLOWEST_BYTES_S", SNAPSHOT / 2 / places_module.PATIENCE_S)
    places = Places()
    told: list[str] = []
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for _ in range(40):
                tasks.start_soon(reads, places, told)
    assert told == ["served"] * 40


async def test_who_takes_less_than_the_slowest_pace_leaves(impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "SLOWEST_BYTES_S", 1000.0)
    places = Places()
    told: list[str] = []
    left = iter(range(10_000, 0, -10))  # 10 bytes less each time it is looked at
    place = await places.take("m", lambda _: told.append("leave"), lambda: next(left))
    place.handed_over()
    for number in range(1, PLACES):
        await places.take(f"m{number}", lambda _: None, lambda: 0)
    with anyio.move_on_after(5 * places_module.PATIENCE_S):
        await places.take("new", lambda _: None, lambda: 0)
    assert told == ["leave"]


async def test_nobody_enters_before_who_was_told_has_gone_and_no_more_are_told_than_wait(impatient: None) -> None:
    places = Places()
    told: list[str] = []
    held = []
    for number in range(PLACES):
        held.append(await places.take(f"m{number}", lambda _: told.append("leave"), lambda: 1))
        held[-1].handed_over()
    async with anyio.create_task_group() as tasks:
        entered = anyio.Event()

        async def enter() -> None:
            await places.take("new", lambda _: None, lambda: 0)
            entered.set()

        tasks.start_soon(enter)
        await anyio.sleep(10 * places_module.PATIENCE_S)
        assert told == ["leave"]
        assert not entered.is_set()
        places.give_back(next(place for place in held if place.evicted))
        with anyio.fail_after(5):
            await entered.wait()
