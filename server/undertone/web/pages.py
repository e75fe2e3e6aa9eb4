"""What people open: `/` (for programs one sentence of JSON), `/join/{meeting}`, `/watch/{meeting}`; and `/static/…`.

The pages are the same for everybody and hold no secret: who may what is asked by their scripts, call by call. A
meeting's `join_secret` is in the fragment of its candidates' link, which no browser sends.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from string import Template
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from undertone.rooms.base import NO_ROOM, Reach
from undertone.web.bodies import base_url
from undertone.web.problems import HttpFault
from undertone.web.static import Bundle, takes

MESSAGE: Final = (
    "Undertone hears the second voice. People find a page here (Accept: text/html), programs docs/protocol.md."
)
NOT_BUILT: Final = "the pages were not built: run `make bundle`, which takes seconds, and start the server anew"
# Nothing from anywhere but this server, nothing inline, nobody around it. Clips may come as blobs; `data:` is for the
# small pictures in styles. Sockets are named besides 'self', which in Safari before 15.4 did not cover them.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'{sockets}{clips}{rooms}; worker-src 'self'{workers}; media-src 'self' blob:{clips}; "
    "font-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_POWERS: Final = "microphone=(self), camera=({camera}), geolocation=(), display-capture=(), payment=(), usb=()"
# What a Host header may hold to stand in a policy: it comes from the caller.
_HOST: Final = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Facts:
    """What runs here, as the home page tells it, in the reader's language."""

    version: str
    analysis_here: bool
    database_shared: bool
    rooms: str
    needs_api_key: bool
    retention_days: int  # candidates agree to it


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of one server. Without a bundle they say what to run."""

    bundle: Bundle | None
    facts: Facts
    public_url: str | None
    clips_origin: str | None = None  # where links to clips lead, if not to this server
    reach: Reach = NO_ROOM  # where meetings may have a room, its provider

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/", self.home),
            Route("/join/{meeting}", self.join),
            Route("/watch/{meeting}", self.watch),
            Route("/static/{file}", self.static),
        ]

    async def home(self, request: Request) -> Response:
        if not wants_html(request.headers.get("accept", "")):
            return JSONResponse({"message": MESSAGE}, headers={"Vary": "Accept"})
        return self._page(request, "home", NO_ROOM)

    async def join(self, request: Request) -> Response:
        return self._page(request, "join", self.reach)

    async def watch(self, request: Request) -> Response:
        return self._page(request, "watch", self.reach)

    async def static(self, request: Request) -> Response:
        if self.bundle is None:
            raise HttpFault(503, "not_built", NOT_BUILT)
        file = self.bundle.files.get(request.path_params["file"])
        if file is None:
            raise HttpFault(404, "not_found", "no such file, or one of another version: load the page anew")
        return file.respond(request)

    def _page(self, request: Request, name: str, reach: Reach) -> Response:
        if self.bundle is None:
            return PlainTextResponse(f"Undertone runs, but {NOT_BUILT}.", 503)
        url = base_url(request, self.public_url)
        facts = {
            "url": url,
            "version": self.facts.version,
            "analysis": "here" if self.facts.analysis_here else "elsewhere",
            "database": "shared" if self.facts.database_shared else "embedded",
            "rooms": self.facts.rooms,
            "needs_api_key": self.facts.needs_api_key,
            "retention_days": self.facts.retention_days,
        }
        prefix = html.escape(urlsplit(self.public_url or "").path)
        page = Template(self.bundle.pages[name]).substitute(facts=html.escape(json.dumps(facts)), prefix=prefix)
        headers = {
            "Vary": "Accept",
            "Content-Security-Policy": policy(request.url.netloc, self.public_url, self.clips_origin, reach),
            "Permissions-Policy": _POWERS.format(camera="self" if reach.camera else ""),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return HTMLResponse(page, headers=headers)


def policy(host: str, public_url: str | None, clips_origin: str | None = None, reach: Reach = NO_ROOM) -> str:
    """The Content-Security-Policy of a page that was asked for at `host`, or is reached at `public_url`.

    Clips may come from `clips_origin` too. `reach` is what a room provider needs on top: its own addresses, and no
    script of it.
    """
    there = urlsplit(public_url or "")
    host = there.netloc or host
    return _POLICY.format(
        sockets=f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else "",
        rooms="".join(f" {source}" for source in reach.connect),
        workers="".join(f" {source}" for source in reach.workers),
        # Where the links to clips lead, from whichever address the page was opened at.
        clips=(f" {there.scheme}://{there.netloc}" if public_url else "")
        + (f" {clips_origin}" if clips_origin else ""),
    )


def wants_html(accept: str) -> bool:
    """Whether text/html is asked for by name: what browsers do, and programs that take anything do not."""
    return takes(accept, "text/html")
