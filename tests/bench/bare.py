"""A bare starlette application on the server's own uvicorn settings, in a process of its own: the measure of cost."""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import time
from collections.abc import Iterator

import psutil
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from undertone.core.messages import MAX_MESSAGE_BYTES
from undertone.serve import PING_EVERY_SECONDS, PING_WITHIN_SECONDS


@contextlib.contextmanager
def bare_server() -> Iterator[tuple[psutil.Process, int]]:
    """Its process and its port. `/` is answered `ready` and then read; `/control` is sent on to all of them."""
    context = multiprocessing.get_context("spawn")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    process = context.Process(target=_serve, args=(port,), daemon=True)
    process.start()
    assert process.pid is not None
    try:
        with contextlib.closing(_wait_for(port)):
            yield psutil.Process(process.pid), port
    finally:
        process.terminate()
        process.join(10)


def _wait_for(port: int) -> socket.socket:
    for _ in range(300):
        with contextlib.suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", port))
        time.sleep(0.1)
    raise TimeoutError("the bare server did not start")


def _serve(port: int) -> None:
    """What nobody can do without: accept, read and throw away, `send_text` to each."""
    subscribers: set[WebSocket] = set()

    async def subscribe(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.receive_text()
        await websocket.send_text('{"type":"ready"}')
        subscribers.add(websocket)
        try:
            while (await websocket.receive())["type"] != "websocket.disconnect":
                pass
        finally:
            subscribers.discard(websocket)

    async def control(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            for subscriber in list(subscribers):
                await subscriber.send_text(text)

    uvicorn.run(
        Starlette(routes=[WebSocketRoute("/", subscribe), WebSocketRoute("/control", control)]),
        port=port,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_ping_interval=PING_EVERY_SECONDS,
        ws_ping_timeout=PING_WITHIN_SECONDS,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
    )
