"""Through pgbouncer in transaction mode: what works, what does not, and that it is found out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from tests.conftest import short_folder
from tests.store.pooler import pooled
from tests.store.silent_line import SOCKET
from undertone.core.errors import Unavailable
from undertone.process import connect_patiently
from undertone.store.database import Database
from undertone.store.embedded import EmbeddedPostgres
from undertone.store.hearing import Deaf, find_reach, hears
from undertone.store.migrations import WrongDatabase
from undertone.store.notify import Listener, Moved, Notifier, Reconnected

pytestmark = [pytest.mark.anyio, pytest.mark.pgbouncer, pytest.mark.slow]


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture
def through(database_url: str, folder: Path) -> Iterator[str]:
    """The database through a pooler in transaction mode."""
    with pooled(database_url, folder) as url:
        yield url


async def test_by_the_transaction_nothing_is_heard_and_by_the_session_all_is(
    database_url: str, through: str, folder: Path
) -> None:
    assert await hears(database_url, database_url)
    assert await hears(database_url, through)
    assert not await hears(through, through, within_s=0.5)
    assert not await hears(through, database_url, within_s=0.5)
    with pooled(database_url, folder, "session") as url:
        assert await hears(url, url)


async def test_how_the_database_is_reached_is_found_out_and_said(
    database_url: str, through: str, caplog: pytest.LogCaptureFixture
) -> None:
    direct = await find_reach(database_url, None)
    assert (direct.pooled, direct.listen_url) == (False, database_url)
    assert not caplog.records
    deaf = await find_reach(through, None, within_s=0.5)
    assert (deaf.pooled, deaf.listen_url) == (True, None)
    assert "proctors are told up to 2 s later; UNDERTONE_LISTEN_URL may name the database past it" in caplog.text
    past = await find_reach(through, database_url, within_s=0.5)
    assert (past.pooled, past.listen_url) == (True, database_url)
    with pytest.raises(WrongDatabase, match="it must name the same database, and no pooler"):
        await find_reach(database_url, through, within_s=0.5)


async def test_a_pooler_whose_database_is_not_up_yet_is_waited_for(
    database_url: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """pgbouncer says 08P01 of that, a violation of the protocol, as it does of what is set wrong."""
    parts = urlsplit(database_url)
    (there,) = parse_qs(parts.query)["host"]
    with pooled(parts._replace(query=f"host={folder}").geturl(), folder, patience_s=1) as url:
        starting = asyncio.create_task(connect_patiently(Database(url, pooled=True)))
        async with asyncio.timeout(20):
            while "waiting for the database" not in caplog.text and not starting.done():
                await asyncio.sleep(0.05)
            with pytest.raises(Unavailable, match="ProtocolViolationError"):
                await find_reach(url, None)
            (folder / SOCKET).symlink_to(Path(there) / SOCKET)  # it is up
            await starting
            reach = await find_reach(url, None, within_s=0.3)
    assert "ProtocolViolationError" in caplog.text
    assert reach.pooled


async def test_what_is_set_wrong_at_a_pooler_is_named(postgres: EmbeddedPostgres, folder: Path) -> None:
    with pooled(postgres.url("no_such"), folder) as url:
        with pytest.raises(WrongDatabase, match='database "no_such" does not exist'):
            await connect_patiently(Database(url, pooled=True))
        with pytest.raises(WrongDatabase, match="unsupported startup parameter"):
            await connect_patiently(Database(f"{url}?search_path=a", pooled=True))


async def test_statements_side_by_side_get_their_own_answers(through: str) -> None:
    """More than the pooler has connections, so that they change hands between any two statements."""
    database = Database(through, pooled=True)
    await database.connect()

    async def ask(number: int) -> None:
        for _ in range(20):
            row = await database.fetch_one("select cast(:number as int) as number", {"number": number})
            assert row is not None
            assert row["number"] == number
            rows = await database.fetch_all(
                "select n from generate_series(1, cast(:upto as int)) as n", {"upto": number}
            )
            assert [row["n"] for row in rows] == list(range(1, number + 1))
            async with database.transaction(repeatable_read=True) as tx:
                assert [dict(row) for row in await tx.fetch_all("select cast(:a as int) as a", {"a": number})] == [
                    {"a": number}
                ]

    await asyncio.gather(*(ask(number) for number in range(10)))
    await database.close()


async def test_as_if_there_were_no_pooler_it_goes_wrong(through: str) -> None:
    """Which is why it is found out."""
    database = Database(through)
    await database.connect()

    async def ask(number: int) -> None:
        for _ in range(20):
            row = await database.fetch_one("select cast(:number as int) as number", {"number": number})
            assert row is not None
            assert row["number"] == number

    outcomes = await asyncio.gather(*(ask(number) for number in range(10)), return_exceptions=True)
    assert any(isinstance(each, asyncpg.PostgresError | Unavailable | AssertionError) for each in outcomes)
    await database.close()


async def test_who_is_silent_in_mid_transaction_is_thrown_out_and_nobody_else(through: str, database_url: str) -> None:
    database = Database(through, within_s=1.0, pooled=True)
    await database.connect()

    async def fall_silent() -> None:
        async with database.transaction() as tx:
            await tx.execute("select 1")
            await asyncio.sleep(1)
            await tx.execute("select 1")

    with pytest.raises(Unavailable):
        await fall_silent()
    # The limit went with the transaction: nothing of it is left on the connections that others will get.
    row = await database.fetch_one("select 1 as one")
    assert row is not None
    plain = await asyncpg.connect(through, statement_cache_size=0)
    async with plain.transaction():
        left = await plain.fetchval("show idle_in_transaction_session_timeout")
    await plain.close()
    direct = await asyncpg.connect(database_url)
    assert left == await direct.fetchval("show idle_in_transaction_session_timeout")
    await direct.close()
    await database.close()


async def test_a_notice_told_through_it_is_heard_past_it(through: str, database_url: str) -> None:
    notifier, listener = Notifier(through, pooled=True), Listener(database_url)
    telling = asyncio.create_task(notifier.run())
    try:
        async with asyncio.timeout(10):
            async for notice in listener.notices():
                if isinstance(notice, Reconnected):
                    notifier.moved("exam")
                else:
                    assert notice == Moved(("exam",))
                    break
    finally:
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling


async def test_who_hears_nothing_looks_again_and_again() -> None:
    seen = 0
    async with asyncio.timeout(10):
        async for notice in Deaf(look_every_s=0.01).notices():
            assert notice == Reconnected()
            seen += 1
            if seen == 3:
                break
