"""Statements on a held connection, and how what goes wrong under them is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeAlias, cast

import asyncpg
from databases.backends.postgres import PostgresConnection
from databases.interfaces import Record
from sqlalchemy import TextClause, text

from undertone.store.database_faults import AWAY, MAYBE_AWAY, away

Row: TypeAlias = Mapping[str, Any]
Pooled: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

NOTHING: Final[Row] = MappingProxyType({})


class Queries:
    """Statements on one held connection, whose faults are told as `Unavailable` where nobody but the database failed.

    Everything else is raised as asyncpg does: a constraint that a statement broke, a statement that is wrong.
    """

    def __init__(self, connection: PostgresConnection) -> None:
        self._connection = connection

    async def fetch_one(self, query: str, values: Row = NOTHING) -> Row | None:
        """The first row, or None."""
        with told(raw_of(self._connection)):
            record = await self._connection.fetch_one(_bound(query, values))
        return None if record is None else _row(record)

    async def fetch_all(self, query: str, values: Row = NOTHING) -> list[Row]:
        """All rows."""
        with told(raw_of(self._connection)):
            records = await self._connection.fetch_all(_bound(query, values))
        return [_row(record) for record in records]

    async def execute(self, query: str, values: Row = NOTHING) -> None:
        """For the effect alone; a statement that must know what it changed says `returning`."""
        with told(raw_of(self._connection)):
            await self._connection.execute(_bound(query, values))


class Transaction(Queries):
    """A transaction in progress. Whoever holds it, in whatever task, is in it; one statement at a time."""


def is_closed(raw: Pooled) -> bool:
    """Whether nothing can be asked on it any more."""
    try:
        return raw.is_closed()
    except asyncpg.InterfaceError:  # a line that closes goes back to the pool by itself, and its proxy answers nothing
        return True


def terminate(raw: Pooled) -> None:
    """Closes it without a word; PostgreSQL rolls back what was in progress."""
    if not is_closed(raw):
        raw.terminate()


@contextmanager
def told(raw: Pooled) -> Iterator[None]:
    """What goes wrong in the block is Unavailable where nobody but the database failed."""
    try:
        yield
    except AWAY as error:
        if isinstance(error, TimeoutError):
            terminate(raw)  # asking a silent database to cancel would wait for it again
        raise away(error) from error
    except MAYBE_AWAY as error:
        if is_closed(raw):
            raise away(error) from error
        raise


@lru_cache(maxsize=512)  # more than there are statements: each is a constant somewhere in store/
def _clause(query: str) -> TextClause:
    return text(query)


def _bound(query: str, values: Row) -> TextClause:
    return _clause(query).bindparams(**values)


def raw_of(connection: PostgresConnection) -> Pooled:
    """asyncpg's connection."""
    raw: Any = connection.raw_connection  # annotated as a bare connection: what the pool lends is a proxy of one
    return cast("Pooled", raw)


def _row(record: Record) -> Row:
    row: Row = record._mapping  # asyncpg.Record: everything of a mapping but the name
    return row
