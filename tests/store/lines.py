"""Simple things to say to a database, and how its lines are cut."""

from __future__ import annotations

import asyncpg

from undertone.store.database import Database

MEETING = "insert into meetings (meeting, title, admin_hash, join_hash, epoch) values (:meeting, '', '', '', '')"
MEETINGS = "select meeting from meetings order by meeting"
CHANGE_ALL = "update meetings set title = 'changed'"
SLEEP = "select pg_sleep(:seconds)"
END_ALL = """
select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
"""


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
