"""A vendor's server in a thread of the test, and how it can be told to misbehave.

with standing(vendor.app) as url:
    vendor.app.next(Reply(503), Reply(503))    # the next two calls
    vendor.app.from_now_on(NEVER)              # all, until `behave()`
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
import orjson
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

STARTED_WITHIN_S: Final = 10.0


@dataclass(frozen=True)
class Reply:
    """What is answered instead of the right thing. `after_s` first; `status` 0 lets the right answer through then.

    `lies` are bytes that are announced longer than they are: the connection ends in mid-answer.
    """

    status: int = 0
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    after_s: float = 0.0
    raw: bytes | None = None
    lies: bool = False


NEVER: Final = Reply(after_s=3600)


class Moody:
    """An application that first does what it was told, and keeps the calls that came."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._next: deque[Reply] = deque()
        self._always: Reply | None = None
        self.calls: list[tuple[str, str]] = []

    def next(self, *replies: Reply) -> None:
        """To the next calls, one each."""
        self._next.extend(replies)

    def from_now_on(self, reply: Reply) -> None:
        """To every call."""
        self._always = reply

    def behave(self) -> None:
        """Rightly again; and the calls so far are forgotten."""
        self._next.clear()
        self._always = None
        self.calls.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self.calls.append((scope["method"], scope["path"]))
        reply = self._next.popleft() if self._next else self._always
        if reply is None:
            await self._app(scope, receive, send)
            return
        await _until_gone(Request(scope, receive), reply.after_s)
        if reply.status == 0:
            await self._app(scope, receive, send)
            return
        content = reply.raw if reply.raw is not None else orjson.dumps(reply.body)
        response = Response(content, reply.status, dict(reply.headers), media_type="application/json")
        if reply.lies:
            response.headers["Content-Length"] = str(len(content) + 1000)
        await response(scope, receive, send)


async def _until_gone(request: Request, seconds: float) -> None:
    """Sleeps; whoever called and has gone away is waited for no longer."""
    with anyio.move_on_after(seconds):
        while seconds and not await request.is_disconnected():
            await anyio.sleep(0.01)


@contextmanager
def standing(app: ASGIApp) -> Iterator[str]:
    """Its URL, while the block runs."""
    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    thread = threading.Thread(target=server.run, args=([socket],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(STARTED_WITHIN_S)
