"""A client that knows the protocol document and nothing else: what somebody else would write."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx
import websockets
from websockets.asyncio.client import ClientConnection, connect

from tests.serving import Server

Message = dict[str, Any]


@dataclass
class Room:
    """A meeting, made through one node."""

    server: Server
    id: str
    admin_id: str
    join_secret: str

    @classmethod
    def create(cls, server: Server, title: str = "Algebra") -> Room:
        answer = httpx.post(f"{server.url}/meetings", json={"title": title}, trust_env=False)
        answer.raise_for_status()
        made = answer.json()
        return cls(server, made["data"]["id"], made["admin_id"], made["join_secret"])

    def call(self, method: str, path: str, credential: str | None = None, **arguments: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {credential or self.admin_id}"}
        url = f"{self.server.url}/meetings/{self.id}{path}"
        return httpx.request(method, url, headers=headers, trust_env=False, timeout=30, **arguments)

    def join(self, name: str = "Ada", **more: Any) -> Message:
        """A new candidate: {id, name, token, expires_at}."""
        credential = self.admin_id if more else self.join_secret
        answer = self.call("POST", "/participants", credential, json={"name": name, **more})
        answer.raise_for_status()
        data: Message = answer.json()["data"]
        return data

    def events(self) -> list[Message]:
        events: list[Message] = self.call("GET", "/events?limit=10000").json()["events"]
        return events


class Socket:
    """One WebSocket: JSON in and out, and how it was closed."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, server: Server, path: str, **arguments: Any) -> Socket:
        url = server.websocket_url + path
        return cls(await connect(url, proxy=None, compression=None, max_size=None, **arguments))

    async def say(self, message: Message | str | bytes) -> None:
        await self._connection.send(json.dumps(message) if isinstance(message, dict) else message)

    async def say_at_once(self, *messages: Message | bytes) -> None:
        """In one piece: the server has the last of them before it can answer the first."""
        for message in messages:
            if isinstance(message, dict):
                self._connection.protocol.send_text(json.dumps(message).encode())
            else:
                self._connection.protocol.send_binary(message)
        self._connection.transport.write(b"".join(self._connection.protocol.data_to_send()))

    async def audio(self, mp3: bytes, each: int = 8000) -> None:
        for at in range(0, len(mp3), each):
            await self._connection.send(mp3[at : at + each])

    async def ping(self) -> None:
        """One that nobody waits for."""
        await self._connection.ping()

    async def hear(self, within_s: float = 20) -> Message:
        """The next message. Raises ConnectionClosed."""
        async with asyncio.timeout(within_s):
            message: Message = json.loads(await self._connection.recv())
        return message

    async def hear_until(self, type_: str, within_s: float = 20) -> list[Message]:
        """Messages up to and including the first of this type."""
        heard = [await self.hear(within_s)]
        while heard[-1]["type"] != type_:
            heard.append(await self.hear(within_s))
        return heard

    async def closed(self, within_s: float = 20) -> tuple[int, list[Message]]:
        """The close code, and what was said before it."""
        heard = []
        try:
            while True:
                heard.append(await self.hear(within_s))
        except websockets.ConnectionClosed:
            code = self._connection.close_code
            assert code is not None
            return code, heard

    async def fault(self, within_s: float = 20) -> tuple[int, Message]:
        """The close code and the `error` that came right before it; the close's reason repeats the error's code."""
        code, heard = await self.closed(within_s)
        assert heard, f"closed with {code} and no word"
        error = heard[-1]
        assert error["type"] == "error"
        assert self._connection.close_reason == error["code"]
        return code, error

    def cut(self) -> None:
        """The line breaks, without a word."""
        self._connection.transport.abort()

    async def close(self) -> None:
        await self._connection.close()

    @property
    def subprotocol(self) -> str | None:
        return self._connection.subprotocol


async def stream(server: Server, token: str, stream: int | None = None, **more: Any) -> tuple[Socket, Message]:
    """A candidate's socket after `ready` (or `finished`)."""
    socket = await Socket.open(server, "/stream")
    hello: Message = {"type": "hello", "token": token, "format": {"codec": "mp3", "sample_rate": 48000}, **more}
    await socket.say(hello if stream is None else {**hello, "stream": stream})
    answer = await socket.hear()
    assert answer["type"] in ("ready", "finished"), answer
    return socket, answer


async def channel(server: Server, room: Room, **more: Any) -> tuple[Socket, Message]:
    """A proctor's socket after `ready`."""
    socket = await Socket.open(server, "/channel")
    credential = {} if "token" in more else {"admin_id": room.admin_id}
    await socket.say({"type": "hello", "meeting": room.id, **credential, **more})
    return socket, await socket.hear()
