"""The hub on a real PostgreSQL: one read a node, every event once and in order, whatever the notices do."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import anyio
import asyncpg
import orjson
import pytest

from undertone.core.channel_actions import Send
from undertone.core.errors import RemoteFault, Unavailable
from undertone.core.events import CandidateMoved, Person
from undertone.core.ordering import Ordering
from undertone.store.database import Database
from undertone.store.events import Events, NewEvent, Page, append
from undertone.store.meetings import Meetings
from undertone.web import hub as hub_module
from undertone.web.hub import CHUNK, SENDS_PER_TURN, Hub

pytestmark = pytest.mark.anyio

CLEO = Person(id="cleo", name="Cleo")


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that serves."""
    return "asyncio", {"use_uvloop": True}


@dataclass(eq=False)
class Watcher:
    """A subscriber that keeps what it is handed. A hole is filled from history, as a socket does it."""

    proctor: str = "ana"
    got: list[int] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)  # how many characters came in one go
    faults: list[RemoteFault] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    checked: int = 0
    every_ms: int | None = None
    ordering: Ordering = field(default_factory=Ordering)

    def deliver(self, events: Sequence[Send]) -> None:
        self.batches.append(sum(len(event.text) for event in events))
        for event in self.ordering.live(events):
            assert orjson.loads(event.text)["id"] == event.id
            self.got.append(event.id)
        assert self.ordering.missing() is None, "the hub left a hole"

    def next_time(self) -> int | None:
        return None if self.every_ms is None else (self.times[-1] if self.times else 0) + self.every_ms

    def handle_time(self, now: int) -> None:
        self.times.append(now)

    def close(self, fault: RemoteFault) -> None:
        self.faults.append(fault)

    def check_again(self) -> None:
        self.checked += 1


class CountingEvents(Events):
    """Counts what is asked of the database; runs what a test wants in between."""

    pages = 0
    failures = 0
    away_for = 0  # reads that find no database

    async def page(self, meeting: str, after: int, limit: int) -> Page | None:
        self.pages += 1
        if self.away_for:
            self.away_for -= 1
            raise Unavailable("the database is away")
        try:
            return await super().page(meeting, after, limit)
        except RemoteFault:
            self.failures += 1
            raise

    async def moved_since(self, known: Mapping[str, int]) -> list[str]:
        try:
            return await super().moved_since(known)
        except RemoteFault:
            self.failures += 1
            raise


@dataclass
class House:
    """A database, the meetings in it, and a running hub."""

    database: Database
    events: CountingEvents
    meetings: Meetings
    hub: Hub

    async def meeting(self, meeting: str = "m") -> None:
        await self.meetings.create(meeting, "exam", b"a", b"j", "local", {})

    async def write(self, count: int = 1, meeting: str = "m", reason: str | None = None) -> int:
        """Some events in one transaction; the last id."""
        news = [NewEvent("candidate_degraded", CandidateMoved(stream=1, reason=reason), CLEO)] * count
        async with self.database.transaction() as transaction:
            return (await append(transaction, meeting, news))[-1]

    async def watch(self, meeting: str = "m", **fields: object) -> Watcher:
        """Somebody who joins now: subscribes, then finds the place."""
        watcher = Watcher(**fields)  # type: ignore[arg-type]
        self.hub.subscribe(meeting, watcher)
        position = await self.events.position(meeting)
        assert position is not None
        watcher.ordering.start(position.last_id, position.last_id)
        watcher.ordering.page_ended()
        self.hub.follow(meeting, watcher, position.epoch, position.last_id)
        return watcher


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


async def until(condition: object, within_s: float = 5.0) -> None:
    assert callable(condition)
    with anyio.fail_after(within_s):
        while not condition():
            await anyio.sleep(0.005)


async def test_an_event_is_read_once_and_handed_to_every_subscriber(house: House) -> None:
    await house.meeting()
    watchers = [await house.watch() for _ in range(2 * SENDS_PER_TURN + 50)]
    house.events.pages = 0
    await house.write()
    house.hub.moved("m")
    await until(lambda: watchers[-1].got)
    assert all(watcher.got == [1] for watcher in watchers)
    assert house.events.pages == 1
    assert house.hub.subscribers == len(watchers)


