"""A database of somebody else's: TLS, what is wrong in its URL or its rights, and as few connections as it gives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.store.tls_front import Certificate, made_certificate, tls_front
from undertone.core.errors import Unavailable
from undertone.database_urls import database_url as as_read
from undertone.store.database import Database
from undertone.store.database_faults import advice
from undertone.store.embedded import EmbeddedPostgres
from undertone.store.hearing import find_reach
from undertone.store.migrations import WrongDatabase

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

DROP_THE_OTHERS = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return made_certificate(tmp_path_factory.mktemp("tls"))


async def answers(url: str) -> bool:
    database = Database(as_read(url))
    await database.connect()
    row = await database.fetch_one("select 1 as one")
    await database.close()
    return row is not None


# --- TLS


@pytest.mark.parametrize("mode", ["prefer", "require", "verify-ca", "verify-full"])
async def test_each_mode_encrypts(mode: str, database_url: str, certificate: Certificate) -> None:
    async with tls_front(database_url, certificate) as front:
        assert await answers(f"{front.url}?sslmode={mode}&sslrootcert={certificate.certificate}")
        assert (front.encrypted, front.plain) == (2, 0)


async def test_told_not_to_it_does_not_encrypt(database_url: str, certificate: Certificate) -> None:
    async with tls_front(database_url, certificate) as front:
        assert await answers(f"{front.url}?sslmode=disable")
        assert (front.encrypted, front.plain) == (0, 2)


async def test_a_certificate_that_nobody_trusts_is_named(database_url: str, certificate: Certificate) -> None:
    async with tls_front(database_url, certificate) as front:
        with pytest.raises(WrongDatabase, match=r"is not trusted \(self.signed certificate\): name its authority"):
            await answers(f"{front.url}?sslmode=verify-full")
        assert await answers(f"{front.url}?sslmode=require")  # encrypts, and asks nobody who it is, as libpq does


async def test_a_certificate_of_another_host_is_named(database_url: str, certificate: Certificate) -> None:
    async with tls_front(database_url, certificate) as front:
        there = front.url.replace("127.0.0.1", "localhost")
        with pytest.raises(WrongDatabase, match="and the host as the certificate does"):
            await answers(f"{there}?sslmode=verify-full&sslrootcert={certificate.certificate}")


async def test_a_server_without_tls_is_named_where_it_was_asked_for(database_url: str) -> None:
    async with tls_front(database_url, None) as front:
        with pytest.raises(WrongDatabase, match="the database speaks no TLS, which sslmode asks for"):
            await answers(f"{front.url}?sslmode=require")
        assert await answers(front.url)


# --- what is wrong


@asynccontextmanager
async def somebody(url: str, rights: str = "") -> AsyncIterator[None]:
    """A role of that name, which may read the schema's version, for as long as the block lasts."""
    admin = await asyncpg.connect(url)
    await admin.execute(f"create role somebody login {rights}; grant select on schema_version to somebody")
    try:
        yield
    finally:
        await admin.execute("drop owned by somebody; drop role somebody")
        await admin.close()


def as_somebody(url: str, password: str = "") -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"somebody:{password}@").geturl()


async def test_an_unknown_database_or_user_is_named(database_url: str) -> None:
    with pytest.raises(WrongDatabase, match='"no_such_test_store" does not exist: create it, or name another one'):
        await Database(database_url.replace("/test_", "/no_such_test_")).connect()
    with pytest.raises(WrongDatabase, match='does not let this user in: role "somebody" does not exist'):
        await Database(as_somebody(database_url)).connect()


async def test_a_wrong_password_is_named_and_not_shown(postgres: EmbeddedPostgres, database_url: str) -> None:
    admin = await asyncpg.connect(postgres.dsn)
    rules = Path(await admin.fetchval("show hba_file"))
    before = rules.read_bytes()
    async with somebody(database_url, "password 'right'"):
        rules.write_bytes(b"local all somebody scram-sha-256\n" + before)
        await admin.execute("select pg_reload_conf()")
        try:
            async with asyncio.timeout(10):
                while True:  # the server reads it in its own time
                    try:
                        await (await asyncpg.connect(as_somebody(database_url, "wrong"))).close()
                    except asyncpg.InvalidPasswordError:
                        break
            with pytest.raises(WrongDatabase, match="does not accept the password") as told:
                await Database(as_somebody(database_url, "wrong")).connect()
            assert "wrong" not in str(told.value)
            await (await asyncpg.connect(as_somebody(database_url, "right"))).close()
        finally:
            rules.write_bytes(before)
            await admin.execute("select pg_reload_conf()")
            await admin.close()


