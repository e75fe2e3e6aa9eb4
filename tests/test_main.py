"""The command line as people and supervisors meet it: real processes, their words, their exit codes."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.serving import ROOT, Server, clean_environment, prepared_server, running_server, running_worker
from tests.web.room import API_KEY, bearer, problem_of, recording
from undertone.__main__ import main
from undertone.config import options_of
from undertone.core.messages import ChannelHello, Finish, StreamHello, decode_to_proctor, encode
from undertone.store import embedded

SECRET = "a secret of at least 32 characters"


def undertone(*arguments: str, **said: str) -> subprocess.CompletedProcess[str]:
    """Runs a command that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "undertone", *arguments],
        cwd=ROOT,
        env=clean_environment(said),
        capture_output=True,
        text=True,
        timeout=60,
    )


def create(server: Server, title: str = "Algebra") -> dict[str, str]:
    """A meeting on a server that needs no API key: id, admin_id, join_secret."""
    response = httpx.post(f"{server.url}/meetings", json={"title": title}, trust_env=False)
    assert response.status_code == 201, response.text
    body = response.json()
    return {"id": body["data"]["id"], "admin_id": body["admin_id"], "join_secret": body["join_secret"]}


@contextlib.contextmanager
def watch(server: Server, meeting: dict[str, str]) -> Iterator[ClientConnection]:
    """A proctor's socket that has been let in."""
    with connect(f"{server.websocket_url}/channel", proxy=None) as line:
        line.send(encode(ChannelHello(meeting=meeting["id"], admin_id=meeting["admin_id"])))
        decode_to_proctor(line.recv(10))
        yield line


def close_code(line: ClientConnection) -> int | None:
    """Reads until the other side closes; with what code it did."""
    with contextlib.suppress(ConnectionClosed):
        for _ in line:
            pass
    return line.close_code


# --- words


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    said = capsys.readouterr().out
    for command in ("serve", "worker", "analyze", "simulate", "admin"):
        assert command in said
    for command in ("serve", "worker"):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        said = capsys.readouterr().out
        assert "examples:" in said
        for option, _, default in options_of(command):
            assert option in said
            assert f"(default: {default})" in " ".join(said.split())
        assert "UNDERTONE_SECRET" in said
        assert "--secret" not in said


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("undertone ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said", "told"),
    [
        (["serve", "--port", "http"], {}, "undertone: --port=http: a whole number from 0 to 65535 is needed"),
        (["serve"], {"UNDERTONE_SECRET": "short"}, "undertone: UNDERTONE_SECRET: each secret needs 32 characters"),
        (["serve", "--host", "0.0.0.0"], {}, "set UNDERTONE_SECRET and UNDERTONE_API_KEY first"),
        (
            ["serve", "--host", "no.such.host.invalid"],
            {"UNDERTONE_SECRET": SECRET, "UNDERTONE_API_KEY": API_KEY},
            "can't",
        ),
        (["serve", "--data", "/proc/nowhere", "--port", "0"], {}, "no secret can be kept in /proc/nowhere"),
        (["worker", "--workers", "0"], {}, "a worker needs one analysis process or more"),
        (["fly"], {}, "invalid choice: 'fly'"),
    ],
)
def test_what_can_not_be_is_told_before_anything_starts(
    arguments: list[str], said: dict[str, str], told: str, tmp_path: Path
) -> None:
    ended = undertone(*arguments, **{"UNDERTONE_DATA": str(tmp_path / "data"), **said})
    assert ended.returncode == 2
    assert told in ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = undertone("serve", "--data", str(tmp_path), "--port", str(port))
    assert ended.returncode == 2
    assert f"can't listen on 127.0.0.1 port {port}: Address already in use" in ended.stderr


@pytest.mark.slow
def test_a_database_that_is_not_there(postgres: embedded.EmbeddedPostgres, tmp_path: Path) -> None:
    url = postgres.url("no_such_database")
    ended = undertone("admin", "new-epoch", "--data", str(tmp_path), UNDERTONE_DATABASE_URL=url)
    assert ended.returncode == 1
    assert "no_such_database" in ended.stderr
    assert "Traceback" not in ended.stderr


