"""The pages and files that people's browsers get; for programs a sentence."""

from __future__ import annotations

import gzip
import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from tests.serving import Server
from tests.web.room import problem_of
from undertone.app import BUNDLE
from undertone.web.pages import Facts, Pages, policy, wants_html
from undertone.web.problems import HANDLERS
from undertone.web.static import FOR_EVER, read_bundle

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PAGES = ["/", "/join/exam-1", "/watch/exam-1"]
FACTS = Facts(
    version="1.2.3",
    analysis_here=True,
    database_shared=False,
    rooms="local",
    needs_api_key=False,
    retention_days=7,
)


class Read(HTMLParser):
    """Everything that a page could load or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    @property
    def files(self) -> list[str]:
        return [where for _, said in self.tags if (where := said.get("src") or said.get("href"))]


def facts(text: str) -> dict[str, object]:
    found = re.search('name="undertone" content="(.*?)"', text)
    assert found is not None
    told: dict[str, object] = json.loads(html.unescape(found[1]))
    return told


def test_programs_get_a_message(http: httpx.Client) -> None:
    for accept in ("*/*", "application/json", ""):
        response = http.get("/", headers={"Accept": accept})
        assert response.headers["content-type"] == "application/json"
        assert set(response.json()) == {"message"}
        assert "Accept" in response.headers["vary"]


def test_people_get_a_page_that_knows_what_runs_here(http: httpx.Client, server: Server) -> None:
    response = http.get("/", headers=BROWSER)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    told = facts(response.text)
    assert told.pop("version")
    assert told == {
        "url": server.url,
        "analysis": "elsewhere",
        "database": "shared",
        "rooms": "local",
        "needs_api_key": True,
        "retention_days": 30,
    }


@pytest.mark.parametrize("path", PAGES)
def test_a_page_runs_our_files_and_nothing_inline(http: httpx.Client, path: str) -> None:
    response = http.get(path, headers=BROWSER)
    assert response.status_code == 200
    page = Read(response.text)
    assert not [tag for tag, said in page.tags if tag == "style" or (tag == "script" and not said.get("src"))]
    assert not [name for _, said in page.tags for name in said if name == "style" or name.startswith("on")]
    assert len(page.files) >= 3
    for file in page.files:
        answer = http.get(file)
        assert answer.status_code == 200, file
        assert answer.headers["cache-control"] == FOR_EVER


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_a_strict_policy(http: httpx.Client, path: str) -> None:
    headers = http.get(path, headers=BROWSER).headers
    said = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert said["default-src"] == said["base-uri"] == said["frame-ancestors"] == "'none'"
    assert said["script-src"] == said["style-src"] == said["worker-src"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    host = http.base_url.netloc.decode()
    assert said["connect-src"] == f"'self' ws://{host} wss://{host}"
    assert "microphone=(self)" in headers["permissions-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("host", "public_url", "named"),
    [
        ("a.example:8000", None, "a.example:8000"),
        ("[::1]:80", None, "[::1]:80"),
        ("127.0.0.1", "https://exams.example/undertone", "exams.example"),
        ("x; script-src *", None, None),
        ("x'unsafe-inline'", None, None),
        ("", None, None),
    ],
)
def test_only_a_host_gets_into_the_policy(host: str, public_url: str | None, named: str | None) -> None:
    sockets = f" ws://{named} wss://{named}" if named else ""
    clips = " https://exams.example" if public_url else ""  # where their links lead, wherever the page was opened
    assert f"connect-src 'self'{sockets}{clips};" in policy(host, public_url)
    assert f"media-src 'self' blob:{clips};" in policy(host, public_url)


def test_clips_may_come_from_where_their_links_lead() -> None:
    there = policy("a.example", "https://exams.example", "https://s3.eu-central-1.amazonaws.com")
    for kind in ("connect-src", "media-src"):
        (said,) = [part for part in there.split("; ") if part.startswith(kind)]
        assert said.endswith(" https://exams.example https://s3.eu-central-1.amazonaws.com")
    assert "amazonaws" not in policy("a.example", "https://exams.example")


def test_what_a_caller_says_of_itself_is_text_and_no_markup(http: httpx.Client) -> None:
    response = http.get("/", headers={"Accept": "text/html", "Host": 'x"><script>alert(1)</script>'})
    assert "<script>" not in response.text
    assert "script>" not in response.headers["content-security-policy"]


def a_script(http: httpx.Client) -> str:
    return next(file for file in Read(http.get("/", headers=BROWSER).text).files if file.endswith(".js"))


@pytest.mark.parametrize(
    ("accept", "coding"),
    [("gzip, deflate, br, zstd", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip"), ("identity", None), ("", None)],
)
def test_a_file_comes_compressed_as_its_caller_takes_it(http: httpx.Client, accept: str, coding: str | None) -> None:
    path = a_script(http)
    with http.stream("GET", path, headers={"Accept-Encoding": accept}) as response:
        raw = b"".join(response.iter_raw())
    whole = (BUNDLE / path.rsplit("/", 1)[1]).read_bytes()
    assert response.headers.get("content-encoding") == coding
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "Accept-Encoding" in response.headers["vary"]
    assert int(response.headers["content-length"]) == len(raw)
    if coding == "gzip":
        assert gzip.decompress(raw) == whole
    elif coding is None:
        assert raw == whole
    else:
        assert len(raw) < len(whole)


def test_a_file_that_is_known_is_not_sent_again(http: httpx.Client) -> None:
    path = a_script(http)
    first = http.get(path)
    again = http.get(path, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == FOR_EVER
    other_form = http.get(path, headers={"If-None-Match": first.headers["etag"], "Accept-Encoding": "identity"})
    assert other_form.status_code == 200


@pytest.mark.parametrize("name", ["undertone", "undertone-candidate", "undertone-sidebar"])
def test_pages_of_others_load_the_elements_under_a_name_that_stays(http: httpx.Client, name: str) -> None:
    response = http.get(f"/static/{name}.js", headers={"Origin": "https://anywhere.example"})
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"
    assert response.headers["cache-control"] == "public, max-age=300"
    loaded = re.fullmatch(r'import "\./(.*)";\n', response.text)
    assert loaded is not None
    assert http.get(f"/static/{loaded[1]}").headers["cache-control"] == FOR_EVER


@pytest.mark.parametrize(
    "path",
    [
        "/static/nothing.js",
        "/static/home.html",
        "/static/..%2Fpages.py",
        "/static/%2e%2e/pages.py",
        "/static//etc/passwd",
        "/static/",
    ],
)
def test_nothing_else_is_served(http: httpx.Client, path: str) -> None:
    assert problem_of(http.get(path))[:2] == (404, "not_found")


def served(pages: Pages) -> httpx.AsyncClient:
    app = Starlette(routes=pages.routes(), exception_handlers=HANDLERS)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://here")


@pytest.mark.anyio
async def test_without_a_bundle_it_says_what_to_run(tmp_path: Path) -> None:
    assert read_bundle(tmp_path) is None
    async with served(Pages(read_bundle(tmp_path / "nowhere"), FACTS, None)) as client:
        for path in PAGES:
            response = await client.get(path, headers=BROWSER)
            assert response.status_code == 503
            assert "make bundle" in response.text
        assert (await client.get("/")).json()["message"]
        assert (await client.get("/static/undertone.js")).json()["code"] == "not_built"


@pytest.mark.anyio
async def test_behind_a_proxy_that_adds_a_path() -> None:
    async with served(Pages(read_bundle(BUNDLE), FACTS, "https://exams.example/undertone")) as client:
        text = (await client.get("/", headers=BROWSER)).text
    assert facts(text)["url"] == "https://exams.example/undertone"
    assert facts(text)["retention_days"] == 7, "what candidates agree to is what this server does"
    assert all(file.startswith("/undertone/static/") for file in Read(text).files)


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (BROWSER["Accept"], True),
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
