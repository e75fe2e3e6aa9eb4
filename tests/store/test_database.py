from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import anyio
import asyncpg
import pytest

from tests.store.cancelling import When, cancelled_at
from tests.store.silent_line import silent_line
from undertone.core.errors import Unavailable
from undertone.store.database import Database, Transaction, uninterrupted

pytestmark = pytest.mark.anyio

MEETING = "insert into meetings (meeting, title, admin_hash, join_hash, epoch) values (:meeting, '', '', '', '')"
MEETINGS = "select meeting from meetings order by meeting"
SLEEP = "select pg_sleep(:seconds)"
OPEN_TRANSACTIONS = """
select count(*) as count from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'
"""
SLOW_COMMIT = (
    "create temp table slow (x integer)",
    """
    create function pg_temp.take_a_while() returns trigger language plpgsql as
    'begin perform pg_sleep(0.4); return null; end'
    """,
    """
    create constraint trigger at_commit after insert on slow deferrable initially deferred
    for each row execute function pg_temp.take_a_while()
    """,
    "insert into slow values (1)",
)
END_ALL = """
select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
"""


@pytest.fixture
async def single(database_url: str) -> AsyncIterator[Database]:
    """With one connection: if that one leaks, nothing works any more."""
    database = Database(database_url, max_connections=1, within_s=5)
    await database.connect()
    yield database
    await database.close()


async def end_all(url: str) -> None:
    """As an administrator does, or a server that is stopped."""
    connection = await asyncpg.connect(url)
    await connection.execute(END_ALL)
    await connection.close()


async def meetings(database: Database) -> list[str]:
    return [row["meeting"] for row in await database.fetch_all(MEETINGS)]


async def two_meetings(database: Database, names: tuple[str, str]) -> None:
    async with database.transaction() as transaction:
        for name in names:
            await transaction.execute(MEETING, {"meeting": name})


# --- statements


async def test_values_come_as_promised(single: Database) -> None:
    row = await single.fetch_one(
        "select cast(:json as jsonb) as json, cast(:at as timestamptz(3)) as at, cast(:bytes as bytea) as bytes",
        {"json": '{"a":[1]}', "at": datetime(2026, 3, 1, 9, tzinfo=UTC), "bytes": b"\x00\xff"},
    )
    assert row is not None
    assert dict(row) == {"json": '{"a": [1]}', "at": datetime(2026, 3, 1, 9, tzinfo=UTC), "bytes": b"\x00\xff"}
    assert await single.fetch_one("select 1 as one where false") is None


async def test_a_broken_constraint_is_no_fault_of_the_line(single: Database) -> None:
    await single.execute(MEETING, {"meeting": "exam"})
    with pytest.raises(asyncpg.UniqueViolationError):
        await single.execute(MEETING, {"meeting": "exam"})
    with pytest.raises(asyncpg.CheckViolationError):
        await single.execute(MEETING, {"meeting": "no spaces"})
    assert await meetings(single) == ["exam"]


async def test_a_value_of_the_wrong_type_is_no_fault_of_the_line(single: Database) -> None:
    with pytest.raises(asyncpg.DataError):
        await single.fetch_one("select cast(:number as integer)", {"number": "seven"})


# --- transactions


async def test_a_transaction_is_whole_or_not_at_all(single: Database, caplog: pytest.LogCaptureFixture) -> None:
    await two_meetings(single, ("a", "b"))
    with pytest.raises(asyncpg.UniqueViolationError):
        await two_meetings(single, ("c", "a"))
    assert await meetings(single) == ["a", "b"]
    assert caplog.records == []  # it was rolled back properly, not found open when the line was given back


async def test_a_swallowed_error_does_not_look_like_success(single: Database) -> None:
    async def swallow() -> None:
        async with single.transaction() as transaction:
            await transaction.execute(MEETING, {"meeting": "a"})
            with pytest.raises(asyncpg.UniqueViolationError):
                await transaction.execute(MEETING, {"meeting": "a"})

    with pytest.raises(RuntimeError, match="swallowed"):
        await swallow()
    assert await meetings(single) == []


