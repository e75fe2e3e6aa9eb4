"""What surrounds every HTTP answer: one line in the access log, a few headers, and an answer even to a bug of ours."""

from __future__ import annotations

import logging
import time
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from undertone.web.problems import unexpected

access: Final = logging.getLogger("undertone.access")

# Asked every few seconds by whatever watches the process: no news.
QUIET_PATHS: Final = frozenset({"/healthz", "/readyz"})


class Edge:
    """ASGI middleware around the whole application. Sockets pass untouched: they say their own ends.

    The log never holds a query (links are signed there) nor a header (credentials travel there).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "no-referrer")
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception as fault:  # the last place that can answer
            if status:
                raise  # half an answer is out: only breaking the connection tells
            await unexpected(scope, fault)(scope, receive, answer)
        finally:
            _log(scope, status, time.perf_counter() - began)


def _log(scope: Scope, status: int, seconds: float) -> None:
    level = logging.DEBUG if scope["path"] in QUIET_PATHS else logging.INFO
    if access.isEnabledFor(level):
        client = scope.get("client")
        # The raw path is still percent-encoded: it can't break a line.
        path = scope.get("raw_path", b"").decode("latin-1") or "/"
        peer = client[0] if client else "-"
        access.log(level, "%s %s %s %d %.1f ms", peer, scope["method"], path, status, seconds * 1000)
