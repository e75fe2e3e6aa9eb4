"""PostgreSQL through `databases`: named binds, one pool a process, and transactions that survive cancellation.

Built on the PostgreSQL backend of `databases` rather than on its `Database` class: that one keeps a connection for
every task in a map, and a task cancelled while it gives its connection back finds a dead one there ever after. Here
every statement outside a transaction holds a connection of its own, and everybody in a transaction holds its
`Transaction`.

Rows are read by column name. `jsonb` comes and goes as text (`cast(:x as jsonb)`), `timestamptz` as aware datetimes.
In a statement a colon before a word is a bind, also inside a literal.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeVar, cast

import anyio
import asyncpg
from databases.backends.postgres import PostgresBackend, PostgresConnection
from databases.interfaces import Record
from sqlalchemy import TextClause, text

from undertone.core.errors import Unavailable
from undertone.store.migrations import migrate

Row: TypeAlias = Mapping[str, Any]
Pooled: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

# A window of 60 s is stored in milliseconds; a database that takes 10 s for a statement is as good as away, and the
# candidates' buffers, which hold what waits, are bounded.
STATEMENT_WITHIN_S: Final = 10.0
# A reachable PostgreSQL answers a new connection in 2-5 ms, one across an ocean in under a second.
CONNECT_WITHIN_S: Final = 5.0
# Rolling back and giving back take one round trip; afterwards the connection is thrown away, which does both.
END_WITHIN_S: Final = 5.0
# Creating or changing a schema may wait for another process that is doing it.
MIGRATE_WITHIN_S: Final = 300.0

_NOTHING: Final[Row] = MappingProxyType({})

# Not this statement's fault: the same again, a little later, may well succeed.
_AWAY: Final = (
    OSError,  # refused, reset, no socket; TimeoutError is one too
    asyncpg.PostgresConnectionError,  # class 08
    asyncpg.OperatorInterventionError,  # class 57: shutting down, starting up, cancelled by an administrator
    asyncpg.InsufficientResourcesError,  # class 53: disk full, too many connections
    asyncpg.PostgresSystemError,  # class 58: I/O error below PostgreSQL
    asyncpg.TransactionRollbackError,  # class 40: deadlock, serialization
    asyncpg.ReadOnlySQLTransactionError,  # a standby that is not the primary yet, or any more
)
# What asyncpg raises besides, when the line breaks under it or it is being closed; else a programmer's mistake.
_MAYBE_AWAY: Final = (asyncpg.InterfaceError, asyncpg.InternalClientError)
# A configuration that is wrong, or a server that is not configured yet.
_NOT_LET_IN: Final = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)
_ANY_FAULT: Final = (OSError, asyncpg.PostgresError, *_MAYBE_AWAY)

T = TypeVar("T")


async def uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """Runs `work` to its end even if the caller is cancelled meanwhile; the cancellation is raised afterwards."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):  # an anyio scope cancels again on every turn of the loop: that would spin
        while not task.done():
            try:
                await asyncio.wait([task])  # neither cancels what it waits for nor raises its error
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # looked at: asyncio would complain else
        raise cancelled
    return task.result()


def away(error: BaseException) -> Unavailable:
    """What peers are told: the kind of fault only, since messages of the database name hosts and roles."""
    return Unavailable(f"the database is away: {type(error).__name__}")


class Queries:
    """Statements on one held connection, whose faults are told as `Unavailable` where nobody but the database failed.

    Everything else is raised as asyncpg does: a constraint that a statement broke, a statement that is wrong.
    """

    def __init__(self, connection: PostgresConnection) -> None:
        self._connection = connection

    async def fetch_one(self, query: str, values: Row = _NOTHING) -> Row | None:
        """The first row, or None."""
        with _told(_raw(self._connection)):
            record = await self._connection.fetch_one(_bound(query, values))
        return None if record is None else _row(record)

    async def fetch_all(self, query: str, values: Row = _NOTHING) -> list[Row]:
        """All rows."""
        with _told(_raw(self._connection)):
            records = await self._connection.fetch_all(_bound(query, values))
        return [_row(record) for record in records]

    async def execute(self, query: str, values: Row = _NOTHING) -> None:
        """For the effect alone; a statement that must know what it changed says `returning`."""
        with _told(_raw(self._connection)):
            await self._connection.execute(_bound(query, values))


class Transaction(Queries):
    """A transaction in progress. Whoever holds it, in whatever task, is in it; one statement at a time."""


