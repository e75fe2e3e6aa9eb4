"""What an HTTP call brings (its JSON body, query, credential; all bounded, all with a named fault) and its answer."""

from __future__ import annotations

from typing import Final, TypeVar

import anyio
import msgspec
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from undertone.core.errors import BadMessage, Unauthorized
from undertone.web.problems import HttpFault, too_large

MAX_BODY_BYTES: Final = 64 * 1024  # as a socket's message; the largest real body is a review's note of 2,000 characters
BODY_WITHIN_SECONDS: Final = 10.0  # a body this small arrives at once; whoever dribbles holds no handler
OF_FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})

Body = TypeVar("Body", bound=Struct)


async def read_json(request: Request, shape: type[Body]) -> Body:
    """The body as `shape`, whatever its type. Raises HttpFault 408, 413 or 415, or BadMessage."""
    if _unasked(request):
        raise HttpFault(415, "unsupported_media_type", "say Content-Type: application/json and send a JSON object")
    data = await _read(request)
    try:
        return msgspec.json.decode(data, type=shape)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadMessage(f"the body is not what this call takes: {error}"[:500]) from None


def _unasked(request: Request) -> bool:
    """Whether a foreign page may have sent this without asking first.

    Pages say where they are from, and browsers let them send other types than JSON; what has no Origin is no page, or a
    form in an old browser.
    """
    if "authorization" in request.headers:
        return False
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if "origin" in request.headers:
        return kind != "application/json" and not kind.endswith("+json")
    return kind in OF_FORMS


async def _read(request: Request) -> bytes:
    said = request.headers.get("content-length", "0")
    if said.isdigit() and int(said) > MAX_BODY_BYTES:
        raise too_large(MAX_BODY_BYTES)
    data = bytearray()
    try:
        with anyio.fail_after(BODY_WITHIN_SECONDS):
            async for chunk in request.stream():
                data += chunk
                if len(data) > MAX_BODY_BYTES:
                    raise too_large(MAX_BODY_BYTES)
    except TimeoutError:
        raise HttpFault(408, "request_timeout", f"the body did not arrive within {BODY_WITHIN_SECONDS:.0f} s") from None
    except ClientDisconnect:
        raise BadMessage("the connection broke before the body was whole") from None
    return bytes(data)


def bearer(request: Request) -> str:
    """The credential of `Authorization: Bearer …`. Raises Unauthorized where there is none."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credential.strip():
        raise Unauthorized("this call takes a credential: Authorization: Bearer …")
    return credential.strip()


def maybe_bearer(request: Request) -> str | None:
    """The credential, where a call may go without one."""
    return bearer(request) if "authorization" in request.headers else None


def parameter(request: Request, name: str) -> str | None:
    """Of the query. Blank is absent: some clients write None so."""
    return request.query_params.get(name) or None


def whole_number(request: Request, name: str, default: int, low: int, high: int) -> int:
    """A number of the query. Raises BadMessage for anything but digits within the bounds."""
    text = parameter(request, name)
    if text is None:
        return default
    # isdigit() alone takes other alphabets' digits; 16 digits hold every exact JSON number.
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and low <= int(text) <= high):
        raise BadMessage(f"{name} is a whole number from {low} to {high}")
    return int(text)


def address(request: Request) -> str:
    """Where the call comes from: the peer, or what a proxy we trust says of it."""
    return request.client.host if request.client else "unknown"


def base_url(request: Request, public_url: str | None) -> str:
    """Where people reach us, without a slash at the end: as configured, or as this very call did."""
    return public_url or str(request.base_url).rstrip("/")


def answer(body: Struct, status: int = 200, **encoded: list[str]) -> Response:
    """`body` as JSON; `encoded` adds fields that are lists of objects in JSON already."""
    data = msgspec.json.encode(body)
    for name, texts in encoded.items():
        data = b'%b,"%b":[%b]}' % (data[:-1], name.encode(), ",".join(texts).encode())
    return Response(data, status, media_type="application/json")
