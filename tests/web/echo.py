"""A handler behind the door that both sockets share: it says back what it hears, and obeys some words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from tests.web.here import serving
from undertone.core.errors import MeetingEnded
from undertone.web.sockets import Entrance, Peer

# More than the kernel holds for a line.
LARGE = "x" * 8_000_000
PROTOCOL = "undertone.channel.v1"


class Echo:
    """A handler that says back what it hears, and obeys some words."""

    def __init__(self, entrance: Entrance) -> None:
        self.entrance = entrance
        self.peers: list[Peer] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.entrance.serve(WebSocket(scope, receive, send), PROTOCOL, self.converse)

    async def converse(self, peer: Peer, hello: str) -> None:
        self.peers.append(peer)
        message: str | bytes | None = hello
        while message is not None:
            match message:
                case "bye":
                    return
                case "bug":
                    raise ZeroDivisionError
                case "large":
                    await peer.send(LARGE)
                case "bug in a text":
                    b"\xff".decode()
                case "fault":
                    raise MeetingEnded("it is over")
                case "fault in a task":
                    async with anyio.create_task_group() as outer, anyio.create_task_group() as inner:
                        outer.start_soon(anyio.sleep, 60)
                        inner.start_soon(self.fail)
                case bytes():
                    await peer.send(f'{{"bytes": {len(message)}}}')
                case _:
                    await peer.send(f'{{"said": "{message[:20]}"}}')
            message = await peer.receive()

    async def fail(self) -> None:
        raise MeetingEnded("it is over")


@asynccontextmanager
async def echoing(entrance: Entrance | None = None) -> AsyncIterator[tuple[str, Echo]]:
    echo = Echo(Entrance() if entrance is None else entrance)
    async with serving(Starlette(routes=[WebSocketRoute("/channel", echo)])) as url:
        yield url + "/channel", echo


async def gone(echo: Echo) -> None:
    with anyio.fail_after(5):
        while echo.entrance.open:
            await anyio.sleep(0.01)
