from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import anyio
import asyncpg
import pytest

from tests.store.cancelling import When, cancelled_at
from tests.store.lines import MEETING, MEETINGS, SLEEP, end_all, meetings, two_meetings
from undertone.core.errors import Unavailable
from undertone.store.database import Database, uninterrupted

pytestmark = pytest.mark.anyio

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


@pytest.fixture
async def single(database_url: str) -> AsyncIterator[Database]:
    """With one connection: if that one leaks, nothing works any more."""
    database = Database(database_url, max_connections=1, within_s=5)
    await database.connect()
    yield database
    await database.close()


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
