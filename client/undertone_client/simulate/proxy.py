"""The lines between the harness's clients and the server, where the faults sit: a TCP proxy that can be told to fail.

It forwards bytes and reads none, so TLS passes through as it is; host names stay the server's (`Dial`). Each client has
a line of its own with one listener a server; what is said of a line holds for all its connections, or those to come.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from undertone_client.simulate.schedule import Fault

CHUNK: Final = 16 * 1024
CONNECT_WITHIN_S: Final = 10.0
PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}


@dataclass(eq=False)
class _Connection:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    dead: bool = False  # what arrives goes nowhere, and nobody is told

    def reset(self) -> None:
        for writer in (self.client, self.server):
            writer.transport.abort()


@dataclass(eq=False)
class Line:
    """One client's way to the servers."""

    stalled_until: float = 0.0  # by the monotonic clock, like all of these
    down_until: float = 0.0
    late_until: float = 0.0
    late_s: float = 0.0
    thin_until: float = 0.0
    thin_bytes_s: int = 1
    thin_downwards: bool = False  # what the client reads, rather than what it sends
    connections: set[_Connection] = field(default_factory=set)
    _listeners: dict[str, asyncio.Server] = field(default_factory=dict)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def dial(self, server: str) -> tuple[str, int]:
        """Where to connect in place of `server`."""
        async with self._opening:  # two tabs may dial at once, and have one listener
            listener = self._listeners.get(server)
            if listener is None:
                listener = self._listeners[server] = await self._listen(server)
        return "127.0.0.1", listener.sockets[0].getsockname()[1]

    async def _listen(self, server: str) -> asyncio.Server:
        parts = urlsplit(server)
        assert parts.hostname is not None
        host, port = parts.hostname, parts.port or PORTS[parts.scheme]

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._carry(reader, writer, host, port)

        return await asyncio.start_server(accept, "127.0.0.1", 0, limit=CHUNK)

    def close(self) -> None:
        """Let go of everything."""
        for listener in self._listeners.values():
            listener.close()
        for connection in self.connections:
            connection.reset()
        for task in self._tasks:
            task.cancel()

    def fail(self, fault: Fault) -> bool:
        """Begin a fault; it ends by itself. False if there was nothing that it could break."""
        until = time.monotonic() + fault.for_ms / 1000
        match fault.kind:
            case "cut" | "half_open" if not self.connections:
                return False
            case "cut":
                self._reset_all()
            case "half_open":
                self._half_open(fault)
            case "stall" | "asleep":
                self.stalled_until = until
            case "delay":
                self.late_until, self.late_s = until, fault.value / 1000
            case "throttle" | "slow":
                self.thin_until, self.thin_bytes_s = until, fault.value
                self.thin_downwards = fault.kind == "slow"
            case "overflow":
                self.down_until = until
                self._reset_all()
            case _:
                raise ValueError(f"{fault.kind} does not sit in the line")
        return True

    def _reset_all(self) -> None:
        for connection in list(self.connections):
            connection.reset()

    def _half_open(self, fault: Fault) -> None:
        """One end is gone at once; the other is not told before the fault is over, as behind a router that forgot."""
        for connection in list(self.connections):
            connection.dead = True
            gone, stays = (connection.client, connection.server)[:: -1 if fault.value else 1]
            gone.transport.abort()
            asyncio.get_running_loop().call_later(fault.for_ms / 1000, stays.transport.abort)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if time.monotonic() < self.down_until:
                writer.transport.abort()
                return
            try:
                async with asyncio.timeout(CONNECT_WITHIN_S):
                    server_reader, server_writer = await asyncio.open_connection(host, port, limit=CHUNK)
            except OSError:
                writer.transport.abort()
                return
            connection = _Connection(writer, server_writer)
            self.connections.add(connection)
            try:
                up = asyncio.create_task(self._pump(reader, server_writer, connection, downwards=False))
                down = asyncio.create_task(self._pump(server_reader, writer, connection, downwards=True))
                try:
                    await asyncio.gather(up, down)
                finally:
                    up.cancel()
                    down.cancel()
            finally:
                self.connections.discard(connection)
                if not connection.dead:
                    connection.reset()
        finally:
            self._tasks.discard(task)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: _Connection, *, downwards: bool
    ) -> None:
        """One way, until it ends: an end is passed on, a reset resets the other side too."""
        try:
            while data := await reader.read(self._portion(downwards)):
                await self._hold(len(data), downwards)
                if connection.dead:
                    continue
                writer.write(data)
                await writer.drain()
            if not connection.dead and writer.can_write_eof():
                writer.write_eof()
        except OSError:
            if not connection.dead:
                connection.reset()

    def _portion(self, downwards: bool) -> int:
        """On a thin line little is taken at a time, so that it stays even."""
        thin = time.monotonic() < self.thin_until and self.thin_downwards == downwards
        return max(64, min(CHUNK, self.thin_bytes_s // 10)) if thin else CHUNK

    async def _hold(self, count: int, downwards: bool) -> None:
        now = time.monotonic()
        if now < self.thin_until and self.thin_downwards == downwards:
            await asyncio.sleep(count / self.thin_bytes_s)
        if now < self.late_until:
            await asyncio.sleep(self.late_s)
        while (left := self.stalled_until - time.monotonic()) > 0:  # noqa: ASYNC110 - a second stall may prolong it
            await asyncio.sleep(left)


@contextlib.asynccontextmanager
async def lines(count: int) -> AsyncIterator[list[Line]]:
    """So many, all of them let go of at the end."""
    made = [Line() for _ in range(count)]
    try:
        yield made
    finally:
        for line in made:
            line.close()
        await asyncio.sleep(0)
