"""What every stand-in is made of: a real server on a real port, and a queue of how it is to behave.

with serving(app) as url: ...
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_STARTS_WITHIN_S: Final = 20.0
# The transport of each connection by its peer: an application is told of the peer alone.
_transports: dict[tuple[str, int], Any] = {}


class _Held(H11Protocol):
    """Remembers its connection, so that it can be cut."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        _transports[transport.get_extra_info("peername")] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        _transports.pop(self.transport.get_extra_info("peername"), None)
        super().connection_lost(exc)


@contextlib.contextmanager
def serving(app: ASGIApp, *, sockets: bool = False) -> Iterator[str]:
    """The address of a server that runs in a thread of this process until the block ends; `sockets`: WebSockets too."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=_Held,
            ws="websockets-sansio" if sockets else "none",
            lifespan="off",
            log_config=None,
            access_log=False,
            loop="asyncio",
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(_STARTS_WITHIN_S)
        listener.close()
        assert not thread.is_alive()


@dataclass(frozen=True)
class Answers:
    """This, whatever was asked."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Slowly:
    """As it should, or `then`, but only after so many seconds."""

    seconds: float
    then: Answers | None = None


@dataclass(frozen=True)
class HangsUp:
    """The connection is cut without a word."""


@dataclass(frozen=True)
class BreaksOff:
    """A part of an answer, and the connection is cut."""

    body: bytes


@dataclass(frozen=True)
class NeverAnswers:
    """The connection stays, and nothing comes."""


Behaviour = Slowly | Answers | HangsUp | BreaksOff | NeverAnswers


class Behaving:
    """How the next requests are treated, in order; when the queue is empty, as they should be."""

    def __init__(self) -> None:
        self.queue: deque[Behaviour] = deque()
        self.always: Behaviour | None = None

    def will(self, *behaviours: Behaviour) -> None:
        """Of the next requests, one each."""
        self.queue.extend(behaviours)

    async def misbehave(self, request: Request) -> Response | None:
        """What was ordered; None: answer as it should be. Call it after the request has been read."""
        match self.queue.popleft() if self.queue else self.always:
            case Slowly(seconds, then):
                await anyio.sleep(seconds)
                return None if then is None else Response(then.body, then.status, then.headers)
            case Answers(status, body, headers):
                return Response(body, status, headers)
            case HangsUp():
                _transport(request).abort()
                await anyio.sleep_forever()
            case BreaksOff(body):
                return _Broken(body, _transport(request))
            case NeverAnswers():
                await anyio.sleep_forever()
        return None


class Moody(Behaving):
    """An application that does as it was told before it does as it should; it keeps the calls that came."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__()
        self._app = app
        self.calls: list[tuple[str, str]] = []

    def behave(self) -> None:
        """As it should from now on; and the calls so far are forgotten."""
        self.queue.clear()
        self.always = None
        self.calls.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http":
            self.calls.append((scope["method"], scope["path"]))
            app = await self.misbehave(Request(scope, receive)) or app
        await app(scope, receive, send)


class _Broken(Response):
    """Announces more than comes."""

    def __init__(self, body: bytes, transport: Any) -> None:
        super().__init__(body, headers={"Content-Length": str(len(body) + 1000)}, media_type="application/json")
        self._transport = transport

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        self._transport.close()
        await anyio.sleep_forever()


def _transport(request: Request) -> Any:
    assert request.client is not None
    return _transports[request.client.host, request.client.port]
