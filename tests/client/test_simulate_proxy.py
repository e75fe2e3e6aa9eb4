"""The line between a client and a server, over real sockets: what is sent arrives, until it is told to fail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from undertone_client.simulate.proxy import Line, lines
from undertone_client.simulate.schedule import Client, Fault, Kind

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        """As the line wants it."""
    finally:
        writer.close()


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[str, Line, Streams]]:
    listener = await asyncio.start_server(echo, "127.0.0.1", 0)
    server = f"http://localhost:{listener.sockets[0].getsockname()[1]}"
    async with lines(1) as [line]:
        streams = await asyncio.open_connection(*await line.dial(server))
        yield server, line, streams
        streams[1].close()
    listener.close()


async def said(streams: Streams, data: bytes) -> bytes:
    streams[1].write(data)
    return await asyncio.wait_for(streams[0].readexactly(len(data)), 10)


def fault(kind: Kind, for_ms: int = 0, value: int = 0) -> Fault:
    return Fault(0, kind, Client("candidate", 1), for_ms, value)


async def test_what_is_sent_arrives_and_an_end_is_passed_on() -> None:
    async with connected() as (_, _, streams):
        data = bytes(range(256)) * 4000
        assert await said(streams, data) == data
        streams[1].write_eof()
        assert await asyncio.wait_for(streams[0].read(), 10) == b""


async def test_two_that_dial_at_once_have_one_listener() -> None:
    listener = await asyncio.start_server(echo, "127.0.0.1", 0)
    server = f"http://localhost:{listener.sockets[0].getsockname()[1]}"
    async with lines(1) as [line]:
        ways = await asyncio.gather(*(line.dial(server) for _ in range(5)))
        assert len(set(ways)) == 1
    listener.close()
    with pytest.raises(ConnectionError):
        await asyncio.open_connection(*ways[0])


@pytest.mark.parametrize("kind", ["cut", "half_open"])
async def test_where_there_is_no_connection_nothing_breaks(kind: Kind) -> None:
    async with connected() as (_, line, streams):
        assert await said(streams, b"x") == b"x"
        assert line.fail(fault(kind)) is True
    async with lines(1) as [unused]:
        assert unused.fail(fault(kind)) is False


async def test_a_cut_ends_the_connection_and_the_next_one_stands() -> None:
    async with connected() as (server, line, streams):
        assert await said(streams, b"x") == b"x"
        line.fail(fault("cut"))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await said(streams, b"y")
        again = await asyncio.open_connection(*await line.dial(server))
        assert await said(again, b"z") == b"z"
        again[1].close()


@pytest.mark.parametrize(("kind", "value"), [("stall", 0), ("asleep", 0), ("delay", 300)])
async def test_what_is_held_up_arrives_whole_and_not_before(kind: Kind, value: int) -> None:
    async with connected() as (_, line, streams):
        assert await said(streams, b"x") == b"x"
        line.fail(fault(kind, 300, value))
        began = time.monotonic()
        assert await said(streams, b"abc") == b"abc"
        assert time.monotonic() - began >= 0.29


async def test_a_line_that_is_down_takes_no_connection_until_it_is_up() -> None:
    async with connected() as (server, line, streams):
        assert await said(streams, b"x") == b"x"
        line.fail(fault("overflow", 500))
        down = await asyncio.open_connection(*await line.dial(server))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await said(down, b"y")
        await asyncio.sleep(0.6)
        up = await asyncio.open_connection(*await line.dial(server))
        assert await said(up, b"z") == b"z"
        up[1].close()


async def test_a_thin_line_lets_little_through_and_loses_nothing() -> None:
    async with connected() as (_, line, streams):
        assert await said(streams, b"x") == b"x"
        line.fail(fault("throttle", 400, 10_000))
        data = bytes(range(256)) * 40  # a second's worth: after 400 ms at most 4 kB and one portion are through
        streams[1].write(data)
        began = time.monotonic()
        early = await asyncio.wait_for(streams[0].read(65536), 10)
        while time.monotonic() - began < 0.3:
            early += await asyncio.wait_for(streams[0].read(65536), 10)
        assert 0 < len(early) <= 10_000 * (time.monotonic() - began) + 1_000
        rest = await asyncio.wait_for(streams[0].readexactly(len(data) - len(early)), 10)
        assert early + rest == data


@pytest.mark.parametrize(("kind", "thin"), [("throttle", "up"), ("slow", "down")])
async def test_a_line_is_thin_one_way(kind: Kind, thin: str) -> None:
    """An uneven server: it takes without an answer, and gives without a question."""
    taken = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.write(bytes(20_000))
        while data := await reader.read(65536):
            taken.extend(data)
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with lines(1) as [line]:
        server = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        reader, writer = await asyncio.open_connection(*await line.dial(server))
        line.fail(fault(kind, 60_000, 64))  # 64 bytes a second: what is thin does not arrive in this test
        if thin == "up":
            writer.write(bytes(20_000))  # its first portion takes a second, all of it five minutes
            assert len(await asyncio.wait_for(reader.readexactly(20_000), 10)) == 20_000
            assert len(taken) < 20_000
        else:
            writer.write(bytes(20_001))
            while len(taken) < 20_000:
                await asyncio.sleep(0.01)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.readexactly(20_000), 0.2)
        writer.close()
    listener.close()


@pytest.mark.parametrize("stays", ["server", "client"])
async def test_of_a_half_open_line_one_end_goes_and_the_other_is_not_told_before_it_is_over(stays: str) -> None:
    ended = asyncio.Event()
    arrived = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                arrived.extend(data)
                writer.write(data)
        except ConnectionError:
            """A reset is an end as well."""
        ended.set()
        writer.close()

    listener = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with lines(1) as [line]:
        server = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        streams = await asyncio.open_connection(*await line.dial(server))
        assert await said(streams, b"x") == b"x"
        line.fail(fault("half_open", 500, 0 if stays == "server" else 1))
        began = time.monotonic()
        if stays == "server":
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await said(streams, b"y")
            assert not ended.is_set()
            await asyncio.wait_for(ended.wait(), 10)
        else:
            await asyncio.wait_for(ended.wait(), 10)
            streams[1].write(b"into the void")  # nobody takes it, and nobody says so
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await asyncio.wait_for(streams[0].readexactly(1), 10)
        assert time.monotonic() - began >= 0.49
        assert arrived == b"x"
        # The next one is whole.
        again = await asyncio.open_connection(*await line.dial(server))
        assert await said(again, b"z") == b"z"
        again[1].close()
        streams[1].close()
    listener.close()


async def test_a_stall_of_one_line_is_not_that_of_another() -> None:
    listener = await asyncio.start_server(echo, "127.0.0.1", 0)
    server = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with lines(2) as [stalled, free]:
        held = await asyncio.open_connection(*await stalled.dial(server))
        streams = await asyncio.open_connection(*await free.dial(server))
        stalled.fail(fault("stall", 60_000))
        held[1].write(b"x")
        assert await said(streams, b"y") == b"y"
        stalled.stalled_until = 0.0
        held[1].close()
        streams[1].close()
    listener.close()


async def test_a_server_that_is_not_there_ends_the_connection() -> None:
    async with lines(1) as [line]:
        streams = await asyncio.open_connection(*await line.dial("http://127.0.0.1:9"))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await said(streams, b"x")
        streams[1].close()


async def test_each_server_has_its_own_place_in_a_line() -> None:
    async def name(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = writer.get_extra_info("sockname")[1]
        writer.write(f"{port:05}".encode())
        await writer.drain()
        writer.close()

    listeners = [await asyncio.start_server(name, "127.0.0.1", 0) for _ in range(2)]
    async with lines(1) as [line]:
        for listener in listeners:
            port = listener.sockets[0].getsockname()[1]
            server = f"http://127.0.0.1:{port}"
            assert await line.dial(server) == await line.dial(server)
            reader, writer = await asyncio.open_connection(*await line.dial(server))
            assert await asyncio.wait_for(reader.read(), 10) == f"{port:05}".encode()
            writer.close()
            listener.close()
