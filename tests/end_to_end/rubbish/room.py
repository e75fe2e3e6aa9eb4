"""The room the rubbish is thrown into, and the senders that throw it, by the key of their row."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import jwt
from websockets.exceptions import ConnectionClosed

from tests.end_to_end.wire import Message, Room, Socket, stream
from tests.serving import Server
from undertone.core.errors import BY_CLOSE_CODE
from undertone.web.tokens import Role, Tokens

SECRET: Final = "a secret that the tests know as well as the server"
TOKENS: Final = Tokens([SECRET])


@dataclass
class House:
    """The server, and the meeting in which everything happens."""

    server: Server
    database_url: str
    folder: Path
    room: Room

    def token(self, role: Role = "candidate", meeting: str | None = None, ttl_s: int = 600) -> str:
        """A valid one, of somebody new."""
        return TOKENS.mint(secrets.token_hex(8), meeting or self.room.id, role, "Mallory", ttl_s)[0]

    def claims(self, **more: object) -> Message:
        return {"sub": "mallory", "meeting": self.room.id, "role": "candidate", "name": "Mallory", **more}

    async def streaming(self, **more: Any) -> Socket:
        """A new candidate's socket after `ready`."""
        return (await stream(self.server, self.token(), **more))[0]

    async def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """By the holder of the `admin_id`; `path` within the meeting."""
        headers = {"Authorization": f"Bearer {self.room.admin_id}", **arguments.pop("headers", {})}
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            url = self.server.url + (path if path.startswith("/meetings") else f"/meetings/{self.room.id}{path}")
            return await client.request(method, url, headers=headers, **arguments)


Sender = Callable[[House], Awaitable[int]]
SENDERS: Final[dict[str, Sender]] = {}


def sends(key: str) -> Callable[[Sender], Sender]:
    """Names the row that this function sends; it answers the close code or the status it got."""

    def name(sender: Sender) -> Sender:
        assert key not in SENDERS
        SENDERS[key] = sender
        return sender

    return name


async def ended(opened: Socket) -> int:
    """The close code; a code of ours came with its `error`."""
    code, heard = await opened.closed()
    if code >= 4000:
        assert heard, f"closed with {code} and no word"
        assert heard[-1]["type"] == "error"
        assert heard[-1]["code"] == BY_CLOSE_CODE[code].code
        assert heard[-1]["detail"]
    return code


async def finished(opened: Socket) -> int:
    """After `finish`: 1000."""
    await opened.say({"type": "finish"})
    return await ended(opened)


async def first(house: House, path: str, said: Message | str | bytes, **arguments: Any) -> int:
    """What a socket gets that begins with `said`."""
    opened = await Socket.open(house.server, path, **arguments)
    with contextlib.suppress(ConnectionClosed):  # refused before it said a word
        await opened.say(said)
    return await ended(opened)


def signed(claims: Message, secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


HANDSHAKE: Final = (
    b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)


async def raw(house: House, *pieces: bytes) -> int:
    """The status that the port answers to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.server.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass  # answered before all was said
    async with asyncio.timeout(30):
        line = await reader.readline()
    writer.close()
    return int(line.split()[1])


async def last(house: House, *pieces: bytes) -> int:
    """The status of the last answer before the port ends the line; each piece is sent once the one before was read.

    0: there was none.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", house.server.port)
    heard = b""
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.05)
        async with asyncio.timeout(30):
            heard = await reader.read()
    writer.close()
    statuses = re.findall(rb"HTTP/1\.1 (\d{3}) ", heard)
    return int(statuses[-1]) if statuses else 0


async def raw_frames(house: House, *pieces: bytes) -> int:
    """The close code that a socket gets for these bytes after a right handshake."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.server.port)
    writer.write(HANDSHAKE % b"/stream")
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"101" in head
    assert b"deflate" not in head.lower()
    for piece in pieces:
        writer.write(piece)
    async with asyncio.timeout(30):
        opcode, length = await reader.readexactly(2)
        assert opcode == 0x88, "a close frame"
        payload = await reader.readexactly(length)
    writer.close()
    return int.from_bytes(payload[:2], "big")


def masked(opcode: int, payload: bytes) -> bytes:
    """A frame whose mask is zero, which masks nothing. `opcode` with its flags."""
    return bytes([opcode, 0xFE]) + len(payload).to_bytes(2, "big") + bytes(4) + payload


def from_address(house: House, address: str) -> socket.socket:
    """A connection that comes from another address of the loopback."""
    return socket.create_connection(("127.0.0.1", house.server.port), source_address=(address, 0))
