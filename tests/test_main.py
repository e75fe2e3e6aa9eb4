"""The command line as people meet it: its words and exit codes, and the commands beside `serve`."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.commands import create, undertone, watch
from tests.serving import Server, clean_environment, running_server, running_worker
from tests.web.room import API_KEY, bearer, recording
from undertone.__main__ import main
from undertone.config import options_of
from undertone.core.messages import Finish, StreamHello, encode
from undertone.store import embedded

SECRET = "a secret of at least 32 characters"


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
        (
            ["serve", "--host", "0.0.0.0"],
            {"UNDERTONE_SECRET": "short", "UNDERTONE_API_KEY": API_KEY},
            "each of UNDERTONE_SECRET needs 32 characters",
        ),
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
