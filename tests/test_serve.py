"""A server's life as its supervisor sees it: starting, draining, ending, and what it says."""

from __future__ import annotations

import html
import signal
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.commands import close_code, create, execute, watch
from tests.serving import Server, prepared_server, running_server
from tests.web.room import bearer, problem_of
from undertone.store import embedded


@pytest.fixture
def server(data_dir: Path) -> Iterator[Server]:
    """As somebody starts it on a laptop, with its own PostgreSQL, and without analysis."""
    with running_server(data_dir) as server:
        yield server


@pytest.mark.slow
def test_on_a_laptop_nothing_has_to_be_set(server: Server) -> None:
    assert server.log().count("Undertone is ready: open http://127.0.0.1:") == 1
    assert "open files: " in server.log()
    secret = server.data / "secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert len(secret.read_text()) >= 32
    meeting = create(server)
    # Creating is open on loopback; reading everybody's list is not.
    response = httpx.get(f"{server.url}/meetings", trust_env=False)
    assert problem_of(response)[:2] == (401, "unauthorized")
    assert "UNDERTONE_API_KEY" in response.json()["detail"]
    page = html.unescape(httpx.get(server.url, headers={"Accept": "text/html"}, trust_env=False).text)
    assert '"needs_api_key": false' in page
    assert '"database": "embedded"' in page
    assert httpx.get(
        f"{server.url}/meetings/{meeting['id']}/events", headers=bearer(meeting["admin_id"]), trust_env=False
    ).json()["recovered"]


@pytest.mark.slow
def test_what_was_promised_survives_kill_9(server: Server) -> None:
    meeting = create(server)
    kept = (server.data / "secret").read_text()
    invited = httpx.post(
        f"{server.url}/meetings/{meeting['id']}/proctors",
        json={"name": "Grace"},
        headers=bearer(meeting["admin_id"]),
        trust_env=False,
    ).json()["data"]
    before = server.port
    server.kill()
    server.start()
    assert server.port == before
    assert (server.data / "secret").read_text() == kept
    response = httpx.get(
        f"{server.url}/meetings/{meeting['id']}/events", headers=bearer(invited["token"]), trust_env=False
    )
    assert response.status_code == 200
    assert server.stop() == 0


@pytest.mark.slow
def test_draining_tells_everybody_before_the_line_ends(database_url: str, data_dir: Path) -> None:
    with running_server(data_dir, database_url=database_url) as server, ExitStack() as lines:
        meeting = create(server)
        watching = [lines.enter_context(watch(server, meeting)) for _ in range(30)]
        codes: list[int | None] = []
        listening = [threading.Thread(target=lambda line=line: codes.append(close_code(line))) for line in watching]
        for thread in listening:
            thread.start()
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        server.wait_for("SIGTERM: draining")
        response = httpx.get(f"{server.url}/readyz", trust_env=False)
        assert problem_of(response)[:2] == (503, "draining")
        assert httpx.get(f"{server.url}/healthz", trust_env=False).status_code == 200
        with connect(f"{server.websocket_url}/channel", proxy=None) as late:
            assert close_code(late) == 4000
        for thread in listening:
            thread.join(20)
        assert codes == [4000] * 30
        assert server.wait() == 0
        assert time.monotonic() - began < 25


@pytest.mark.slow
def test_a_second_signal_stops_at_once(database_url: str, data_dir: Path) -> None:
    with running_server(data_dir, database_url=database_url) as server, ExitStack() as lines:
        meeting = create(server)
        for _ in range(30):
            lines.enter_context(watch(server, meeting))
        server.signal(signal.SIGTERM)
        server.wait_for("SIGTERM: draining")
        began = time.monotonic()
        server.signal(signal.SIGINT)
        assert server.wait() == 130
        assert time.monotonic() - began < 3
        assert "Traceback" not in server.log()


@pytest.mark.slow
def test_a_signal_while_starting_leaves_nothing_behind(data_dir: Path) -> None:
    server = prepared_server(data_dir)
    try:
        server.launch()
        server.wait_for("starting PostgreSQL", 30)
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert not list(data_dir.glob("**/postmaster.pid"))
    finally:
        server.end()


@pytest.mark.slow
def test_a_part_that_fails_takes_the_process_with_it(database_url: str, data_dir: Path) -> None:
    """The sign of life has nowhere to go any more: a bug, and not a database that is away."""
    with running_server(data_dir, database_url=database_url) as server:
        execute(database_url, "drop table nodes")
        assert server.wait(30) == 1
        assert "UndefinedTableError" in server.log()
        assert "stopped: a part of this process failed" in server.log()


@pytest.mark.slow
def test_a_database_that_goes_away_is_told_and_waited_for(data_dir: Path) -> None:
    database = embedded.start(data_dir / "elsewhere", durable=False)
    try:
        with running_server(data_dir, database_url=database.dsn) as server:
            meeting = create(server)
            database.stop()
            response = httpx.get(f"{server.url}/readyz", trust_env=False, timeout=15)
            assert problem_of(response)[:2] == (503, "unavailable")
            path = f"{server.url}/meetings/{meeting['id']}/events"
            response = httpx.get(path, headers=bearer(meeting["admin_id"]), trust_env=False, timeout=15)
            assert problem_of(response)[:2] == (503, "unavailable")
            assert httpx.get(f"{server.url}/healthz", trust_env=False).status_code == 200
            database = embedded.start(data_dir / "elsewhere", durable=False)
            deadline = time.monotonic() + 15
            while httpx.get(f"{server.url}/readyz", trust_env=False, timeout=15).status_code != 200:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            assert httpx.get(path, headers=bearer(meeting["admin_id"]), trust_env=False).status_code == 200
            assert server.stop() == 0
    finally:
        database.stop()


@pytest.mark.slow
def test_who_creates_too_much_is_told_to_wait(database_url: str, data_dir: Path) -> None:
    said = {"UNDERTONE_CREATES_PER_MINUTE": "5", "UNDERTONE_PUBLIC_URL": "https://undertone.example.org/"}
    with running_server(data_dir, database_url=database_url, env=said) as server:
        for _ in range(5):
            meeting = create(server)
        response = httpx.post(f"{server.url}/meetings", json={"title": "x"}, trust_env=False)
        assert problem_of(response)[:2] == (429, "rate_limited")
        assert response.json()["retry_after_ms"] > 0
        assert int(response.headers["retry-after"]) >= 1
        # What a proxy on this machine says of its callers is believed: another school is not held up.
        elsewhere = {"X-Forwarded-For": "203.0.113.7"}
        response = httpx.post(f"{server.url}/meetings", json={"title": "x"}, headers=elsewhere, trust_env=False)
        assert response.status_code == 201
        assert meeting["id"]
        page = html.unescape(httpx.get(server.url, headers={"Accept": "text/html"}, trust_env=False).text)
        assert '"url": "https://undertone.example.org"' in page


@pytest.mark.slow
def test_the_other_loopback(database_url: str, data_dir: Path) -> None:
    with running_server(data_dir, database_url=database_url, arguments=["--host", "::1"]) as server:
        assert f"Undertone is ready: open http://[::1]:{server.port}" in server.log()
        assert httpx.get(f"http://[::1]:{server.port}/readyz", trust_env=False).status_code == 200


@pytest.mark.slow
def test_a_slip_of_the_pen_is_told(database_url: str, data_dir: Path) -> None:
    with running_server(data_dir, database_url=database_url, env={"UNDERTONE_PROT": "1"}) as server:
        assert "UNDERTONE_PROT is not a setting and has no effect; did you mean UNDERTONE_PORT?" in server.log()
