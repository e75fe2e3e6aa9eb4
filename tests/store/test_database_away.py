from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from tests.store.lines import CHANGE_ALL, MEETING, MEETINGS, SLEEP, end_all, meetings, two_meetings
from tests.store.silent_line import silent_line
from undertone.core.errors import Unavailable
from undertone.store.database import Database, Transaction

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_nobody_listens() -> None:
    with pytest.raises(Unavailable, match="the database is away"):
        await Database("postgresql://postgres@/x?host=/nonexistent").connect()


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


@pytest.mark.parametrize("falls", ["silent", "asleep"])
async def test_the_locks_of_one_who_fell_silent_in_mid_transaction_are_let_go(database_url: str, falls: str) -> None:
    async with silent_line(database_url) as line:
        frozen, other = Database(line.url, within_s=0.5), Database(database_url)
        await frozen.connect()
        await other.connect()
        await two_meetings(other, ("a", "b"))

        went_on = asyncio.Event()

        async def freeze() -> None:
            async with frozen.transaction() as transaction:
                await transaction.execute(CHANGE_ALL)
                if falls == "silent":
                    line.forget()
                await other.execute(CHANGE_ALL)
                went_on.set()
                await transaction.execute(CHANGE_ALL)

        with pytest.raises(Unavailable):
            await freeze()
        assert went_on.is_set()
        assert await meetings(frozen) == ["a", "b"]
        await frozen.close()
        await other.close()


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
