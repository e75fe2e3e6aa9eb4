"""A table of HTTP calls as routes: one a path, so that a wrong method is told all the right ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Call: TypeAlias = Callable[[Request], Awaitable[Response]]
Entry: TypeAlias = tuple[str, str, Call]  # method, path, call


def routes(table: Iterable[Entry]) -> list[Route]:
    """Of several entries for a method and path the last one counts.

    HEAD goes to the call for GET, which may look at the request's method.
    """
    paths: dict[str, dict[str, Call]] = {}
    for method, path, call in table:
        paths.setdefault(path, {})[method] = call
    return [Route(path, _dispatch(calls), methods=list(calls)) for path, calls in paths.items()]


def _dispatch(calls: dict[str, Call]) -> Call:
    async def call(request: Request) -> Response:
        return await calls["GET" if request.method == "HEAD" else request.method](request)

    return call
