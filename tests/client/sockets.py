"""Real WebSocket servers on real ports around the server's state machines. They drop and refuse as they are told."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.client.recording import Connection, Server
from tests.client.watching import Meeting
from undertone.core.errors import RemoteFault
from undertone.core.messages import CHANNEL_PROTOCOL, STREAM_PROTOCOL, encode, error_message


class Impatient(Random):
    """Retries at once, where nobody asks for more."""

    def randint(self, a: int, b: int) -> int:
        return a


class Host(ABC):
    """What both kinds of server have: a port, the connections they had, and orders for the next ones."""

    def __init__(self) -> None:
        self.port = 0
        self.hellos: list[str] = []
        self.texts: list[str] = []  # all that came after a hello
        self.orders: list[int | str | RemoteFault | None] = []  # one per connection, see `_obey`
        self.sockets: list[ServerConnection] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        order = self.orders.pop(0) if self.orders else None
        try:
            hello = await socket.recv()
            assert isinstance(hello, str)
            self.hellos.append(hello)
            if isinstance(order, RemoteFault):
                await socket.send(encode(error_message(order)))
                await socket.close(order.close, order.code)
            elif isinstance(order, str):
                await socket.send(order)
                await socket.wait_closed()
            else:
                await self.talk(socket, hello, order)
        except ConnectionClosed:
            """Which is what most tests are about."""

    @abstractmethod
    async def talk(self, socket: ServerConnection, hello: str, messages: int | None) -> None:
        """Follow the protocol; after so many messages break the line without a word."""


class StreamHost(Host):
    """Candidates' sockets. What is to be stored is stored at once."""

    def __init__(self) -> None:
        super().__init__()
        self.server = Server()
        self.audio_bytes = 0

    async def talk(self, socket: ServerConnection, hello: str, messages: int | None) -> None:
        connection = Connection(self.server)
        try:
            connection.receive(hello)
            while True:
                while connection.store():
                    pass
                for text in connection.outgoing:
                    await socket.send(text)
                connection.outgoing.clear()
                if connection.close_code is not None:
                    return await socket.close(connection.close_code)
                message = await socket.recv()
                if isinstance(message, str):
                    self.texts.append(message)
                else:
                    self.audio_bytes += len(message)
                connection.receive(message)
                if messages is not None:
                    messages -= 1
                    if messages <= 0:
                        return socket.transport.abort()
        finally:
            if self.server.owner is connection:
                connection.lost()


class ChannelHost(Host):
    """Proctors' sockets, one at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.meeting = Meeting()

    async def talk(self, socket: ServerConnection, hello: str, messages: int | None) -> None:
        self.meeting.open()
        self.meeting.receive(hello)
        receiving = asyncio.create_task(self._receive(socket))
        sent = 0
        try:
            while not receiving.done():
                while self.meeting.outgoing:
                    await socket.send(self.meeting.outgoing.pop(0))
                    sent += 1
                    if sent == messages:
                        return socket.transport.abort()
                if self.meeting.close_code is not None:
                    return await socket.close(self.meeting.close_code)
                await asyncio.wait([receiving], timeout=0.005)
        finally:
            receiving.cancel()

    async def _receive(self, socket: ServerConnection) -> None:
        try:
            async for message in socket:
                assert isinstance(message, str)
                self.texts.append(message)
                self.meeting.receive(message)
        except ConnectionClosed:
            """The sender says what to do about it."""


@asynccontextmanager
async def hosting(host: Host, port: int = 0) -> AsyncIterator[None]:
    protocols = [Subprotocol(STREAM_PROTOCOL), Subprotocol(CHANNEL_PROTOCOL)]
    async with serve(host.handle, "127.0.0.1", port, subprotocols=protocols, close_timeout=1) as listening:
        [listener] = listening.sockets
        host.port = listener.getsockname()[1]
        yield
