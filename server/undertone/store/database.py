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
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

import anyio
import asyncpg
from databases.backends.postgres import PostgresBackend, PostgresConnection

from undertone.store.database_faults import ANY_FAULT, AWAY_AT_FIRST, TOO_MANY, WRONG, advice, away
from undertone.store.migrations import WrongDatabase, migrate
from undertone.store.queries import NOTHING, Pooled, Queries, Row, Transaction, is_closed, raw_of, terminate, told

__all__ = ["Database", "Row", "Transaction", "uninterrupted"]

log = logging.getLogger(__name__)

# A window of 60 s is stored in milliseconds; a database that takes 10 s for a statement is as good as away, and the
# candidates' buffers, which hold what waits, are bounded.
STATEMENT_WITHIN_S: Final = 10.0
# A reachable PostgreSQL answers a new connection in 2-5 ms, one across an ocean in under a second.
CONNECT_WITHIN_S: Final = 5.0
# Rolling back and giving back take one round trip; afterwards the connection is thrown away, which does both.
END_WITHIN_S: Final = 5.0
# A server without a connection left for us is asked again this often, and complained about that often.
ASK_AGAIN_S: Final = 0.1
SAY_AGAIN_S: Final = 10.0
# What nobody needed for so long is for somebody else: another pool, another node. Opening one anew takes 5-50 ms.
IDLE_FOR_S: Final = 30.0
# asyncpg's own default: more than a connection is asked.
STATEMENTS_KEPT: Final = 100
# Creating or changing a schema may wait for another process that is doing it.
MIGRATE_WITHIN_S: Final = 300.0

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


