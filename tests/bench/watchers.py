"""A thousand proctors' clients in one process, as cheap as Python makes them: they say hello, pong and count."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from multiprocessing.connection import Connection
from typing import Final, TypeAlias, cast

import uvloop

Order: TypeAlias = tuple[str, int]  # ("connect", how many more) or ("received", how many events to wait for)

AT_ONCE: Final = 20  # connections being opened; a server lets so many strangers of one address wait
WITHIN_S: Final = 90.0
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


def watch(orders: Connection, port: int, path: str, hello: str) -> None:
    """Does what it is told until the other end of the pipe closes."""
    uvloop.run(_watch(orders, port, path, hello))


async def _watch(orders: Connection, port: int, path: str, hello: str) -> None:
    clients: list[Client] = []
    taken = 0
    while True:
        while not orders.poll():
            await asyncio.sleep(0.01)
        try:
            what, number = orders.recv()
        except EOFError:
            return
        if what == "connect":
            for _ in range(0, number, AT_ONCE):
                more = [await _connect(port, path, hello) for _ in range(min(AT_ONCE, number))]
                number -= len(more)
                await asyncio.wait_for(asyncio.gather(*(client.ready for client in more)), WITHIN_S)
                clients += more
            orders.send(len(clients))
        else:
            waited = 0.0
            while sum(client.events for client in clients) < taken + number and waited < WITHIN_S:
                await asyncio.sleep(0.05)
                waited += 0.05
            received = sum(client.events for client in clients)
            orders.send(received - taken)
            taken = received


async def _connect(port: int, path: str, hello: str) -> Client:
    _, client = await asyncio.get_running_loop().create_connection(lambda: Client(path, hello), "127.0.0.1", port)
    return client


class Client(asyncio.Protocol):
    """RFC 6455, as far as a server that sends small whole messages needs it."""

    def __init__(self, path: str, hello: str) -> None:
        self._path = path
        self._hello = hello
        self._buffer = b""
        self._open = False
        self._transport: asyncio.Transport
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.events = 0
        self.stored = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {self._path} HTTP/1.1",
            "Host: 127.0.0.1",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        self._transport.write("\r\n".join([*lines, "", ""]).encode())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            assert b" 101 " in head.split(b"\r\n")[0], head
            self._open, self._buffer = True, rest
            self._send(TEXT, self._hello.encode())
        while (frame := self._frame()) is not None:
            self._take(*frame)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionError("closed before it was ready"))

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self._send(PONG, payload)
        elif opcode == TEXT and payload.startswith(b'{"type":"event"'):
            self.events += 1
        elif opcode == TEXT and payload.startswith(b'{"type":"ready"'):
            self.ready.set_result(None)
        elif opcode == TEXT and payload.startswith(b'{"type":"stored"'):
            self.stored += 1
        elif opcode == CLOSE:
            self._transport.close()

    def _frame(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1] & 0x7F, 2
        if size == 126:
            if len(buffer) < 4:
                return None
            size, start = struct.unpack_from("!H", buffer, 2)[0], 4
        elif size == 127:
            if len(buffer) < 10:
                return None
            size, start = struct.unpack_from("!Q", buffer, 2)[0], 10
        if len(buffer) < start + size:
            return None
        self._buffer = buffer[start + size :]
        return buffer[0] & 0x0F, buffer[start : start + size]

    def audio(self, mp3: bytes) -> None:
        """One binary message."""
        self._send(BINARY, mp3)

    def _send(self, opcode: int, payload: bytes) -> None:
        # A client masks; zeros are a mask, too.
        assert len(payload) < 2**16
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack("!H", len(payload))
        self._transport.write(bytes([0x80 | opcode]) + length + b"\0\0\0\0" + payload)
