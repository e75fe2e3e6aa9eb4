"""`undertone simulate --kill … --restart …` on a server that the caller started, as a person would say it."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.end_to_end.test_simulate import simulate
from tests.serving import ROOT, clean_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Started:
    """A server behind a pidfile and a script that starts it; what the script starts is nobody's child."""

    def __init__(self, folder: Path, database_url: str, port: int) -> None:
        self.pidfile = folder / "undertone.pid"
        self.script = folder / "start.sh"
        self.log = folder / "serve.log"
        self.url = f"http://127.0.0.1:{port}"
        serve = [sys.executable, "-m", "undertone", "serve", "--data", str(folder), "--workers", "1"]
        self.script.write_text(
            f"export UNDERTONE_DATABASE_URL={shlex.quote(database_url)} UNDERTONE_MAX_SPEED=0\n"
            f"cd {shlex.quote(str(ROOT))}\n"
            f"echo $$ > {shlex.quote(str(self.pidfile))}\n"
            f"exec {shlex.join([*serve, '--port', str(port)])} >> {shlex.quote(str(self.log))} 2>&1\n"
        )
        self.script.chmod(0o755)

    def start(self) -> None:
        subprocess.Popen(["sh", self.script], env=clean_environment(), start_new_session=True)
        deadline = time.monotonic() + 60
        while not self.ready():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def pid(self) -> int:
        return int(self.pidfile.read_text())

    def lives(self) -> int:
        return self.log.read_text().count("Undertone is ready")

    def end(self) -> None:
        process = psutil.Process(self.pid())
        process.terminate()
        process.wait(40)


@pytest.fixture
def started(tmp_path: Path, database_url: str) -> Iterator[Started]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = Started(tmp_path, database_url, port)
    started.start()
    yield started
    started.end()


def test_a_server_that_is_killed_and_restarted_by_a_command_loses_nothing(started: Started) -> None:
    first = started.pid()
    kill = f"pidfile:{started.pidfile}:every=6s"
    restart = f"sh {shlex.quote(str(started.script))}"
    code, report, told = simulate(
        started.url,
        *("--candidates", "3", "--proctors", "2", "--duration", "120", "--speed", "6", "--seed", "3"),
        *("--kill", kill, "--restart", restart),
    )
    assert (code, report["violations"]) == (0, []), told
    assert report["kills"] >= 2
    assert told.count(f"SIGKILL {started.pidfile}") == report["kills"]
    assert started.lives() >= 2  # a life may be too short to be ready
    assert started.pid() != first
    assert {each["name"]: each["looked_at"] for each in report["promises"]}["struck"] == (
        f"{report['kills']} of {report['kills']} strikes"
    )
    assert all(each["connections"] > 1 for each in report["candidates"])  # it was felt
    assert report["judged"] == report["windows"] >= 6
    assert f"--kill pidfile:{started.pidfile}:every=6s:signal=KILL:for=5s" in report["replay"]
    assert shlex.join(["--restart", restart]) in report["replay"]
    assert started.ready()  # it outlives the run


def test_a_server_that_is_stopped_for_a_while_loses_nothing(started: Started) -> None:
    code, report, told = simulate(
        started.url,
        *("--candidates", "2", "--duration", "60", "--speed", "6"),
        *("--kill", f"{started.pid()}:every=5s:signal=STOP:for=2s"),
    )
    assert (code, report["violations"]) == (0, []), told
    assert report["kills"] >= 1
    assert started.lives() == 1


def test_a_target_that_is_not_there_fails_the_run(started: Started, tmp_path: Path) -> None:
    code, report, _ = simulate(
        started.url,
        *("--candidates", "1", "--duration", "30", "--speed", "10"),
        *("--kill", f"pidfile:{tmp_path / 'nobody.pid'}:every=2s"),
    )
    assert code == 1
    [violation] = report["violations"]
    assert violation.startswith("nothing was struck: ")
    assert report["kills"] == 0


def test_a_kill_that_is_never_due_is_explained(started: Started) -> None:
    code, report, told = simulate(started.url, "--duration", "10", "--kill", f"{os.getpid()}:every=60s")
    assert (code, report) == (2, {})
    assert "Say a shorter :every=" in told
    assert signal.SIGKILL.name not in told
