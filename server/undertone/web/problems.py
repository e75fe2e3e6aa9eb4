"""Errors as RFC 9457 `application/problem+json`: every answer from 400 up says what was wrong and what is right."""

from __future__ import annotations

import logging
import math
import secrets
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ExceptionHandler, Scope

from undertone.core.errors import Conflict, RemoteFault, UndertoneError
from undertone.core.requests import Problem

log: Final = logging.getLogger("undertone.web")

MEDIA_TYPE: Final = "application/problem+json"


class HttpFault(UndertoneError):
    """A fault that only HTTP knows. `code` is a name of its own, beside those of the close codes."""

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}


def too_large(limit: int) -> HttpFault:
    """413: the body has more bytes than any call needs."""
    return HttpFault(413, "too_large", f"a body has at most {limit} bytes")


def problem(
    status: int, code: str, detail: str, headers: dict[str, str] | None = None, retry_after_ms: int | None = None
) -> Response:
    """The answer that tells a fault."""
    headers = {"Cache-Control": "no-store", **(headers or {})}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"  # RFC 9110 section 11.6.1 wants one with every 401
    if retry_after_ms is not None:
        headers["Retry-After"] = str(math.ceil(retry_after_ms / 1000))
    body = Problem(
        title=HTTPStatus(status).phrase, status=status, code=code, detail=detail, retry_after_ms=retry_after_ms
    )
    return Response(msgspec.json.encode(body), status, headers, media_type=MEDIA_TYPE)


async def _told(_: Request, fault: Exception) -> Response:
    """Faults that carry their own status, code and detail."""
    assert isinstance(fault, RemoteFault | Conflict | HttpFault)
    headers = fault.headers if isinstance(fault, HttpFault) else None
    retry_after_ms = fault.retry_after_ms if isinstance(fault, RemoteFault) else None
    return problem(fault.status, fault.code, fault.detail, headers, retry_after_ms)


async def _routing(request: Request, fault: Exception) -> Response:
    """What Starlette raises by itself: an unknown path, or a method that the path does not take."""
    assert isinstance(fault, HTTPException)
    headers = dict(fault.headers or {})
    if fault.status_code == HTTPStatus.NOT_FOUND:
        return problem(404, "not_found", f"nothing is at {request.url.path[:200]}; GET / says what is here", headers)
    if fault.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = headers.get("Allow", "other methods")
        return problem(405, "method_not_allowed", f"{request.method} is not for this path; it takes {allowed}", headers)
    return problem(fault.status_code, "bad_message", fault.detail, headers)


async def not_a_call(request: Request) -> Response:
    """What is a WebSocket and was called as if it were none."""
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}  # RFC 9110 section 15.5.22
    return problem(426, "upgrade_required", f"{request.url.path} is a WebSocket: connect to it as one", headers)


def unexpected(scope: Scope, fault: Exception) -> Response:
    """A bug of ours. The log has the traceback; the answer has the number to find it by and nothing of its inside."""
    number = secrets.token_hex(4)
    log.error("failure %s: %s %r", number, scope["method"], scope["path"], exc_info=fault)
    return problem(500, "internal", f"the server failed; its log tells more under failure {number}")


HANDLERS: Final[dict[int | type[Exception], ExceptionHandler]] = {
    RemoteFault: _told,
    Conflict: _told,
    HttpFault: _told,
    HTTPException: _routing,
}