async def test_subscribers_of_another_meeting_hear_nothing(house: House) -> None:
    await house.meeting("m")
    await house.meeting("other")
    mine, theirs = await house.watch("m"), await house.watch("other")
    await house.write(meeting="m")
    for meeting in ("m", "other", "unheard of"):
        house.hub.moved(meeting)
    await until(lambda: mine.got)
    await anyio.sleep(0.05)
    assert theirs.got == []


async def test_nobody_misses_anything_while_many_write_join_and_leave(house: House) -> None:
    """Notices are early, late, doubled and lost, as it pleases the dice."""
    await house.meeting()
    dice = random.Random(7)
    watchers: list[tuple[Watcher, int]] = []
    left: list[Watcher] = []

    async def write(rounds: int) -> None:
        for _ in range(rounds):
            if dice.random() < 0.3:
                house.hub.moved("m")
            await house.write(dice.randint(1, 3))
            if dice.random() < 0.7:
                house.hub.moved("m")

    async def come_and_go() -> None:
        for _ in range(40):
            watcher = await house.watch()
            watchers.append((watcher, watcher.ordering.last))
            await anyio.sleep(dice.random() * 0.01)
            if dice.random() < 0.3:
                house.hub.unsubscribe("m", watcher)
                left.append(watcher)

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(write, 30)
        tasks.start_soon(come_and_go)
    last = await house.write()
    house.hub.moved("m")
    stayed = [(watcher, at) for watcher, at in watchers if watcher not in left]
    await until(lambda: all(watcher.ordering.last == last for watcher, _ in stayed))
    for watcher, joined_at in stayed:
        assert watcher.got == list(range(joined_at + 1, last + 1))
    for watcher in left:
        assert watcher.got == list(range(watcher.got[0], watcher.got[-1] + 1)) if watcher.got else True


@pytest.fixture(autouse=True)
def never_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the comparison with the database would mend after 5 s shall show."""
    monkeypatch.setattr(hub_module, "COMPARE_EVERY_S", 3_600.0)


@pytest.fixture
def compared_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every 5 s; ask for it before the house."""
    monkeypatch.setattr(hub_module, "COMPARE_EVERY_S", 0.05)


async def test_a_lost_notice_costs_seconds_not_events(compared_often: None, house: House) -> None:
    await house.meeting()
    watcher = await house.watch()
    await house.write(3)
    await until(lambda: watcher.got == [1, 2, 3])
    await house.meetings.delete("m")
    await until(lambda: watcher.faults)


async def test_a_reconnected_listener_reads_everything_and_asks_everybody_again(house: House) -> None:
    await house.meeting()
    watcher = await house.watch()
    await house.write(2)
    house.hub.reconnected()
    await until(lambda: watcher.got == [1, 2])
    assert watcher.checked == 1


async def test_a_backlog_comes_in_pieces_that_fit_a_socket(house: House) -> None:
    await house.meeting()
    watcher = await house.watch()
    last = await house.write(300, reason="x" * 2_000)
    house.hub.moved("m")
    await until(lambda: watcher.got == list(range(1, last + 1)))
    assert len(watcher.batches) > 9
    assert max(watcher.batches) <= CHUNK


async def test_an_event_larger_than_a_piece_comes_alone(house: House) -> None:
    await house.meeting()
    watcher = await house.watch()
    await house.write()
    await house.write(reason="x" * 2 * CHUNK)
    await house.write()
    house.hub.moved("m")
    await until(lambda: watcher.got == [1, 2, 3])
    assert len(watcher.batches) == 3


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


async def test_the_loop_serves_others_between_the_subscribers_of_one_event(house: House) -> None:
    await house.meeting()
    turns: list[int] = []

    class Counting(Watcher):
        def deliver(self, events: Sequence[Send]) -> None:
            turns.append(ticks)
            super().deliver(events)

    for _ in range(3 * SENDS_PER_TURN):
        house.hub.subscribe("m", Counting(ordering=_started()))
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


def _started() -> Ordering:
    ordering = Ordering()
    ordering.start(0, 0)
    ordering.page_ended()
    return ordering
