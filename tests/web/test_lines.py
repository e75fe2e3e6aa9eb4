"""Pings on a line that is slow: whoever takes some is alive, whoever takes nothing is not."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import anyio
import pytest

from tests.web import here
from tests.web.echo import LARGE, echoing, gone
from tests.web.here import dial

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that serves."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
def pinged_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "PING_EVERY_SECONDS", 0.3)
    monkeypatch.setattr(here, "PING_WITHIN_SECONDS", 0.5)


def narrow(url: str) -> socket.socket:
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    where = urlsplit(url)
    line.connect((where.hostname, where.port))
    return line


async def test_who_reads_slowly_is_not_taken_for_dead(pinged_often: None) -> None:
    async with echoing() as (url, _), dial(url, sock=narrow(url), ping_interval=None) as client:
        await client.send("large")
        with anyio.fail_after(100):
            await here.read_slowly(client, 0.03)
        assert await client.recv() == LARGE
        await client.send("still here")
        assert await here.hear(client) == {"said": "still here"}


async def test_who_takes_nothing_is_found_dead(pinged_often: None) -> None:
    async with echoing() as (url, echo), dial(url, sock=narrow(url), ping_interval=None) as client:
        client.transport.pause_reading()
        await client.send("large")
        await anyio.sleep(2)
        client.transport.resume_reading()
        with anyio.fail_after(10):
            await client.wait_closed()
        assert client.close_code in (1006, 1011)
        await gone(echo)


async def test_who_is_there_answers() -> None:
    async with echoing() as (url, echo), dial(url) as client:
        for word in ("one", "two"):  # before and after a ping of the line's own
            await client.send(word)
            await here.hear(client)
            assert await echo.peers[0].answers(5)


async def test_the_answer_to_an_older_ping_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been on the way when the line broke."""
    monkeypatch.setattr(here, "PING_EVERY_SECONDS", 0.1)
    async with echoing() as (url, echo), dial(url, ping_interval=None) as client:
        await client.send("one")
        await here.hear(client)
        client.transport.pause_reading()
        line = echo.peers[0].line
        with anyio.fail_after(5):
            while line.pending_ping_payload is None:
                await anyio.sleep(0.01)
        older = line.pending_ping_payload
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.pong, older)
            assert not await echo.peers[0].answers(0.2)
        client.transport.resume_reading()
        assert await echo.peers[0].answers(5)


async def test_who_is_not_there_does_not_answer() -> None:
    async with echoing() as (url, echo):
        async with dial(url) as client:
            await client.send("one")
            await here.hear(client)
            client.transport.pause_reading()
            assert not await echo.peers[0].answers(0.3)
            assert not await echo.peers[0].answers(0.3)  # the same ping still waits
            client.transport.resume_reading()
            assert await echo.peers[0].answers(5)
        await gone(echo)
        assert not await echo.peers[0].answers(5)
