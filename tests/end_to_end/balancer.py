"""What stands before several nodes: takes connections and passes bytes on, to nodes that are ready."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

from tests.serving import Server

READY = b"GET /readyz HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n"


@dataclass(eq=False)
class Line:
    """A connection from a client to one node."""

    node: Server
    client: asyncio.StreamWriter

    def cut(self) -> None:
        """Both ends find it broken."""
        self.client.transport.abort()


@dataclass
class Balancer:
    """`nodes` may be changed at any time: the next connection goes to the next of them that says it is ready."""

    nodes: list[Server]
    port: int = 0
    scheme: str = "http"
    lines: set[Line] = field(default_factory=set)
    taken: list[tuple[Server, float]] = field(default_factory=list)  # every connection: its node, and when
    _turn: count[int] = field(default_factory=count)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until it ends."""
        there = await self._connected()
        if there is None:
            writer.transport.abort()
            return
        node, there_reader, there_writer = there
        line = Line(node, writer)
        self.lines.add(line)
        self.taken.append((node, time.monotonic()))
        try:
            await asyncio.gather(_pass(reader, there_writer), _pass(there_reader, writer))
        finally:
            self.lines.discard(line)

    async def _connected(self) -> tuple[Server, asyncio.StreamReader, asyncio.StreamWriter] | None:
        turn = next(self._turn)
        nodes = [self.nodes[(turn + i) % len(self.nodes)] for i in range(len(self.nodes))]
        # Where none is ready (a database under a burst answers late) one that is there at all is tried.
        for node in [*[node for node in nodes if await _ready(node)], *nodes]:
            with suppress(OSError):
                return node, *await asyncio.open_connection("127.0.0.1", node.port)
        return None


async def _ready(node: Server) -> bool:
    with suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
        writer.write(READY)
        answer = await reader.read()
        writer.close()
        return b" 200 " in answer.split(b"\r\n", 1)[0]
    return False


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def balancing(nodes: Sequence[Server], tls: ssl.SSLContext | None = None) -> AsyncIterator[Balancer]:
    """Before these nodes, on a port of its own; with `tls` it ends the encryption as well."""
    balancer = Balancer(list(nodes), scheme="http" if tls is None else "https")
    server = await asyncio.start_server(balancer.take, "127.0.0.1", 0, ssl=tls)
    balancer.port = server.sockets[0].getsockname()[1]
    try:
        yield balancer
    finally:
        server.close()
        for line in list(balancer.lines):
            line.cut()
