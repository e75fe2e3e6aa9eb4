"""The line between a client and a server, over real sockets: what is sent arrives, until it is told to fail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from undertone_client.simulate.proxy import Line, lines
from undertone_client.simulate.schedule import Client, Fault, Kind

pytestmark = pytest.mark.anyio

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
