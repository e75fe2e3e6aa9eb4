"""What the hub does when the database goes, the meeting goes, a subscriber goes, or time passes."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import asyncpg
import pytest

from tests.web.hub.house import House, Watcher, started, until
from undertone.core.channel_actions import Send
from undertone.core.errors import RemoteFault
from undertone.store.database import Database
from undertone.store.events import Events, Page
from undertone.web import hub as hub_module
from undertone.web.hub import SENDS_PER_TURN, Hub

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_the_database_goes_away_and_comes_back_and_subscribers_stay(house: House, database_url: str) -> None:
    await house.meeting()
    watcher = await house.watch()
    other = await asyncpg.connect(database_url)
    kill = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> $1"
    mine = other.get_server_pid()
    written = 0
    try:
        for _ in range(20):
            await other.execute(kill, mine)
            house.hub.moved("m")
            try:
                written = await house.write()
            except RemoteFault:
                continue
            house.hub.moved("m")
        with anyio.fail_after(10):
            while True:
                try:
                    written = await house.write()
                    break
                except RemoteFault:
                    await anyio.sleep(0.01)
    finally:
        await other.close()
    house.hub.moved("m")
    await until(lambda: watcher.got == list(range(1, written + 1)), within_s=10)
    assert house.events.failures, "the database was never away"
    assert watcher.faults == []


async def test_one_notice_is_enough_however_often_the_read_fails(house: House) -> None:
    await house.meeting()
    watcher = await house.watch()
    await house.write()
    house.events.away_for = 4
    house.hub.moved("m")
    await until(lambda: watcher.got == [1])
    assert house.events.pages == 5


async def test_one_who_leaves_while_an_event_is_handed_round_gets_it_no_more(house: House) -> None:
    await house.meeting()
    watchers = [await house.watch() for _ in range(SENDS_PER_TURN + 10)]
    leaver = watchers[-1]

    class Pushing(Watcher):
        def deliver(self, events: Sequence[Send]) -> None:
            house.hub.unsubscribe("m", leaver)

    house.hub.subscribe("m", Pushing())
    house.hub.unsubscribe("m", leaver)
    house.hub.subscribe("m", leaver)  # the last in line
    await house.write()
    house.hub.moved("m")
    await until(lambda: watchers[-2].got == [1])
    await anyio.sleep(0.02)
    assert leaver.got == []


async def test_a_failure_that_is_not_the_database_s_ends_the_hub_loudly(database_url: str) -> None:
    class Broken(Events):
        async def page(self, meeting: str, after: int, limit: int) -> Page | None:
            raise ZeroDivisionError

    database = Database(database_url)
    hub = Hub(Broken(database, lambda _: None))
    watcher = Watcher()
    hub.subscribe("m", watcher)
    hub.moved("m")
    hub.follow("m", watcher, "e", 0)
    with pytest.raises(ExceptionGroup) as ended, anyio.fail_after(5):
        await hub.run()
    assert ended.value.subgroup(ZeroDivisionError)


async def test_the_subscribers_of_a_deleted_meeting_are_told(house: House) -> None:
    await house.meeting()
    watcher = await house.watch()
    await house.meetings.delete("m")
    await until(lambda: watcher.faults)
    assert [fault.code for fault in watcher.faults] == ["not_found"]
    assert house.hub.subscribers == 0


async def test_after_a_restore_everybody_joins_again(house: House) -> None:
    await house.meeting()
    watcher = await house.watch()
    await house.events.new_epoch("m")
    house.hub.moved("m")
    await until(lambda: watcher.faults)
    assert [fault.code for fault in watcher.faults] == ["fell_behind"]
    again = await house.watch()
    await house.write()
    house.hub.moved("m")
    await until(lambda: again.got == [1])


async def test_a_newcomer_after_a_restore_shows_it_to_those_who_were_there(house: House) -> None:
    await house.meeting()
    watcher = await house.watch()
    await house.events.new_epoch("m")  # the notice is lost
    newcomer = await house.watch()
    await until(lambda: watcher.faults and newcomer.faults)


async def test_events_that_retention_took_unread_send_everybody_to_a_snapshot(house: House) -> None:
    await house.meeting()
    watcher = await house.watch()
    last = await house.write(3)
    await house.database.execute("delete from events")
    await house.database.execute("update meetings set trimmed_to = :last", {"last": last})
    house.hub.moved("m")
    await until(lambda: watcher.faults)
    assert [fault.code for fault in watcher.faults] == ["fell_behind"]


async def test_a_revoked_proctor_is_told_and_nobody_else(house: House) -> None:
    await house.meeting()
    await house.meeting("other")
    ana, ben, elsewhere = await house.watch(), await house.watch(proctor="ben"), await house.watch("other")
    house.hub.revoked("m", "ana")
    house.hub.revoked("unheard of", "ana")
    assert [fault.code for fault in ana.faults] == ["revoked"]
    assert ben.faults == elsewhere.faults == []


async def test_one_who_leaves_before_finding_the_place_leaves_nothing_behind(house: House) -> None:
    await house.meeting()
    watcher = Watcher()
    house.hub.subscribe("m", watcher)
    house.hub.moved("m")
    house.hub.unsubscribe("m", watcher)
    house.hub.unsubscribe("m", watcher)
    house.hub.follow("m", watcher, "e", 0)
    assert house.hub.subscribers == 0
    assert house.events.pages == 0


async def test_what_happened_between_subscribing_and_the_place_is_read_from_the_place_on(house: House) -> None:
    await house.meeting()
    watcher = Watcher()
    house.hub.subscribe("m", watcher)
    await house.write(2)
    house.hub.moved("m")
    position = await house.events.position("m")
    assert position is not None
    watcher.ordering.start(1, 1)  # as a snapshot of before the second event would
    watcher.ordering.page_ended()
    house.hub.follow("m", watcher, position.epoch, 1)
    await until(lambda: watcher.got == [2])


async def test_one_timer_serves_all_and_forgets_who_left(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "LOOK_EVERY_S", 0.005)
    clock = [0]
    hub = Hub(house.events, now=lambda: clock[0])
    often, seldom, gone = Watcher(every_ms=15), Watcher(every_ms=1_000), Watcher(every_ms=15)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hub.run)
        for watcher in (often, seldom, gone):
            hub.subscribe("m", watcher)
            hub.follow("m", watcher, "e", 0)
        hub.unsubscribe("m", gone)
        for now in (10, 20, 30, 40, 500, 999, 1_000):
            clock[0] = now
            await anyio.sleep(0.03)
        tasks.cancel_scope.cancel()
    assert often.times == [20, 40, 500, 999]
    assert seldom.times == [1_000]
    assert gone.times == []


async def test_one_that_is_due_sooner_than_it_was_is_told_then_and_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "LOOK_EVERY_S", 0.005)
    clock = [0]
    hub = Hub(house.events, now=lambda: clock[0])
    watcher, gone = Watcher(every_ms=1_000), Watcher(every_ms=10)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hub.run)
        hub.subscribe("m", watcher)
        hub.follow("m", watcher, "e", 0)
        watcher.every_ms = 990
        for each in (watcher, gone):
            hub.schedule("m", each)
        for now in (989, 990, 1_000, 1_979, 1_980, 2_000):
            clock[0] = now
            await anyio.sleep(0.03)
        tasks.cancel_scope.cancel()
    assert watcher.times == [990, 1_980]
    assert gone.times == []
    assert hub.subscribers == 1


async def test_the_loop_serves_others_between_the_subscribers_of_one_event(house: House) -> None:
    await house.meeting()
    turns: list[int] = []

    class Counting(Watcher):
        def deliver(self, events: Sequence[Send]) -> None:
            turns.append(ticks)
            super().deliver(events)

    for _ in range(3 * SENDS_PER_TURN):
        house.hub.subscribe("m", Counting(ordering=started()))
    position = await house.events.position("m")
    assert position is not None
    house.hub.follow("m", await house.watch(), position.epoch, 0)
    ticks = 0
    await house.write()
    house.hub.moved("m")
    with anyio.fail_after(5):
        while len(turns) < 3 * SENDS_PER_TURN:
            ticks += 1
            await anyio.sleep(0)
    assert len(set(turns)) >= 3
