"""A client's WebSocket as cheap as Python makes it: of RFC 6455 what a server that sends whole messages needs."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from collections.abc import Callable
from typing import Final, cast

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
NO_CLOSE_CODE: Final = 1006  # RFC 6455 section 7.1.5: the line broke without a close


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole message as it goes on the wire. A client masks; zeros are a mask, too."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 2**16:
        length = b"\xfe" + struct.pack("!H", size)
    else:
        length = b"\xff" + struct.pack("!Q", size)
    return bytes([0x80 | opcode]) + length + b"\0\0\0\0" + payload


class WebSocket(asyncio.Protocol):
    """One connection. A subclass says what becomes of what arrives."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._buffer = b""
        self._open = False
        self._transport: asyncio.Transport
        self.write: Callable[[bytes], None] = _not_connected  # whole frames, straight to the transport
        self.close_code = NO_CLOSE_CODE
        self.congested = False  # whether more was written than the line takes
        #: Done once the line is gone, whoever closed it.
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # --- what a subclass adds

    def opened(self) -> None:
        """The handshake is over."""

    def text(self, payload: bytes) -> None:
        """A text message arrived."""

    def relieved(self) -> None:
        """The line takes more again."""

    # --- for its user

    def say(self, message: str) -> None:
        """One text message."""
        self.write(frame(TEXT, message.encode()))

    def close(self) -> None:
        """Leave with 1000; `gone` follows."""
        if not self._transport.is_closing():
            self.write(frame(CLOSE, struct.pack("!H", 1000)))
            self._transport.close()

    def drop(self) -> None:
        """Leave without a word, whatever is unsent; `gone` follows."""
        self._transport.abort()

    # --- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.write = self._transport.write
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {self._path} HTTP/1.1",
            "Host: 127.0.0.1",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        self.write("\r\n".join([*lines, "", ""]).encode())

    def connection_lost(self, exc: Exception | None) -> None:
        self.write = _into_the_void
        if not self.gone.done():
            self.gone.set_result(None)

    def pause_writing(self) -> None:
        self.congested = True

    def resume_writing(self) -> None:
        self.congested = False
        self.relieved()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            assert b" 101 " in head.split(b"\r\n")[0], head
            self._open, self._buffer = True, rest
            self.opened()
        while (arrived := self._frame()) is not None:
            opcode, payload = arrived
            if opcode == TEXT:
                self.text(payload)
            elif opcode == PING:
                self.write(frame(PONG, payload))
            elif opcode == CLOSE:
                if len(payload) >= 2:
                    self.close_code = struct.unpack_from("!H", payload)[0]
                if not self._transport.is_closing():
                    self.write(frame(CLOSE, payload[:2]))
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


def _into_the_void(_: bytes) -> None:
    """The line is gone; its user is about to learn it."""


def _not_connected(_: bytes) -> None:
    raise ConnectionError("not connected yet")
