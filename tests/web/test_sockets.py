"""The door both sockets share, from outside: real uvicorn, a real port."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from itertools import pairwise

import anyio
import pytest

from tests.web.echo import PROTOCOL, echoing, gone
from tests.web.here import dial, end_of, hear
from undertone.core.errors import CLOSE_CODES, FIRST_FINAL, MeetingEnded, RemoteFault, TakenOver
from undertone.core.messages import MAX_MESSAGE_BYTES
from undertone.serve import INVALID_TEXT, without_traceback
from undertone.web import sockets
from undertone.web.sockets import RETRY_WITHIN_MS, Entrance, Limits, spread

# A close frame of 1000, masked with zeros.
GOODBYE = b"\x88\x82\0\0\0\0\x03\xe8"

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that serves."""
    return "asyncio", {"use_uvloop": True}


async def test_the_subprotocol_is_echoed_and_none_is_taken_as_the_first_version() -> None:
    async with echoing() as (url, echo):
        async with dial(url, subprotocols=["something.else", PROTOCOL]) as client:
            assert client.subprotocol == PROTOCOL
            await client.send("hello")
            assert await hear(client) == {"said": "hello"}
            await client.send(b"12345")
            assert await hear(client) == {"bytes": 5}
            await client.send("bye")
            assert (await end_of(client))[1:] == (1000, "")
        async with dial(url) as client:
            assert client.subprotocol is None
            await client.send("hello")
            assert await hear(client) == {"said": "hello"}
        await gone(echo)


async def test_an_unknown_version_is_echoed_told_and_closed() -> None:
    async with echoing() as (url, _), dial(url, subprotocols=["undertone.channel.v9"]) as client:
        assert client.subprotocol == "undertone.channel.v9"
        error, code, reason = await end_of(client)
        assert (error["type"], error["code"], code, reason) == (
            "error",
            "unsupported_version",
            4503,
            "unsupported_version",
        )
        assert PROTOCOL in error["detail"]


async def test_who_says_nothing_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "HELLO_WITHIN_MS", 50)
    async with echoing() as (url, echo), dial(url) as client:
        error, code, reason = await end_of(client)
        assert (error["code"], code, reason) == ("hello_timeout", 4005, "hello_timeout")
        assert 0 <= error["retry_after_ms"] <= 5_000
        await gone(echo)


async def test_the_first_message_is_text() -> None:
    async with echoing() as (url, _), dial(url) as client:
        await client.send(b"\xff\xfb\x90\x00")
        error, code, _ = await end_of(client)
        assert (error["code"], code) == ("bad_message", 4500)
        assert "retry_after_ms" not in error


@pytest.mark.parametrize("message", ["x" * (MAX_MESSAGE_BYTES + 1), b"x" * (MAX_MESSAGE_BYTES + 1)])
async def test_a_message_one_byte_too_large_is_closed_by_the_websocket_layer(message: str | bytes) -> None:
    async with echoing() as (url, echo), dial(url) as client:
        await client.send("hello")
        await client.send(message)
        assert (await end_of(client))[1] == 1009
        await gone(echo)


async def test_the_largest_message_is_taken() -> None:
    async with echoing() as (url, _), dial(url) as client:
        await client.send("hello")
        await hear(client)
        await client.send(b"x" * MAX_MESSAGE_BYTES)
        assert await hear(client) == {"bytes": MAX_MESSAGE_BYTES}


@pytest.mark.parametrize("word", ["fault", "fault in a task"])
async def test_a_fault_is_told_from_wherever_it_is_raised(word: str) -> None:
    async with echoing() as (url, _), dial(url) as client:
        await client.send(word)
        error, code, reason = await end_of(client)
        assert error == {"type": "error", "code": "meeting_ended", "detail": "it is over"}
        assert (code, reason) == (4507, "meeting_ended")


async def test_a_conversation_is_stopped_from_outside_and_the_first_fault_counts() -> None:
    async with echoing() as (url, echo), dial(url) as client:
        await client.send("hello")
        await hear(client)
        echo.peers[0].stop(TakenOver("a newer one"))
        echo.peers[0].stop(MeetingEnded("too late"))
        assert (await end_of(client))[1] == 4506


async def test_a_handler_that_has_something_to_do_first_is_asked_instead_of_cancelled() -> None:
    async with echoing() as (url, echo), dial(url) as client:
        await client.send("hello")
        await hear(client)
        asked: list[RemoteFault] = []
        echo.peers[0].on_stop = asked.append
        echo.peers[0].stop(TakenOver("a newer one"))
        await client.send("still here")
        assert await hear(client) == {"said": "still here"}
        assert [fault.code for fault in asked] == ["taken_over"]
        await client.send("bye")
        assert (await end_of(client))[1] == 4506


async def test_a_bug_ends_one_conversation_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async with echoing() as (url, echo), dial(url) as other, dial(url) as client:
        await other.send("hello")
        await hear(other)
        await client.send("bug")
        assert (await end_of(client))[1] == 1006  # try again
        await other.send("still here")
        assert await hear(other) == {"said": "still here"}
        assert echo.entrance.open == 1
    assert "ZeroDivisionError" in caplog.text


async def test_only_a_text_of_the_peers_leaves_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("uvicorn.error")
    logger.addFilter(without_traceback)
    try:
        async with echoing() as (url, _), dial(url) as client, dial(url) as bug:
            await client.send(b"\xff", text=True)
            assert (await end_of(client))[1] == 1007
            assert INVALID_TEXT in caplog.text
            assert "Traceback" not in caplog.text
            await bug.send("bug in a text")
            await end_of(bug)
        assert "Traceback" in caplog.text
        assert "UnicodeDecodeError" in caplog.text
    finally:
        logger.removeFilter(without_traceback)


