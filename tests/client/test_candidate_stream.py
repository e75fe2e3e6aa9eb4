"""The candidate's connection over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import msgspec
import pytest

from tests.client.recording import FRAME_BYTES, frames, numbers_in
from tests.client.sockets import Impatient, StreamHost, hosting
from undertone.core.errors import Draining, Forbidden, Revoked, TakenOver, TokenExpired, Unavailable
from undertone.core.messages import STREAM_PROTOCOL, StreamHello, ToCandidate
from undertone_client.connection import CandidateStream, link
from undertone_client.connection.link import Renew

pytestmark = pytest.mark.anyio


@pytest.fixture
async def host() -> AsyncIterator[StreamHost]:
    host = StreamHost()
    async with hosting(host):
        yield host


def stream_to(host: StreamHost, renew: Renew | None = None) -> CandidateStream:
    return CandidateStream(host.url, "token-1", renew=renew, random=Impatient())


def arrived(host: StreamHost) -> list[int]:
    return [number for stream in host.server.streams for window in stream.windows for number in numbers_in(window)]


def tokens(host: StreamHost) -> list[str]:
    return [msgspec.json.decode(hello, type=StreamHello).token for hello in host.hellos]


async def test_what_is_sent_is_stored(host: StreamHost) -> None:
    told: list[ToCandidate] = []
    async with CandidateStream(host.url, "token", on_message=told.append) as stream:
        for number in range(0, 3000, 10):
            await stream.send(frames(number, 10))
        finished = await stream.finish()
    assert (finished.offset, finished.windows) == (3000 * FRAME_BYTES, 3)
    assert arrived(host) == list(range(3000))
    assert [type(message).__name__ for message in told] == ["StreamReady", "Stored", "Stored", "Stored", "Finished"]
    [socket] = host.sockets
    assert socket.subprotocol == STREAM_PROTOCOL
    assert socket.protocol.extensions == []  # no deflate


async def test_nothing_is_lost_over_many_broken_lines(host: StreamHost) -> None:
    host.orders = [0, 1, 5, 2, 7, 1, 30, 3]
    async with stream_to(host) as stream:
        for number in range(0, 3000, 10):
            await stream.send(frames(number, 10))
            if number % 100 == 0:
                await asyncio.sleep(0.002)
        finished = await stream.finish()
    assert finished.offset == 3000 * FRAME_BYTES
    assert arrived(host) == list(range(3000))
    assert stream.connections == len(host.hellos) == 9


async def test_a_server_that_is_not_there_yet_is_waited_for() -> None:
    host = StreamHost()
    async with hosting(host):
        port = host.port
    async with stream_to(host) as stream:
        await stream.send(frames(0, 100))
        await asyncio.sleep(0.05)
        assert stream.connections == 0
        assert stream.trouble is not None
        assert "can't connect" in stream.trouble
        async with hosting(host, port):
            await stream.finish()
    assert arrived(host) == list(range(100))


async def test_a_microphone_is_never_kept_waiting() -> None:
    """Nobody listens, and an hour of sound is recorded meanwhile."""
    async with CandidateStream("http://127.0.0.1:9", "token") as stream:
        slowest = 0.0
        for _ in range(60):
            before = time.perf_counter()
            await stream.send(frames(0, 1149))
            slowest = max(slowest, time.perf_counter() - before)
        assert slowest < 0.25
        assert stream.session.outbox.kept_ms <= 900_000


@pytest.mark.parametrize("fault", [TakenOver("a newer tab"), Revoked("out"), Forbidden("not yours")])
async def test_a_final_close_is_raised_where_the_stream_is_used(
    host: StreamHost, fault: TakenOver | Revoked | Forbidden
) -> None:
    host.orders = [fault]
    async with stream_to(host) as stream:
        await stream.send(frames(0, 100))
        with pytest.raises(type(fault), match=fault.detail):
            await stream.finish()
        with pytest.raises(type(fault)):
            await stream.send(frames(0, 100))
    assert len(host.hellos) == 1


async def test_the_server_is_left_alone_as_long_as_it_asks(host: StreamHost) -> None:
    host.orders = [Draining("bye", retry_after_ms=300), Unavailable("away", retry_after_ms=200)]
    began = time.monotonic()
    async with stream_to(host) as stream:
        await stream.send(frames(0, 100))
        await stream.finish()
    assert 0.5 <= time.monotonic() - began < 5
    assert len(host.hellos) == 3


async def test_an_expired_token_is_renewed_first(host: StreamHost) -> None:
    host.orders = [TokenExpired("over")]
    renewed = 0

    async def renew() -> str:
        nonlocal renewed
        renewed += 1
        return "token-2"

    async with stream_to(host, renew) as stream:
        await stream.send(frames(0, 100))
        await stream.finish()
    assert tokens(host) == ["token-1", "token-2"]
    assert renewed == 1


async def test_a_token_that_can_not_be_renewed_ends_it(host: StreamHost) -> None:
    host.orders = [TokenExpired("over")]
    async with stream_to(host) as stream:
        with pytest.raises(TokenExpired):
            await stream.finish()

    async def refused() -> str:
        raise Revoked("out")

    host.orders = [TokenExpired("over")]
    async with stream_to(host, refused) as stream:
        with pytest.raises(Revoked):
            await stream.finish()
    assert len(host.hellos) == 2


async def test_renewing_is_tried_again_when_the_server_is_away(host: StreamHost) -> None:
    host.orders = [TokenExpired("over"), TokenExpired("over"), TokenExpired("over")]
    attempts = 0

    async def renew() -> str:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise Unavailable("away")
        if attempts == 2:
            raise ConnectionRefusedError
        return "token-2"

    async with stream_to(host, renew) as stream:
        await stream.send(frames(0, 100))
        await stream.finish()
    assert tokens(host) == ["token-1", "token-1", "token-1", "token-2"]


async def test_a_token_is_renewed_after_the_wait_and_not_before_it(host: StreamHost) -> None:
    """It may live for less than the server asks to be left alone: renewed first, it would have ended by then."""
    host.orders = [TokenExpired("over", retry_after_ms=500)]
    waited_s = 0.0
    began = time.monotonic()

    async def renew() -> str:
        nonlocal waited_s
        waited_s = time.monotonic() - began
        return "token-2"

    async with stream_to(host, renew) as stream:
        await stream.send(frames(0, 100))
        await stream.finish()
    assert tokens(host) == ["token-1", "token-2"]
    assert waited_s >= 0.5


async def test_a_token_about_to_end_is_refreshed_on_the_running_connection(host: StreamHost) -> None:
    async def renew() -> str:
        return "token-2"

    async with stream_to(host, renew) as stream:
        await stream.send(frames(0, 100))
        while not host.server.streams:
            await asyncio.sleep(0.001)
        await host.sockets[0].send('{"type":"expiring","at":"2026-01-01T00:00:00.000Z"}')
        while not host.texts:
            await asyncio.sleep(0.001)
        await stream.finish()
    assert host.texts == ['{"type":"refresh","token":"token-2"}', '{"type":"finish"}']
    assert len(host.hellos) == 1


@pytest.mark.parametrize("nonsense", ["{", '{"type":"tick","last_id":1}', '{"type":"stored","offset":1,"window":0}'])
async def test_a_server_that_breaks_the_protocol_is_left_and_tried_again(host: StreamHost, nonsense: str) -> None:
    host.orders = [nonsense]
    async with stream_to(host) as stream:
        await stream.send(frames(0, 100))
        await stream.finish()
    assert host.sockets[0].close_code == 1002
    assert arrived(host) == list(range(100))


async def test_a_server_that_never_gets_ready_is_left(host: StreamHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "READY_WITHIN_S", 0.05)
    host.orders = ['{"type":"expiring","at":"2026-01-01T00:00:00.000Z"}']
    async with stream_to(host) as stream:
        await stream.send(frames(0, 100))
        await stream.finish()
    assert arrived(host) == list(range(100))
    assert len(host.hellos) == 2


async def test_leaving_without_finish_leaves_a_part_and_no_task(host: StreamHost) -> None:
    async with stream_to(host) as stream:
        await stream.send(frames(0, 100))
        while host.audio_bytes < 100 * FRAME_BYTES:
            await asyncio.sleep(0.001)
    while not host.server.streams[0].part:
        await asyncio.sleep(0.001)
    assert host.server.streams[0].part == frames(0, 100)
    assert [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("undertone")] == []


async def test_a_failing_callback_is_not_swallowed(host: StreamHost) -> None:
    def fail(_: ToCandidate) -> None:
        raise ZeroDivisionError

    async with CandidateStream(host.url, "token", on_message=fail) as stream:
        with pytest.raises(ZeroDivisionError):
            await stream.finish()