async def test_who_may_not_make_tables_is_told_which_right_is_missing(
    postgres: EmbeddedPostgres, database_url: str
) -> None:
    """As of PostgreSQL 15 nobody but the owner may, unless told so."""
    admin = await asyncpg.connect(postgres.dsn)
    await admin.execute("create database bare template template0 strategy file_copy")
    try:
        async with somebody(database_url):
            with pytest.raises(WrongDatabase, match="or grant create, usage on schema public to it"):
                await Database(as_somebody(postgres.url("bare"))).connect()
    finally:
        await admin.execute("drop database bare with (force)")
        await admin.close()


async def test_a_wrong_way_past_a_pooler_is_named(database_url: str) -> None:
    with pytest.raises(WrongDatabase, match=r"UNDERTONE_LISTEN_URL can't be used: database .* does not exist"):
        await find_reach(database_url, database_url.replace("/test_", "/no_such_test_"))


async def test_another_database_past_a_pooler_is_found_out(postgres: EmbeddedPostgres, database_url: str) -> None:
    with pytest.raises(WrongDatabase, match="it must name the same database"):
        await find_reach(database_url, postgres.dsn, within_s=0.5)


@pytest.mark.parametrize(
    "text",
    [
        "query_wait_timeout",
        "server login failed: FATAL the database system is starting up",
        "server login has been failing, try again later (server_login_retry)",
        "no more connections allowed (max_client_conn)",
        "pgbouncer cannot connect to server",
        "the database system is shutting down",
    ],
)
async def test_what_passes_at_a_pooler_is_waited_for(text: str) -> None:
    assert advice(asyncpg.ProtocolViolationError(text)) is None


@pytest.mark.parametrize(
    "text",
    [
        "unsupported startup parameter: extra_float_digits",
        "no such user: somebody",
        "no such database: exams",
        "transaction blocks not allowed in statement pooling mode",
        "password authentication failed",
    ],
)
async def test_what_does_not_pass_at_a_pooler_is_told(text: str) -> None:
    assert advice(asyncpg.ProtocolViolationError(text)) == f"the database can't be asked like this: {text}"


# --- few connections


async def test_where_there_are_fewer_connections_than_wanted_statements_wait_for_one(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with somebody(database_url, "connection limit 2"):
        database = Database(as_somebody(database_url), max_connections=8)
        await database.connect()
        with caplog.at_level(logging.WARNING):
            rows = await asyncio.gather(
                *(database.fetch_one("select pg_sleep(0.05), cast(:n as int) as n", {"n": n}) for n in range(12))
            )
        assert [row["n"] for row in rows if row] == list(range(12))
        told = [record for record in caplog.records if "has no connection left for us" in record.message]
        assert len(told) == 1  # not once a statement
        assert "set UNDERTONE_DATABASE_CONNECTIONS lower" in told[0].message
        await database.close()


async def test_where_there_is_none_the_wait_ends(database_url: str) -> None:
    async with somebody(database_url, "connection limit 1"):
        database = Database(as_somebody(database_url), within_s=0.5)
        taken = await asyncpg.connect(as_somebody(database_url))
        with pytest.raises(Unavailable, match="TooManyConnectionsError"):
            await database.connect()
        await taken.close()
        async with asyncio.timeout(5):
            while True:
                try:
                    await database.connect()
                    break
                except Unavailable:
                    await asyncio.sleep(0.05)
        taken = await asyncpg.connect(as_somebody(database_url))
        with pytest.raises(Unavailable, match="TimeoutError"):
            await database.fetch_one("select 1")
        await taken.close()
        await database.close()


async def test_two_pools_of_one_process_do_not_starve_each_other(database_url: str) -> None:
    async with somebody(database_url, "connection limit 1"):
        one, other = (Database(as_somebody(database_url)) for _ in range(2))
        one.shares_with(other)
        await one.connect()
        await one.execute("select 1")  # which holds on to the only connection, for a while
        async with asyncio.timeout(10):
            while True:
                try:
                    await other.connect()
                    break
                except Unavailable:
                    await one.give_up_one()
        for each in (one, other, one):
            await each.execute("select 1")
        await one.close()
        await other.close()


async def test_connections_that_an_idle_host_dropped_are_opened_anew(database_url: str) -> None:
    """As serverless hosts do when nothing is asked for minutes, to all at once."""
    database = Database(database_url)
    await database.connect()
    await asyncio.gather(*(database.execute("select pg_sleep(0.05)") for _ in range(4)))
    admin = await asyncpg.connect(database_url)
    assert await admin.fetchval(DROP_THE_OTHERS) == 4
    await admin.close()
    await asyncio.sleep(0.1)  # the news has come
    rows = await asyncio.gather(*(database.fetch_one("select 1 as one") for _ in range(8)))
    assert all(rows)
    await database.close()
