"""Alive and ready; and every error as RFC 9457 wants it, whatever was wrong."""

from __future__ import annotations

import socket

import httpx
import pytest

from tests.serving import Server
from tests.web.room import API_KEY, ORIGIN, Room, bearer, problem_of


def test_alive_and_ready(http: httpx.Client) -> None:
    assert http.get("/healthz").json() == {"status": "alive"}
    assert http.get("/readyz").json() == {"status": "ready"}
    assert http.head("/readyz").status_code == 200


def test_watching_a_server_leaves_its_log_alone(http: httpx.Client, server: Server) -> None:
    http.get("/readyz")
    http.get("/healthz?seen")
    http.get("/nothing-after-health")
    server.wait_for("nothing-after-health")
    assert "/readyz" not in server.log()
    assert "/healthz" not in server.log()


@pytest.mark.parametrize("path", ["/nothing", "/meetings/m/nothing", "/meetings/", "/%00"])
def test_an_unknown_path(http: httpx.Client, path: str) -> None:
    status, code, detail = problem_of(http.get(path))
    assert (status, code) == (404, "not_found")
    assert "GET / says what is here" in detail


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/meetings", {"GET", "HEAD", "POST"}),
        ("PUT", "/meetings/m", {"DELETE", "GET", "HEAD"}),
        ("DELETE", "/meetings/m/events", {"GET", "HEAD"}),
        ("POST", "/healthz", {"GET", "HEAD"}),
        ("GET", "/meetings/m/participants/p", {"PATCH"}),
        ("OPTIONS", "/meetings", {"GET", "HEAD", "POST"}),
        ("PROPFIND", "/", {"GET", "HEAD"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(http: httpx.Client, method: str, path: str, allowed: set[str]) -> None:
    response = http.request(method, path)
    assert problem_of(response)[:2] == (405, "method_not_allowed")
    assert {each.strip() for each in response.headers["allow"].split(",")} == allowed


@pytest.mark.parametrize("path", ["/stream", "/channel"])
def test_a_socket_is_no_page(http: httpx.Client, path: str) -> None:
    response = http.get(path)
    assert problem_of(response)[:2] == (426, "upgrade_required")
    assert response.headers["upgrade"] == "websocket"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"title": "\xff"}', b'{"title": 1}', b"[" * 10_000, b'{"title": "\\ud800"}', b"\0"],
)
def test_a_body_that_is_no_json_of_the_right_shape(http: httpx.Client, content: bytes) -> None:
    headers = {**bearer(API_KEY), "Content-Type": "application/json; charset=utf-8"}
    assert problem_of(http.post("/meetings", content=content, headers=headers))[:2] == (400, "bad_message")


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_with_a_credential_a_body_is_json_whatever_it_says(http: httpx.Client, kind: str | None) -> None:
    """What is shown on purpose is no foreign page's doing."""
    headers = {**bearer(API_KEY), "Origin": ORIGIN, **({"Content-Type": kind} if kind else {})}
    assert http.post("/meetings", content=b'{"title": "x"}', headers=headers).status_code == 201
    assert problem_of(http.post("/meetings", content=b"title=x", headers=headers))[:2] == (400, "bad_message")


def test_a_body_that_is_too_large(http: httpx.Client) -> None:
    headers = {**bearer(API_KEY), "Content-Type": "application/json"}
    large = b'{"title": "' + b"x" * 70_000 + b'"}'
    assert problem_of(http.post("/meetings", content=large, headers=headers))[:2] == (413, "too_large")
    in_pieces = (large[start : start + 1000] for start in range(0, len(large), 1000))
    assert problem_of(http.post("/meetings", content=in_pieces, headers=headers))[:2] == (413, "too_large")
    assert http.get("/healthz").status_code == 200


def test_a_body_that_breaks_off_harms_nobody(http: httpx.Client, server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as line:
        line.sendall(
            b"POST /meetings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
            + f"Authorization: Bearer {API_KEY}\r\n\r\n".encode()
            + b'{"title"'
        )
    assert http.get("/healthz").status_code == 200
    assert "Traceback" not in server.log()


@pytest.mark.slow
def test_a_body_that_dribbles_is_not_waited_for(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as line:
        line.sendall(
            b"POST /meetings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
            + f"Authorization: Bearer {API_KEY}\r\n\r\n".encode()
            + b'{"title"'
        )
        answer = b""
        while not answer.endswith(b"}"):
            part = line.recv(4096)
            assert part, answer
            answer += part
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"request_timeout"' in answer


def test_nothing_says_what_serves(http: httpx.Client, room: Room) -> None:
    for response in (http.get("/"), room.call("GET", "/events"), http.get("/nothing")):
        assert "server" not in response.headers
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
