from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeAlias

import asyncpg
import pytest

from tests.conftest import ROOT
from undertone.store import migrations
from undertone.store.database import Database
from undertone.store.embedded import EmbeddedPostgres
from undertone.store.migrations import VERSION, WrongDatabase, migrate

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# The schema of the oldest release that can be upgraded, as it was.
FIRST_RELEASE = Path(__file__).parent / "released" / "001.sql"

SCHEMA_1 = (
    "create table schema_version (version integer); insert into schema_version values (1); create table a (x int)"
)
SCHEMA_3 = (
    "create table schema_version (version integer); insert into schema_version values (3); create table b (y int)"
)

# All that makes up a schema, by name: a column's place in its table says nothing, as `alter table` adds at the end.
CATALOGUE = """
select 'column' as what, c.table_name || '.' || c.column_name as name,
       format('%s %s %s %s %s', format_type(a.atttypid, a.atttypmod), c.is_nullable, c.column_default,
              c.is_identity, c.generation_expression) as definition
from information_schema.columns c
join pg_attribute a on a.attrelid = format('%I', c.table_name)::regclass and a.attname = c.column_name
where c.table_schema = 'public'
union all
select 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) || convalidated
from pg_constraint where connamespace = 'public'::regnamespace
union all
select 'index', indexname, indexdef from pg_indexes where schemaname = 'public'
union all
select 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
union all
select 'function', proname, pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace
union all
select 'type', t.typname, t.typtype::text from pg_type t where t.typnamespace = 'public'::regnamespace
union all
select 'table', relname, concat(obj_description(oid, 'pg_class'), reloptions, relpersistence, relrowsecurity)
from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'S')
order by 1, 2, 3
"""


@pytest.fixture
async def empty(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database with nothing in it."""
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute("create database nothing_in_it")
    yield postgres.url("nothing_in_it")
    await connection.execute("drop database nothing_in_it with (force)")
    await connection.close()


@pytest.fixture
async def connection(empty: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(empty)
    yield connection
    await connection.close()


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """Two migrations, from schema 1 to schema 3."""
    (tmp_path / "002.sql").write_text("alter table a rename to b; alter table b add column y int;")
    (tmp_path / "003.sql").write_text("alter table b drop column x;")
    (tmp_path / "schema.sql").write_text(SCHEMA_3)
    return tmp_path


async def catalogue(connection: Connection) -> set[tuple[str, str, str]]:
    return {(row["what"], row["name"], row["definition"]) for row in await connection.fetch(CATALOGUE)}


async def upgrade(connection: Connection, chain: Path, version: int = 3) -> None:
    await migrate(connection, version=version, schema=chain / "schema.sql", folder=chain)


async def test_every_release_is_led_to_the_current_schema(connection: Connection, database_url: str) -> None:
    """A change of schema.sql needs a migration; before the first release, a copy of it in released/001.sql instead."""
    await connection.execute(FIRST_RELEASE.read_text())
    await migrate(connection)
    current = await asyncpg.connect(database_url)
    expected = await catalogue(current)
    await current.close()
    assert await catalogue(connection) == expected
    assert len(expected) > 100


def test_the_version_is_the_one_that_the_schema_writes() -> None:
    schema = (ROOT / "schema.sql").read_text()
    assert re.findall(r"insert into schema_version \(version\) values \((\d+)\)", schema) == [str(VERSION)]
    folder = Path(migrations.__file__).parent
    numbers = sorted(int(path.stem) for path in folder.glob("*.sql"))
    assert numbers == list(range(2, VERSION + 1))


async def test_the_catalogue_sees_what_differs(connection: Connection, database_url: str) -> None:
    """Else the comparison above would be worth little."""
    await connection.execute((ROOT / "schema.sql").read_text())
    before = await catalogue(connection)
    for change in (
        "alter table meetings alter column title drop not null",
        "alter table reviews alter column note type varchar(9)",
        "alter table events alter column body drop default",
        "alter table proctors drop constraint proctors_meeting_fkey",
        "drop index windows_waiting",
        "comment on table nodes is 'other words'",
        "alter table participants drop constraint participants_state_check",
    ):
        await connection.execute(change)
        after = await catalogue(connection)
        assert after != before, change
        before = after


async def test_an_empty_database_gets_the_schema_as_it_is(connection: Connection, chain: Path) -> None:
    await upgrade(connection, chain)
    await upgrade(connection, chain)  # nothing left to do
    assert await connection.fetchval("select version from schema_version") == 3
    assert await connection.fetch("select y from b") == []


async def test_an_older_database_is_led_up_step_by_step(connection: Connection, chain: Path) -> None:
    await connection.execute(SCHEMA_1)
    await upgrade(connection, chain, version=2)
    assert await connection.fetch("select x, y from b") == []
    await upgrade(connection, chain)
    assert await connection.fetchval("select version from schema_version") == 3
    with pytest.raises(asyncpg.UndefinedColumnError):
        await connection.fetch("select x from b")


async def test_a_step_that_fails_leaves_the_database_as_it_was(connection: Connection, chain: Path) -> None:
    await connection.execute(SCHEMA_1)
    (chain / "003.sql").write_text("drop table no_such_table")
    with pytest.raises(asyncpg.UndefinedTableError):
        await upgrade(connection, chain)
    assert await connection.fetchval("select version from schema_version") == 1
    assert await connection.fetch("select x from a") == []


async def test_a_newer_database_is_refused(connection: Connection, chain: Path) -> None:
    await connection.execute(SCHEMA_3)
    with pytest.raises(WrongDatabase, match="schema version 3, this program knows 2"):
        await upgrade(connection, chain, version=2)


async def test_processes_that_start_together_lay_the_schema_once(empty: str) -> None:
    databases = [Database(empty) for _ in range(5)]
    await asyncio.gather(*(database.connect() for database in databases))
    for database in databases:
        row = await database.fetch_one("select count(*) as count from schema_version")
        assert row is not None
        assert row["count"] == 1
        await database.close()


async def test_too_old_a_server_is_refused(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "OLDEST_POSTGRES", 99)
    with pytest.raises(WrongDatabase, match="is too old: 99 or newer"):
        await migrate(connection)
    assert not await connection.fetchval("select to_regclass('schema_version') is not null")