# --- a server's life


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
    page = httpx.get(server.url, headers={"Accept": "text/html"}, trust_env=False).text
    assert "open to everybody on this machine" in page
    assert "PostgreSQL in the data folder" in page
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
        page = httpx.get(server.url, headers={"Accept": "text/html"}, trust_env=False).text
        assert "--server https://undertone.example.org<" in page.replace("\n", "<")


@pytest.mark.slow
def test_the_other_loopback(database_url: str, data_dir: Path) -> None:
    with running_server(data_dir, database_url=database_url, arguments=["--host", "::1"]) as server:
        assert f"Undertone is ready: open http://[::1]:{server.port}" in server.log()
        assert httpx.get(f"http://[::1]:{server.port}/readyz", trust_env=False).status_code == 200


@pytest.mark.slow
def test_a_slip_of_the_pen_is_told(database_url: str, data_dir: Path) -> None:
    with running_server(data_dir, database_url=database_url, env={"UNDERTONE_PROT": "1"}) as server:
        assert "UNDERTONE_PROT is not a setting and has no effect; did you mean UNDERTONE_PORT?" in server.log()


# --- the other commands


@pytest.mark.slow
def test_a_worker_elsewhere_hears_what_a_server_stored(database_url: str, data_dir: Path) -> None:
    with (
        running_server(data_dir, database_url=database_url, env={"UNDERTONE_MAX_SPEED": "0"}) as server,
        running_worker(data_dir, database_url=database_url) as worker,
    ):
        meeting = create(server)
        joined = httpx.post(
            f"{server.url}/meetings/{meeting['id']}/participants",
            json={"name": "Ada"},
            headers=bearer(meeting["join_secret"]),
            trust_env=False,
        ).json()["data"]
        with watch(server, meeting) as proctor, connect(f"{server.websocket_url}/stream", proxy=None) as line:
            line.send(encode(StreamHello(token=joined["token"])))
            line.recv(10)
            line.send(recording())
            line.send(encode(Finish()))
            deadline = time.monotonic() + 60
            while '"window_judged"' not in str(proctor.recv(60)):
                assert time.monotonic() < deadline
        assert worker.stop() == 0
        assert "finishing what is in hand" in worker.log()


@pytest.mark.slow
def test_a_worker_waits_for_its_database_and_says_so(data_dir: Path) -> None:
    worker = Server(
        ["worker", "--data", str(data_dir)],
        clean_environment({"UNDERTONE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}),
        data_dir,
        "worker.log",
    )
    try:
        worker.launch()
        worker.wait_for("waiting for the database: the database is away", 30)
        assert worker.stop() == 0
        assert "Traceback" not in worker.log()
    finally:
        worker.end()


@pytest.mark.slow
def test_a_new_epoch(database_url: str, data_dir: Path) -> None:
    with running_server(data_dir, database_url=database_url) as server:
        first, second = create(server), create(server)

        def epochs() -> list[str]:
            return [
                httpx.get(
                    f"{server.url}/meetings/{each['id']}/events", headers=bearer(each["admin_id"]), trust_env=False
                ).json()["epoch"]
                for each in (first, second)
            ]

        before = epochs()
        ended = undertone("admin", "new-epoch", "--meeting", first["id"], UNDERTONE_DATABASE_URL=database_url)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout == (
            f"A new epoch has begun for meeting {first['id']}: every proctor starts from the state as it is.\n"
        )
        one = epochs()
        assert one[0] != before[0]
        assert one[1] == before[1]
        assert undertone("admin", "new-epoch", UNDERTONE_DATABASE_URL=database_url).returncode == 0
        assert not set(epochs()) & set(one)
        ended = undertone("admin", "new-epoch", "--meeting", "unknown", UNDERTONE_DATABASE_URL=database_url)
        assert (ended.returncode, "there is no such meeting" in ended.stderr) == (2, True)


def execute(database_url: str, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run())