async def test_child_tasks_are_in_the_transaction_they_are_given(single: Database) -> None:
    async with single.transaction() as transaction:
        await asyncio.create_task(transaction.execute(MEETING, {"meeting": "a"}))
        [row] = await asyncio.create_task(transaction.fetch_all(MEETINGS))
        assert row["meeting"] == "a"


async def test_repeatable_read_sees_one_moment(database: Database) -> None:
    async with database.transaction(repeatable_read=True) as transaction:
        assert await transaction.fetch_all(MEETINGS) == []
        await database.execute(MEETING, {"meeting": "late"})
        assert await transaction.fetch_all(MEETINGS) == []
    assert await meetings(database) == ["late"]


async def test_the_loser_of_a_deadlock_may_try_again(database: Database) -> None:
    await two_meetings(database, ("a", "b"))
    both_hold_one = asyncio.Barrier(2)

    async def lock(first: str, second: str) -> None:
        async with database.transaction() as transaction:
            update = "update meetings set title = 'x' where meeting = :meeting"
            await transaction.execute(update, {"meeting": first})
            await both_hold_one.wait()
            await transaction.execute(update, {"meeting": second})

    outcomes = await asyncio.gather(lock("a", "b"), lock("b", "a"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [Unavailable]


# --- cancellation


async def _statement(database: Database, _: int) -> None:
    await database.fetch_one(SLEEP, {"seconds": 0.002})


async def _transaction(database: Database, place: int) -> None:
    await two_meetings(database, (f"{place}-first", f"{place}-second"))


async def _rolled_back(database: Database, place: int) -> None:
    with suppress(ZeroDivisionError):
        async with database.transaction() as transaction:
            await transaction.execute(MEETING, {"meeting": f"{place}-only"})
            raise ZeroDivisionError


@pytest.mark.parametrize("when", ["before", "after", "again"])
@pytest.mark.parametrize("work", [_statement, _transaction, _rolled_back])
async def test_cancelled_anywhere_nothing_leaks(
    single: Database, work: Callable[[Database, int], Any], when: When
) -> None:
    place = 0
    while await cancelled_at(place, when, work(single, place)):
        row = await single.fetch_one(OPEN_TRANSACTIONS)
        assert row is not None
        assert row["count"] == 0, place
        place += 1
    assert place >= 2  # it does wait: for an answer, and for giving back
    names = await meetings(single)
    assert [name for name in names if name.endswith("only")] == []
    firsts = [name.split("-")[0] for name in names if name.endswith("first")]
    assert firsts == [name.split("-")[0] for name in names if name.endswith("second")]
    if work is _transaction:
        assert str(place) in firsts  # the last one was not cancelled
        assert "0" not in firsts  # the first one was, before it began


async def test_cancelled_while_a_line_is_made_nothing_leaks(database_url: str, single: Database) -> None:
    place = 0
    while await cancelled_at(place, "before", _statement(single, place)):
        await single.fetch_one("select 1 as one")
        await end_all(database_url)
        await asyncio.sleep(0.01)  # until the pool has seen it
        place += 1
    assert place >= 3  # once more than on a line that stands


async def test_cancelled_while_all_are_busy_nothing_leaks(single: Database) -> None:
    for _ in range(3):
        busy = asyncio.create_task(single.fetch_one(SLEEP, {"seconds": 0.05}))
        waiting = [asyncio.create_task(single.fetch_one("select 1 as one")) for _ in range(3)]
        await asyncio.sleep(0.01)
        waiting[0].cancel()
        await asyncio.wait([busy, *waiting])
        assert [task.cancelled() for task in waiting] == [True, False, False]


async def test_cancelled_while_it_commits_it_is_committed(single: Database) -> None:
    """The commit takes a while, as one does that waits for a replica: cancelling it there would undo it."""
    committing = asyncio.Event()

    async def work() -> None:
        async with single.transaction() as transaction:
            await transaction.execute(MEETING, {"meeting": "a"})
            for statement in SLOW_COMMIT:
                await transaction.execute(statement)
            committing.set()

    task = asyncio.create_task(work())
    await committing.wait()
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await meetings(single) == ["a"]


async def test_a_deadline_of_anyio_ends_a_statement_and_no_more(single: Database) -> None:
    with anyio.move_on_after(0.05) as scope:
        async with single.transaction() as transaction:
            await transaction.execute(MEETING, {"meeting": "a"})
            await transaction.fetch_one(SLEEP, {"seconds": 10})
    assert scope.cancelled_caught
    assert await meetings(single) == []


async def test_uninterrupted_work_hands_on_its_result_and_its_error() -> None:
    async def work(result: Callable[[], int]) -> int:
        await asyncio.sleep(0)
        return result()

    assert await uninterrupted(work(lambda: 7)) == 7
    with pytest.raises(ZeroDivisionError):
        await uninterrupted(work(lambda: 1 // 0))


# --- the database is away


async def test_nobody_listens(database_url: str) -> None:
    with pytest.raises(Unavailable, match="the database is away"):
        await Database("postgresql://postgres@/x?host=/nonexistent").connect()
    with pytest.raises(Unavailable, match="the database is away"):
        await Database(database_url.replace("/test_", "/no_such_test_")).connect()


async def test_lines_that_were_cut_are_told_and_the_pool_recovers(database_url: str, database: Database) -> None:
    async def at_once(work: Callable[[], Awaitable[object]]) -> list[object]:
        return list(await asyncio.gather(*(work() for _ in range(10)), return_exceptions=True))

    async def sleep() -> None:
        await database.fetch_one(SLEEP, {"seconds": 10})

    async def sleep_in_transaction() -> None:
        async with database.transaction() as transaction:
            await transaction.fetch_one(SLEEP, {"seconds": 10})

    for work in (sleep, sleep_in_transaction):
        waiting = asyncio.ensure_future(at_once(work))
        await asyncio.sleep(0.3)
        await end_all(database_url)
        assert [type(outcome) for outcome in await waiting] == [Unavailable] * 10
        assert await at_once(lambda: meetings(database)) == [[]] * 10  # idle lines were cut as well


async def test_a_line_cut_between_statements_rolls_back(database_url: str, database: Database) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.execute(MEETING, {"meeting": "a"})
        await end_all(database_url)
        await transaction.execute(MEETING, {"meeting": "b"})

    async def run() -> None:
        async with database.transaction() as transaction:
            await work(transaction)

    with pytest.raises(Unavailable):
        await run()
    assert await meetings(database) == []


async def test_a_silent_database_is_away_within_the_deadline(database_url: str) -> None:
    async with silent_line(database_url) as line:
        database = Database(line.url, max_connections=2, within_s=0.3)
        await database.connect()
        assert await database.fetch_one("select 1 as one") is not None

        async def in_transaction() -> None:
            async with database.transaction() as transaction:
                line.talking.clear()
                await transaction.fetch_one("select 1 as one")

        began = time.monotonic()
        with pytest.raises(Unavailable):
            await in_transaction()
        waiting = await asyncio.gather(*(database.fetch_one(MEETINGS) for _ in range(5)), return_exceptions=True)
        assert [type(outcome) for outcome in waiting] == [Unavailable] * 5
        assert time.monotonic() - began < 2
        line.talking.set()
        assert await database.fetch_one("select 1 as one") is not None
        await database.close()


@pytest.mark.parametrize("cancels", [False, True])
async def test_a_line_that_was_forgotten_in_mid_statement_is_replaced(
    database_url: str, monkeypatch: pytest.MonkeyPatch, cancels: bool
) -> None:
    async with silent_line(database_url) as line:
        database = Database(line.url, max_connections=1, within_s=0.5)
        await database.connect()
        asked = asyncio.create_task(database.fetch_one(SLEEP, {"seconds": 0.1}))
        await asyncio.sleep(0.05)
        line.forget()
        if cancels:
            monkeypatch.setattr("undertone.store.database.END_WITHIN_S", 0.3)
            asked.cancel()
            await asyncio.sleep(0.01)
            asked.cancel()  # somebody who can't wait
        began = time.monotonic()
        outcome = (await asyncio.gather(asked, return_exceptions=True))[0]
        assert type(outcome) is (asyncio.CancelledError if cancels else Unavailable)
        assert await meetings(database) == []
        assert time.monotonic() - began < 2
        await database.close()
