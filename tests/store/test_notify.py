from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest

from tests.store.house import House
from tests.store.silent_line import silent_line
from undertone.store import notify
from undertone.store.notify import (
    CHANNEL,
    Ended,
    Listener,
    Moved,
    Notice,
    Notifier,
    Reconnected,
    TookOver,
    WasRevoked,
)

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

END_NOTICES = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
where datname = current_database() and application_name = 'undertone notices'
"""


class Heard(list[Notice]):
    """What a listener has told so far."""

    async def until(self, fits: Callable[[Heard], bool], within_s: float = 8) -> None:
        """Wait for it."""
        async with asyncio.timeout(within_s):
            while not fits(self):
                await asyncio.sleep(0.005)

    def meetings(self) -> list[str]:
        """Those said to have moved, in order, with repetitions."""
        return [meeting for notice in self if isinstance(notice, Moved) for meeting in notice.meetings]


@asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[None]:
    """In the background; its error is the test's."""
    task = asyncio.ensure_future(work)
    yield
    if task.done():
        task.result()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@asynccontextmanager
async def heard_by(listener: Listener) -> AsyncIterator[Heard]:
    """A listener that listens, and what it tells besides that."""
    heard = Heard()

    async def listen() -> None:
        async for notice in listener.notices():
            heard.append(notice)

    async with running(listen()):
        await heard.until(lambda heard: heard == [Reconnected()])
        heard.clear()
        yield heard


async def cut(url: str) -> int:
    """Terminates the lines of notifiers and listeners, as an administrator would; returns how many."""
    connection = await asyncpg.connect(url)
    count: int = await connection.fetchval(END_NOTICES)
    await connection.close()
    return count


async def test_what_is_told_is_heard_by_every_node(database_url: str) -> None:
    notifier, one_node, other_node = Notifier(database_url), Listener(database_url), Listener(database_url)
    async with heard_by(one_node) as one, heard_by(other_node) as other, running(notifier.run()):
        notifier.moved("exam")
        notifier.took_over("exam", "ann", 7, "node-2")
        notifier.revoked("exam", "bob")
        notifier.proctor_revoked("exam", "bob")
        notifier.ended("exam")
        revoked = {WasRevoked("exam", "bob"), WasRevoked("exam", "bob", "proctor")}
        expected = {Moved(("exam",)), TookOver("exam", "ann", 7, "node-2"), Ended("exam"), *revoked}
        for heard in (one, other):
            await heard.until(lambda heard: len(heard) == 5)
            assert set(heard) == expected


async def test_a_busy_meeting_is_one_name_and_many_meetings_few_notices(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "SEND_EVERY_S", 0.2)
    notifier = Notifier(database_url)
    names = [f"{number:03}".ljust(64, "x") for number in range(250)]  # the longest there are
    async with heard_by(Listener(database_url)) as heard, running(notifier.run()):
        for _ in range(50):
            for name in names:
                notifier.moved(name)
        await heard.until(lambda heard: len(heard.meetings()) >= 250)
        await asyncio.sleep(0.3)
        assert heard.meetings() == names
        assert len(heard) == 3
        heard.clear()
        began = time.monotonic()
        for _ in range(30):  # 0.3 s, or more on a busy machine: a sending each 0.2 s
            notifier.moved("exam")
            await asyncio.sleep(0.01)
        sendings = (time.monotonic() - began) / 0.2
        await asyncio.sleep(0.3)
        assert 1 <= len(heard) <= sendings + 2


async def test_what_is_told_while_the_database_is_away_is_told_later(database_url: str) -> None:
    async with silent_line(database_url) as line, heard_by(Listener(database_url)) as heard:
        line.talking.clear()
        notifier = Notifier(line.url)
        async with running(notifier.run()):
            for _ in range(100):
                notifier.moved("exam")
            notifier.ended("exam")
            await asyncio.sleep(0.1)
            assert heard == []
            line.talking.set()
            await heard.until(lambda heard: len(heard) == 2)
            assert set(heard) == {Moved(("exam",)), Ended("exam")}


async def test_a_notifier_that_was_cut_off_tells_what_it_had_to(database_url: str) -> None:
    notifier = Notifier(database_url)
    async with heard_by(Listener(database_url)) as heard, running(notifier.run()):
        for round_ in range(3):
            notifier.moved(f"before-{round_}")
            await heard.until(lambda heard, round_=round_: f"before-{round_}" in heard.meetings())  # type: ignore[misc]
            assert await cut(database_url) == 2
            await heard.until(lambda heard: heard[-1] == Reconnected())
            notifier.moved(f"after-{round_}")
            await heard.until(lambda heard, round_=round_: f"after-{round_}" in heard.meetings())  # type: ignore[misc]


async def test_a_listener_that_was_cut_off_says_so_and_hears_again(database_url: str) -> None:
    async with heard_by(Listener(database_url)) as heard:
        assert await cut(database_url) == 1
        await heard.until(lambda heard: heard == [Reconnected()], within_s=2)
        connection = await asyncpg.connect(database_url)
        await connection.execute(f"""notify {CHANNEL}, '{{"ended":"exam"}}'""")
        await connection.close()
        await heard.until(lambda heard: heard[-1] == Ended("exam"))


async def test_a_line_that_died_without_a_word_is_found_out(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "ANSWER_WITHIN_S", 0.3)
    monkeypatch.setattr(notify, "CONNECT_WITHIN_S", 0.3)
    async with silent_line(database_url) as line, heard_by(Listener(line.url, check_every_s=0.1)) as heard:
        await asyncio.sleep(0.5)
        assert heard == []  # asking does no harm to a line that lives
        assert line.connections == 1
        line.talking.clear()
        async with asyncio.timeout(5):
            while line.connections == 1:  # it has given up the first one, and asks for another
                await asyncio.sleep(0.01)
        line.talking.set()
        await heard.until(lambda heard: heard == [Reconnected()])


async def test_who_reads_again_on_reconnected_misses_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines are cut again and again while events are written; a reader that follows the rules has them all."""
    monkeypatch.setattr(notify, "RETRY_TO_S", 0.2)
    notifier = Notifier(house.url)
    seen: list[int] = []

    async def read() -> None:
        async for notice in Listener(house.url).notices():
            if isinstance(notice, Reconnected | Moved):
                while page := await house.events.after("exam", seen[-1] if seen else 0, 10):
                    seen.extend(event.id for event in page)

    async with running(read()), running(notifier.run()):
        for number in range(60):
            await house.tell()
            notifier.moved("exam")
            if number % 20 == 10:
                await cut(house.url)
            await asyncio.sleep(0.005)
        async with asyncio.timeout(5):
            while len(seen) < 61:
                await asyncio.sleep(0.01)
    assert seen == list(range(1, 62))


async def test_what_others_say_on_the_channel_is_passed_over(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with heard_by(Listener(database_url)) as heard:
        connection = await asyncpg.connect(database_url)
        with caplog.at_level(logging.WARNING, "undertone"):
            for payload in ("hello", "[1]", '{"moved":7}', '{"in a later version":1}', '{"moved":["exam"],"new":{}}'):
                await connection.execute("select pg_notify($1, $2)", CHANNEL, payload)
            await heard.until(lambda heard: heard == [Moved(("exam",))])
        await connection.close()
    assert sum("somebody else notifies" in record.message for record in caplog.records) == 3
