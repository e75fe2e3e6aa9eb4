"""Wake-ups between processes, over PostgreSQL's LISTEN and NOTIFY: hints, never the truth.

A notice names what to look at; the database says what happened. One that is lost costs a few seconds, for readers look
anyway every now and then, and whenever they are told `Reconnected`. Notices are sent from a connection of their own,
after commit: a NOTIFY inside a write transaction takes PostgreSQL's global commit lock, which costs 30 times as much.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import asyncpg
import msgspec

from undertone.store.database import CONNECT_WITHIN_S, STATEMENTS_KEPT

log = logging.getLogger(__name__)

CHANNEL: Final = "undertone"
NOTIFY: Final = "select pg_notify($1, payload) from unnest($2::text[]) as payload"
STILL_THERE: Final = "select 1"

# PostgreSQL refuses a payload of 8000 bytes. Ids take at most 64 each, so that 100 of them and their quotes fit.
MEETINGS_A_NOTICE: Final = 100
# At most 50 statements a second, whatever happens: a notice waits 20 ms at the worst, which nobody sees.
SEND_EVERY_S: Final = 0.02
# A line that died without a word (a firewall that forgot it, a host that lost power) is found by asking this often.
CHECK_EVERY_S: Final = 5.0
ANSWER_WITHIN_S: Final = 5.0
# Trying again: at once, then spread, so that a hundred nodes don't meet a restarted database in one moment.
RETRY_FROM_S: Final = 0.1
RETRY_TO_S: Final = 5.0

Line: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_BROKEN: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@dataclass(frozen=True, slots=True)
class Moved:
    """These meetings have new events, or are gone."""

    meetings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TookOver:
    """`node` is about to own the candidate whose line had `generation`: who holds that line lets go."""

    meeting: str
    participant: str
    generation: int
    node: str


@dataclass(frozen=True, slots=True)
class WasRevoked:
    """A participant or proctor of the meeting may stay no longer. Their ids may be alike: the platform chooses them."""

    meeting: str
    who: str
    role: Literal["candidate", "proctor"] = "candidate"


@dataclass(frozen=True, slots=True)
class Ended:
    """The meeting has ended, or was deleted."""

    meeting: str


@dataclass(frozen=True, slots=True)
class Reconnected:
    """From here on nothing is missed; what was told before may have been: look at everything."""


Notice: TypeAlias = Moved | TookOver | WasRevoked | Ended | Reconnected


class _Payload(msgspec.Struct, frozen=True, omit_defaults=True):
    """What goes over the line. Unknown members are left alone: a newer node may say more."""

    moved: tuple[str, ...] = ()
    taken_over: TookOver | None = None
    revoked: WasRevoked | None = None
    ended: str | None = None


class Notifier:
    """Tells all processes, this one included. Its calls neither wait nor fail; `run` sends."""

    def __init__(self, url: str, *, pooled: bool = False) -> None:
        self._url = url
        self._pooled = pooled  # as for a Database
        # In order, each thing once: a busy meeting is one name, however often it moves while the database is away.
        self._moved: dict[str, None] = {}
        self._others: dict[_Payload, None] = {}
        self._wake = asyncio.Event()

    def moved(self, meeting: str) -> None:
        """The meeting has new events, or is gone; after the commit."""
        self._moved[meeting] = None
        self._wake.set()

    def took_over(self, meeting: str, participant: str, generation: int, node: str) -> None:
        """`node` wants the candidate whose line has `generation`."""
        self._tell(_Payload(taken_over=TookOver(meeting, participant, generation, node)))

    def revoked(self, meeting: str, who: str) -> None:
        """A participant was revoked; after the commit."""
        self._tell(_Payload(revoked=WasRevoked(meeting, who)))

    def proctor_revoked(self, meeting: str, who: str) -> None:
        """A proctor was revoked; after the commit."""
        self._tell(_Payload(revoked=WasRevoked(meeting, who, "proctor")))

    def ended(self, meeting: str) -> None:
        """The meeting has ended, or was deleted; after the commit."""
        self._tell(_Payload(ended=meeting))

    async def run(self) -> None:
        """Sends until it is cancelled; after a break it connects again and sends what was not sent."""
        pause = _Pause()
        while True:
            try:
                async with _line(self._url, pooled=self._pooled) as connection:
                    while True:
                        await self._send(connection)
                        pause.reset()
            except _BROKEN as error:
                log.warning("the line that tells other nodes broke: %r", error)
            await pause.sleep()

    def _tell(self, payload: _Payload) -> None:
        self._others[payload] = None
        self._wake.set()

    async def _send(self, connection: Line) -> None:
        try:
            async with asyncio.timeout(CHECK_EVERY_S):
                await self._wake.wait()
        except TimeoutError:
            await connection.execute(STILL_THERE)
            return
        self._wake.clear()
        moved, others = self._moved, self._others
        self._moved, self._others = {}, {}
        payloads = [*others, *_batches(tuple(moved))]
        try:
            async with connection.transaction() if self._pooled else nullcontext():
                await connection.execute(NOTIFY, CHANNEL, [msgspec.json.encode(each).decode() for each in payloads])
        except BaseException:
            self._moved, self._others = moved | self._moved, others | self._others
            self._wake.set()
            raise
        await asyncio.sleep(SEND_EVERY_S)


class Listener:
    """Hears what all processes tell. One a node, on a connection of its own."""

    def __init__(self, url: str, *, check_every_s: float = CHECK_EVERY_S) -> None:
        self._url = url
        self._check_every_s = check_every_s

    async def notices(self) -> AsyncIterator[Notice]:
        """Notices as they come, for ever. `Reconnected` comes first of all, and first after every break."""
        pause = _Pause()
        while True:
            try:
                async with _line(self._url) as connection, aclosing(self._heard(connection)) as heard:
                    async for notice in heard:
                        yield notice
                        pause.reset()
            except _BROKEN as error:
                log.warning("the line on which other nodes tell broke: %r", error)
            await pause.sleep()

    async def _heard(self, connection: Line) -> AsyncGenerator[Notice, None]:
        # Unbounded, yet small: senders coalesce, and whoever reads only takes notes. None: the line is closed.
        arrived: asyncio.Queue[str | None] = asyncio.Queue()
        connection.add_termination_listener(lambda _: arrived.put_nowait(None))
        await connection.add_listener(CHANNEL, lambda *heard: arrived.put_nowait(heard[-1]))
        yield Reconnected()
        while True:
            try:
                async with asyncio.timeout(self._check_every_s):
                    payload = await arrived.get()
            except TimeoutError:
                await connection.execute(STILL_THERE)
                continue
            if payload is None:
                raise ConnectionResetError("the server closed it")
            for notice in _read(payload):
                yield notice


class _Pause:
    """Between attempts: full jitter, longer each time, short again once the line has worked."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._up_to_s = RETRY_FROM_S

    async def sleep(self) -> None:
        await asyncio.sleep(random.uniform(0, self._up_to_s))  # noqa: S311 (spreads load, guards nothing)
        self._up_to_s = min(2 * self._up_to_s, RETRY_TO_S)


@asynccontextmanager
async def _line(url: str, *, pooled: bool = False) -> AsyncIterator[Line]:
    connection = await asyncpg.connect(
        url,
        timeout=CONNECT_WITHIN_S,
        command_timeout=ANSWER_WITHIN_S,
        server_settings={"application_name": "undertone notices"},
        statement_cache_size=0 if pooled else STATEMENTS_KEPT,
    )
    try:
        yield connection
    finally:
        connection.terminate()  # nothing is in progress that is worth waiting for


def _batches(meetings: tuple[str, ...]) -> Iterator[_Payload]:
    for start in range(0, len(meetings), MEETINGS_A_NOTICE):
        yield _Payload(moved=meetings[start : start + MEETINGS_A_NOTICE])


def _read(text: str) -> Iterator[Notice]:
    try:
        payload = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        log.warning("somebody else notifies on the channel %r: %.100r", CHANNEL, text)
        return
    if payload.moved:
        yield Moved(payload.moved)
    if payload.ended is not None:
        yield Ended(payload.ended)
    yield from filter(None, (payload.taken_over, payload.revoked))


_decoder = msgspec.json.Decoder(_Payload)