class Database:
    """The pool of one process. `url` is a `postgresql://…` as libpq and asyncpg read it.

    Each statement must be through `within_s` after it began, and have begun `within_s` after it was asked for.
    """

    def __init__(self, url: str, *, max_connections: int = 10, within_s: float = STATEMENT_WITHIN_S) -> None:
        self._url = url
        self._within_s = within_s
        # asyncpg alone interprets the URL: `databases` would silently drop sslmode, several hosts and the like.
        self._backend = PostgresBackend(
            url,
            dsn=url,
            host=None,
            port=None,
            user=None,
            password=None,
            database=None,
            min_size=0,  # else asyncpg keeps trying by itself while the database is away, with a stack trace each time
            max_size=max_connections,
            timeout=CONNECT_WITHIN_S,
            command_timeout=within_s,
            reset=_nothing_to_reset,
            init=self._bound_idleness,
            server_settings={"application_name": "undertone"},
        )

    async def connect(self) -> None:
        """Brings the schema up to date and opens the pool. Raises Unavailable, or WrongDatabase if it can't be used."""
        try:
            own = await asyncpg.connect(self._url, timeout=CONNECT_WITHIN_S, command_timeout=MIGRATE_WITHIN_S)
            try:
                await migrate(own)
            finally:
                own.terminate()
            await self._backend.connect()
        except (*_AWAY, *_NOT_LET_IN) as error:
            raise away(error) from error

    async def _bound_idleness(self, line: Pooled) -> None:
        """Whoever freezes, or loses the network, in mid-transaction must not keep its locks until TCP gives up, two
        hours later: half of the time that others wait for them. Not as a startup parameter, which poolers refuse.
        """
        await line.execute(_BOUND_IDLENESS, f"{round(self._within_s * 500)}ms")

    async def close(self) -> None:
        """Waits a little for statements in progress, then closes every connection."""
        try:
            async with asyncio.timeout(END_WITHIN_S):
                await self._backend.disconnect()
        except TimeoutError:
            pass  # asyncpg terminates all connections when its closing is cut short

    async def fetch_one(self, query: str, values: Row = _NOTHING) -> Row | None:
        """The first row, or None. A transaction of its own, as is every call here."""
        async with self._held() as connection:
            return await Queries(connection).fetch_one(query, values)

    async def fetch_all(self, query: str, values: Row = _NOTHING) -> list[Row]:
        """All rows."""
        async with self._held() as connection:
            return await Queries(connection).fetch_all(query, values)

    async def execute(self, query: str, values: Row = _NOTHING) -> None:
        """For the effect alone."""
        async with self._held() as connection:
            await Queries(connection).execute(query, values)

    @asynccontextmanager
    async def transaction(self, *, repeatable_read: bool = False) -> AsyncIterator[Transaction]:
        """Commits at the end of the block, rolls back if it raises or is cancelled.

        Cancelled while it commits, the block raises CancelledError and the transaction is committed. Raises
        Unavailable if the connection breaks; if that happens while committing, nobody knows the outcome: writes must
        stand being done again.
        """
        async with self._held() as connection:
            raw = _raw(connection)
            try:
                with _told(raw):
                    await raw.execute(_BEGIN_REPEATABLE_READ if repeatable_read else _BEGIN)
                yield Transaction(connection)
            except BaseException:
                await uninterrupted(_roll_back(raw))
                raise
            with _told(raw):
                outcome = await uninterrupted(raw.execute(_COMMIT))
            if outcome != "COMMIT":  # PostgreSQL answers ROLLBACK, and no error, if a statement failed before
                raise RuntimeError("an error of this transaction was swallowed: nothing was written")

    @asynccontextmanager
    async def _held(self) -> AsyncIterator[PostgresConnection]:
        connection = self._backend.connection()
        try:
            async with asyncio.timeout(self._within_s):
                await connection.acquire()
        except _ANY_FAULT as error:
            raise away(error) from error
        try:
            yield connection
        except BaseException:
            await uninterrupted(_give_back(connection))
            raise
        await connection.release()  # asyncpg finishes it though we are cancelled; with nothing to reset it can't hang


_BEGIN: Final = "begin isolation level read committed"
_BEGIN_REPEATABLE_READ: Final = "begin isolation level repeatable read"
_COMMIT: Final = "commit"
_ROLLBACK: Final = "rollback"
_BOUND_IDLENESS: Final = "select set_config('idle_in_transaction_session_timeout', $1, false)"


async def _nothing_to_reset(_connection: Pooled) -> None:
    """Instead of asyncpg's reset, a round trip a statement: the only session state, a time limit, is to stay."""


async def _roll_back(raw: Pooled) -> None:
    try:
        async with asyncio.timeout(END_WITHIN_S):
            if not _is_closed(raw):
                await raw.execute(_ROLLBACK)
    except _ANY_FAULT:
        _terminate(raw)  # PostgreSQL rolls back when the line drops


async def _give_back(connection: PostgresConnection) -> None:
    raw = _raw(connection)
    try:
        async with asyncio.timeout(END_WITHIN_S):
            await connection.release()
    except _ANY_FAULT:
        _terminate(raw)  # the pool opens another one in its place


def _is_closed(raw: Pooled) -> bool:
    try:
        return raw.is_closed()
    except asyncpg.InterfaceError:  # a line that closes goes back to the pool by itself, and its proxy answers nothing
        return True


def _terminate(raw: Pooled) -> None:
    if not _is_closed(raw):
        raw.terminate()


@contextmanager
def _told(raw: Pooled) -> Iterator[None]:
    try:
        yield
    except _AWAY as error:
        if isinstance(error, TimeoutError):
            _terminate(raw)  # asking a silent database to cancel would wait for it again
        raise away(error) from error
    except _MAYBE_AWAY as error:
        if _is_closed(raw):
            raise away(error) from error
        raise


@lru_cache(maxsize=512)  # more than there are statements: each is a constant somewhere in store/
def _clause(query: str) -> TextClause:
    return text(query)


def _bound(query: str, values: Row) -> TextClause:
    return _clause(query).bindparams(**values)


def _raw(connection: PostgresConnection) -> Pooled:
    raw: Any = connection.raw_connection  # annotated as a bare connection: what the pool lends is a proxy of one
    return cast("Pooled", raw)


def _row(record: Record) -> Row:
    row: Row = record._mapping  # asyncpg.Record: everything of a mapping but the name
    return row