class Database:
    """The pool of one process. `url` is a `postgresql://…` as libpq and asyncpg read it.

    Each statement must be through `within_s` after it began, and have begun `within_s` after it was asked for.

    `pooled`: a pooler stands before the database that lends its connections by the transaction (pgbouncer's transaction
    mode). Then every statement is in one, nothing is said for the session, and no statement is prepared for later ones:
    https://www.pgbouncer.org/features.html (SQL feature map for pooling modes).
    """

    def __init__(
        self, url: str, *, max_connections: int = 10, within_s: float = STATEMENT_WITHIN_S, pooled: bool = False
    ) -> None:
        self._url = url
        self._within_s = within_s
        self._pooled = pooled
        self._said_at = float("-inf")
        self._beside: Database | None = None
        idle_ms = round(within_s * 500)
        self._begin = _BEGIN_POOLED.format(_BEGIN, idle_ms) if pooled else _BEGIN
        self._begin_repeatable_read = (
            _BEGIN_POOLED.format(_BEGIN_REPEATABLE_READ, idle_ms) if pooled else _BEGIN_REPEATABLE_READ
        )
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
            max_inactive_connection_lifetime=IDLE_FOR_S,
            timeout=CONNECT_WITHIN_S,
            command_timeout=within_s,
            reset=_nothing_to_reset,
            init=None if pooled else self._bound_idleness,
            # Between Parse and Bind a pooler may hand us another connection, outside a transaction: asyncpg would
            # bind what somebody else has parsed.
            statement_cache_size=0 if pooled else STATEMENTS_KEPT,
            server_settings={"application_name": "undertone"},
        )

    async def connect(self) -> None:
        """Brings the schema up to date and opens the pool. Raises Unavailable, or WrongDatabase if it can't be used."""
        try:
            own = await asyncpg.connect(
                self._url, timeout=CONNECT_WITHIN_S, command_timeout=MIGRATE_WITHIN_S, statement_cache_size=0
            )
            try:
                await migrate(own)
            finally:
                own.terminate()
            await self._backend.connect()
        except (*WRONG, *AWAY_AT_FIRST) as error:
            better = advice(error)
            if better is not None:
                raise WrongDatabase(better) from None
            raise away(error) from error

    def shares_with(self, other: Database) -> None:
        """Two pools of one process: where the server has no connection left, idle ones of the other are given up."""
        self._beside, other._beside = other, self

    async def give_up_one(self) -> None:
        """Closes a connection that nobody uses, if there is one."""
        pool: Any = self._backend._pool  # annotated as None for ever
        if pool is not None and pool.get_idle_size():
            with suppress(*ANY_FAULT):
                async with pool.acquire() as idle:
                    await idle.close(timeout=END_WITHIN_S)

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

    async def fetch_one(self, query: str, values: Row = NOTHING) -> Row | None:
        """The first row, or None. A transaction of its own, as is every call here."""
        async with self._alone() as queries:
            return await queries.fetch_one(query, values)

    async def fetch_all(self, query: str, values: Row = NOTHING) -> list[Row]:
        """All rows."""
        async with self._alone() as queries:
            return await queries.fetch_all(query, values)

    async def execute(self, query: str, values: Row = NOTHING) -> None:
        """For the effect alone."""
        async with self._alone() as queries:
            await queries.execute(query, values)

    @asynccontextmanager
    async def transaction(self, *, repeatable_read: bool = False) -> AsyncIterator[Transaction]:
        """Commits at the end of the block, rolls back if it raises or is cancelled.

        Cancelled while it commits, the block raises CancelledError and the transaction is committed. Raises
        Unavailable if the connection breaks; if that happens while committing, nobody knows the outcome: writes must
        stand being done again.
        """
        async with self._held() as connection:
            raw = raw_of(connection)
            try:
                with told(raw):
                    await raw.execute(self._begin_repeatable_read if repeatable_read else self._begin)
                yield Transaction(connection)
            except BaseException:
                await uninterrupted(_roll_back(raw))
                raise
            with told(raw):
                outcome = await uninterrupted(raw.execute(_COMMIT))
            if outcome != "COMMIT":  # PostgreSQL answers ROLLBACK, and no error, if a statement failed before
                raise RuntimeError("an error of this transaction was swallowed: nothing was written")

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[Queries]:
        """For one statement."""
        if self._pooled:
            async with self.transaction() as tx:
                yield tx
        else:
            async with self._held() as connection:
                yield Queries(connection)

    @asynccontextmanager
    async def _held(self) -> AsyncIterator[PostgresConnection]:
        connection = self._backend.connection()
        try:
            async with asyncio.timeout(self._within_s):
                await self._acquire(connection)
        except ANY_FAULT as error:
            raise away(error) from error
        try:
            yield connection
        except BaseException:
            await uninterrupted(_give_back(connection))
            raise
        await connection.release()  # asyncpg finishes it though we are cancelled; with nothing to reset it can't hang

    async def _acquire(self, connection: PostgresConnection) -> None:
        """Waits where the server has none for us: one of ours comes back soon, or one of somebody else's."""
        while True:
            try:
                await connection.acquire()
                return
            except asyncpg.TooManyConnectionsError as error:
                now = asyncio.get_running_loop().time()
                if now - self._said_at > SAY_AGAIN_S:
                    self._said_at = now
                    log.warning("%s (%s)", TOO_MANY, error)
            if self._beside is not None:
                await self._beside.give_up_one()
            await asyncio.sleep(ASK_AGAIN_S)


_BEGIN: Final = "begin isolation level read committed"
_BEGIN_REPEATABLE_READ: Final = "begin isolation level repeatable read"
_BEGIN_POOLED: Final = "{}; set local idle_in_transaction_session_timeout = {}"  # in one go
_COMMIT: Final = "commit"
_ROLLBACK: Final = "rollback"
_BOUND_IDLENESS: Final = "select set_config('idle_in_transaction_session_timeout', $1, false)"


async def _nothing_to_reset(_connection: Pooled) -> None:
    """Instead of asyncpg's reset, a round trip a statement: the only session state, a time limit, is to stay."""


async def _roll_back(raw: Pooled) -> None:
    try:
        async with asyncio.timeout(END_WITHIN_S):
            if not is_closed(raw):
                await raw.execute(_ROLLBACK)
    except ANY_FAULT:
        terminate(raw)  # PostgreSQL rolls back when the line drops


async def _give_back(connection: PostgresConnection) -> None:
    raw = raw_of(connection)
    try:
        async with asyncio.timeout(END_WITHIN_S):
            await connection.release()
    except ANY_FAULT:
        terminate(raw)  # the pool opens another one in its place