async def test_sending_to_a_peer_that_left_does_nothing() -> None:
    async with echoing() as (url, echo):
        async with dial(url) as client:
            await client.send("hello")
            await hear(client)
        await gone(echo)
        await echo.peers[0].send("anybody there?")
        assert await echo.peers[0].receive() is None
        echo.peers[0].stop(TakenOver("too late"))


async def test_what_somebody_who_said_goodbye_never_read_is_let_go() -> None:
    async with echoing() as (url, echo), dial(url) as client:
        await client.send("hello")
        await hear(client)
        await client.send("large")
        client.transport.pause_reading()
        while not echo.peers[0].line.unsent():
            await anyio.sleep(0.01)
        client.transport.write(GOODBYE)
        await gone(echo)
        assert echo.peers[0].line.transport.get_write_buffer_size() == 0
        client.transport.abort()


async def test_silent_sockets_are_capped_per_address_and_saying_hello_makes_room() -> None:
    entrance = Entrance(limits=Limits(silent_per_address=2))
    async with echoing(entrance) as (url, _), dial(url) as first, dial(url):
        async with dial(url) as third:
            error, code, _ = await end_of(third)
            assert (error["code"], code) == ("rate_limited", 4004)
            assert "2 sockets of your address" in error["detail"]
        await first.send("hello")
        await hear(first)
        async with dial(url) as third:
            await third.send("hello")
            assert await hear(third) == {"said": "hello"}


async def test_silent_sockets_are_capped_in_all() -> None:
    async with echoing(Entrance(limits=Limits(silent=1))) as (url, _), dial(url), dial(url) as second:
        error, code, _ = await end_of(second)
        assert (error["code"], code) == ("overloaded", 4001)


async def test_a_silent_socket_that_leaves_makes_room() -> None:
    async with echoing(Entrance(limits=Limits(silent=1, silent_per_address=1))) as (url, echo):
        for _ in range(5):
            async with dial(url):
                pass
            await gone(echo)
        async with dial(url) as client:
            await client.send("hello")
            assert await hear(client) == {"said": "hello"}


async def test_a_full_node_says_so() -> None:
    async with echoing(Entrance(limits=Limits(sockets=1))) as (url, _), dial(url) as first:
        await first.send("hello")
        await hear(first)
        async with dial(url) as second:
            error, code, _ = await end_of(second)
            assert (error["code"], code) == ("overloaded", 4001)
            assert error["retry_after_ms"] <= 30_000


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),  # no browser
        ("https://exam.example", True),
        ("https://EXAM.example", True),
        ("same host", True),
        ("https://evil.example", False),
        ("https://exam.example.evil.example", False),
        ("null", False),
        ("http://[", False),  # no URL
    ],
)
async def test_pages_of_other_origins_may_not_connect(origin: str | None, allowed: bool) -> None:
    async with echoing(Entrance(["https://exam.example/"])) as (url, _):
        if origin == "same host":
            origin = url.replace("ws://", "https://").removesuffix("/channel")  # behind a proxy that speaks TLS
        async with dial(url, origin=origin) as client:
            if allowed:
                await client.send("hello")
                assert await hear(client) == {"said": "hello"}
            else:
                error, code, _ = await end_of(client)
                assert (error["code"], code) == ("forbidden", 4502)


async def test_draining_tells_everybody_in_batches_and_lets_nobody_in() -> None:
    async with echoing() as (url, echo), AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(dial(url)) for _ in range(25)]
        for client in clients:
            await client.send("hello")
            await hear(client)
        late = await stack.enter_async_context(dial(url))  # has not said hello yet
        ended: list[tuple[float, int | None, int]] = []

        async def wait(number: int) -> None:
            error, code, _ = await end_of(clients[number])
            assert error["code"] == "draining"
            ended.append((anyio.current_time(), code, error["retry_after_ms"]))

        async with anyio.create_task_group() as tasks:
            for number in range(len(clients)):
                tasks.start_soon(wait, number)
            await echo.entrance.drain(2.0)
        assert echo.entrance.open == 0
        assert {code for _, code, _ in ended} == {4000}
        assert len({retry for _, _, retry in ended}) > 10  # spread, not one moment for all
        times = sorted(at for at, _, _ in ended)
        assert max(after - before for before, after in pairwise(times)) > 0.2  # batches, not all at once
        assert (await end_of(late))[1] == 4000
        async with dial(url) as client:
            assert (await end_of(client))[1] == 4000


async def test_draining_does_not_wait_for_ever() -> None:
    async with echoing() as (url, echo), dial(url) as client:
        await client.send("hello")
        await hear(client)
        echo.peers[0].on_stop = lambda _: None  # will not go
        began = anyio.current_time()
        await echo.entrance.drain(0.3)
        assert 0.25 < anyio.current_time() - began < 2
        await client.send("bye")
        assert (await end_of(client))[1] == 4000


@pytest.mark.parametrize("fault", CLOSE_CODES)
async def test_who_shall_come_back_is_told_a_moment_of_its_own(fault: type[RemoteFault]) -> None:
    told = [spread(fault("why", retry_after_ms=100)).retry_after_ms for _ in range(200)]
    if fault.close >= FIRST_FINAL:
        assert set(told) == {100}
        assert spread(fault("why")).retry_after_ms is None
    else:
        most = RETRY_WITHIN_MS[fault]
        assert all(moment is not None and 100 <= moment <= 100 + most for moment in told)
        assert len(set(told)) > 1 or not most
