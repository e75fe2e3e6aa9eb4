"""`GET /`: for people a page that says what runs here and what to do next, for programs one sentence of JSON."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from undertone.web.bodies import base_url

MESSAGE: Final = (
    "Undertone hears the second voice. People find a page here (Accept: text/html), programs docs/protocol.md."
)
_PAGE: Final = Template(Path(__file__).with_name("home.html").read_text(encoding="utf-8"))


def _style_hash(page: str) -> str:
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    return base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()


# Nothing from anywhere but this page itself: no script at all, and of styles only the one that stands in it.
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_style_hash(_PAGE.template)}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Home:
    """What the page tells."""

    version: str
    public_url: str | None
    analysis: str
    database: str
    rooms: str
    needs_api_key: bool

    def routes(self) -> list[Route]:
        """One."""
        return [Route("/", self.show)]

    async def show(self, request: Request) -> Response:
        headers = {"Vary": "Accept"}
        if not wants_html(request.headers.get("accept", "")):
            return JSONResponse({"message": MESSAGE}, headers=headers)
        facts = {
            "version": self.version,
            "url": base_url(request, self.public_url),
            "analysis": self.analysis,
            "database": self.database,
            "rooms": self.rooms,
            "creating": "with the API key" if self.needs_api_key else "open to everybody on this machine",
            "simulate_key": " --api-key $UNDERTONE_API_KEY" if self.needs_api_key else "",
            "curl_key": ' \\\n  -H "Authorization: Bearer $UNDERTONE_API_KEY"' if self.needs_api_key else "",
        }
        page = _PAGE.substitute({name: html.escape(fact) for name, fact in facts.items()})
        return HTMLResponse(page, headers={**headers, "Content-Security-Policy": POLICY})


def wants_html(accept: str) -> bool:
    """Whether text/html is asked for by name: what browsers do, and programs that take anything do not."""
    for choice in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in choice.split(";"))
        if kind == "text/html":
            return not any(re.fullmatch(r"q=0(\.0{0,3})?", parameter) for parameter in parameters)
    return False
