"""`GET /`: a page for people, a sentence for programs."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import httpx
import pytest

from tests.serving import Server
from undertone.web.home import wants_html

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Page(HTMLParser):
    """Everything that a page could load or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}


def test_programs_get_a_message(http: httpx.Client) -> None:
    for accept in ("*/*", "application/json", ""):
        response = http.get("/", headers={"Accept": accept})
        assert response.headers["content-type"] == "application/json"
        assert set(response.json()) == {"message"}
        assert "Accept" in response.headers["vary"]


def test_people_get_a_page_that_says_what_runs_and_what_to_do_next(http: httpx.Client, server: Server) -> None:
    response = http.get("/", headers={"Accept": BROWSER})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    for said in (f"undertone simulate --server {server.url}", "$UNDERTONE_API_KEY", "a shared PostgreSQL", "elsewhere"):
        assert said in response.text


def test_the_page_loads_nothing_and_runs_nothing(http: httpx.Client) -> None:
    response = http.get("/", headers={"Accept": BROWSER})
    page = Page(response.text)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not {"src", "href", "style"} & page.attributes
    assert not [name for name in page.attributes if name.startswith("on")]
    style = re.search("<style>(.*?)</style>", response.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_what_a_caller_says_of_itself_is_text_and_no_markup(http: httpx.Client) -> None:
    response = http.get("/", headers={"Accept": "text/html", "Host": "x<script>alert(1)</script>"})
    assert "<script" not in response.text


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (BROWSER, True),
        ("TEXT/HTML", True),
        ("application/json, text/html;q=0.1", True),
        ("text/html;q=0", False),
        ("text/html;q=0.000", False),
        ("text/*", False),
        ("*/*", False),
        ("", False),
        ("text/htmlx", False),
    ],
)
def test_who_wants_a_page(accept: str, wanted: bool) -> None:
    assert wants_html(accept) is wanted
