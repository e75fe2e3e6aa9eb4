"""An ASGI application on a real port of this process, with the server's own settings; and clients that speak to it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import orjson
import uvicorn
from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from undertone.config import Settings
from undertone.core.messages import MAX_MESSAGE_BYTES
from undertone.serve import PING_EVERY_SECONDS, PING_WITHIN_SECONDS, Server, bind
from undertone.web.heads import BoundedHeads
from undertone.web.lines import Line

WITHIN_S = 10.0


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """The URL of its WebSockets, while the block runs."""
    config = uvicorn.Config(
        app,
        http=BoundedHeads,
        ws=Line,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_ping_interval=PING_EVERY_SECONDS,
        ws_ping_timeout=PING_WITHIN_SECONDS,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )
    server = Server(config)
    async with anyio.create_task_group() as tasks:
        listener = bind(Settings(port=0))
        tasks.start_soon(server.serve, [listener])
        while not server.started:
            await anyio.sleep(0.005)
        try:
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True


def dial(url: str, **options: Any) -> connect:
    """A client as programs write it; a proxy of the environment's is none of the test's business."""
    # Without a bound on what waits to be received: a client that stops reading its line doesn't see the close either.
    return connect(url, **{"proxy": None, "max_size": None, "max_queue": None, **options})


async def read_slowly(client: ClientConnection, pause_s: float) -> None:
    """Take what the line holds, and pause, again and again, until a whole message is there."""
    while not client.recv_messages.frames:
        client.transport.resume_reading()
        await anyio.sleep(0.005)  # on a busy machine nothing lies there at this very moment
        client.transport.pause_reading()
        await anyio.sleep(pause_s)
    client.transport.resume_reading()


async def hear(client: ClientConnection) -> dict[str, Any]:
    """The next message."""
    with anyio.fail_after(WITHIN_S):
        message: dict[str, Any] = orjson.loads(await client.recv())
    return message


async def rest_of(client: ClientConnection) -> list[dict[str, Any]]:
    """All that still comes, until it is closed."""
    messages: list[dict[str, Any]] = []
    with anyio.fail_after(WITHIN_S), contextlib.suppress(ConnectionClosed):
        while True:
            messages.append(orjson.loads(await client.recv()))
    return messages


async def end_of(client: ClientConnection) -> tuple[dict[str, Any], int | None, str | None]:
    """How it ends: the last message before the close, its code and its reason."""
    messages = await rest_of(client)
    return messages[-1] if messages else {}, client.close_code, client.close_reason
