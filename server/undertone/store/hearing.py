"""Whether notifications arrive where they are listened for, and what to do where they don't.

A pooler that lends its connections by the transaction takes LISTEN without a word, and hands nothing on
(https://www.pgbouncer.org/features.html, "SQL feature map for pooling modes"). So it is tried.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import asyncpg

from undertone.store.database import CONNECT_WITHIN_S
from undertone.store.database_faults import AWAY_AT_FIRST, MAYBE_AWAY, WRONG, advice, away
from undertone.store.migrations import WrongDatabase
from undertone.store.notify import Line, Notice, Reconnected

log: Final = logging.getLogger("undertone")

# A notification takes a round trip, across an ocean 0.2 s.
HEARD_WITHIN_S: Final = 2.0
# Who is not heard the first time is given so many times as long: a server that is just busy must not pass for a pooler
# until the process ends.
LONGER: Final = 2
# Where nothing is heard everybody looks this often: what a proctor waits for longer than elsewhere.
LOOK_EVERY_S: Final = 2.0

BEGIN: Final = "begin"
COMMIT: Final = "commit"
TELL: Final = "select pg_notify($1, '')"


async def hears(listen_url: str, url: str, within_s: float = HEARD_WITHIN_S) -> bool:
    """Whether who listens through the one hears what is told through the other, at the second time of asking at last.

    `within_s` is for each answer too: a server that froze is away. Raises Unavailable, and WrongDatabase for what
    waiting does not help.
    """
    # Of its own: a pooler may leave the listening to somebody else for as long as it keeps the connection.
    channel = f"undertone_{secrets.token_hex(8)}"
    heard = asyncio.Event()
    try:
        listening = await _connected(listen_url, within_s)
        try:
            # From another connection, for a pooler hands on what arrives while it has lent one to us.
            telling = await _connected(url, within_s)
            try:
                await listening.add_listener(channel, lambda *_: heard.set())
                for wait_s in (within_s, LONGER * within_s):
                    # Not asyncpg's own transaction: it rolls back, and waits for a frozen server without end.
                    await telling.execute(BEGIN)
                    await telling.execute(TELL, channel)
                    await telling.execute(COMMIT)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(wait_s):
                            await heard.wait()
                            return True
                return False
            finally:
                telling.terminate()
        finally:
            listening.terminate()
    except (*WRONG, *AWAY_AT_FIRST, *MAYBE_AWAY) as error:
        better = advice(error)
        if better is not None:
            raise WrongDatabase(better) from None
        raise away(error) from error


async def _connected(url: str, within_s: float) -> Line:
    return await asyncpg.connect(url, timeout=CONNECT_WITHIN_S, command_timeout=within_s, statement_cache_size=0)


@dataclass(frozen=True, slots=True)
class Reach:
    """How the database is reached. `pooled`: through a pooler that lends by the transaction; `listen_url`: where
    notifications are told and heard, None if nowhere."""

    url: str
    listen_url: str | None
    pooled: bool = False


async def find_reach(url: str, listen_url: str | None, within_s: float = HEARD_WITHIN_S) -> Reach:
    """Tries it, and says what it costs. Raises as `hears` does."""
    pooled = not await hears(url, url, within_s)
    if listen_url is not None:
        try:
            heard = await hears(listen_url, url, within_s)
        except WrongDatabase as fault:
            raise WrongDatabase(f"UNDERTONE_LISTEN_URL can't be used: {fault}") from None
        if not heard:
            raise WrongDatabase(
                "what UNDERTONE_DATABASE_URL tells is not heard at UNDERTONE_LISTEN_URL: "
                "it must name the same database, and no pooler"
            )
        if pooled:
            log.info("a pooler lends connections to the database by the transaction; wake-ups go past it")
        return Reach(url, listen_url, pooled)
    if pooled:
        log.warning(
            "a pooler lends connections to the database by the transaction, and hands on no wake-ups: "
            "proctors are told up to %g s later; UNDERTONE_LISTEN_URL may name the database past it",
            LOOK_EVERY_S,
        )
    return Reach(url, None if pooled else url, pooled)


class Deaf:
    """In place of a Listener, where notifications don't arrive: everybody looks every now and then."""

    def __init__(self, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._look_every_s = look_every_s

    async def notices(self) -> AsyncIterator[Notice]:
        """`Reconnected`, again and again, for ever."""
        while True:
            yield Reconnected()
            await asyncio.sleep(self._look_every_s)
