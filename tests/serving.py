"""`undertone serve` as a real process on a real port, for tests from outside.

with running_server(data_dir) as server:
    httpx.post(server.url + "/meetings", json={"title": "Algebra"})
    server.kill()       # kill -9
    server.start()      # the same data folder, the same port
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).resolve().parent.parent
READY: Final = re.compile(r"Undertone is ready: open (http://\S+:(\d+))")
# initdb, PostgreSQL's start and our imports take two seconds on an idle machine; a busy one gets its time.
READY_WITHIN_SECONDS: Final = 60.0
# Draining is bounded by 20 s, and PostgreSQL's end comes after it.
STOPPED_WITHIN_SECONDS: Final = 40.0


class Server:
    """One process, started and stopped as often as a test wants, always with the same data folder and port."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], data: Path, log: str) -> None:
        self._command = [sys.executable, "-m", "undertone", *command]
        self._environment = dict(environment)
        self._log = data / log
        self.data = data
        self._output: IO[bytes] | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """For HTTP, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        """For the sockets: `/stream` and `/channel` come after it."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def log(self) -> str:
        """Everything it has written, to stdout and stderr, in all its lives."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self) -> None:
        """Starts it and waits until it takes connections. Raises AssertionError with the log if it doesn't."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Starts it without waiting."""
        assert self.process is None or self.process.poll() is not None, "it is running"
        seen = len(self.log())
        self._seen = seen
        command = [*self._command, "--port", str(self.port)] if "serve" in self._command else self._command
        self._output = self._log.open("ab")
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self._environment, stdout=self._output, stderr=subprocess.STDOUT
        )

    def wait_ready(self, within_s: float = READY_WITHIN_SECONDS) -> None:
        """Until the line that says so has come, in this life of the process."""
        match = self.wait_for(READY, within_s)
        self.port = int(match[2])

    def wait_for(self, pattern: str | re.Pattern[str], within_s: float = 10.0) -> re.Match[str]:
        """Until the log of this life holds `pattern`. Raises AssertionError with the log."""
        deadline = time.monotonic() + within_s
        while True:
            match = re.search(pattern, self.log()[self._seen :])
            if match is not None:
                return match
            assert self.process is not None
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.log()}"
            assert time.monotonic() < deadline, f"no {pattern!r} within {within_s} s:\n{self.log()}"
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        """Tells it something and does not wait."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, within_s: float = STOPPED_WITHIN_SECONDS) -> int:
        """Until it has ended; its exit code."""
        assert self.process is not None
        return self.process.wait(within_s)

    def stop(self, within_s: float = STOPPED_WITHIN_SECONDS) -> int:
        """SIGTERM, and waits for the end; its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(within_s)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Whatever state it is in: it is gone afterwards."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGCONT)  # a test that failed may have left it stopped
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
                raise
            finally:
                self.process.wait()
        if self._output is not None:
            self._output.close()


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what it says to Undertone, and `extra`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("UNDERTONE_")}
    return {**inherited, **(extra or {})}


@contextlib.contextmanager
def running_server(
    data_dir: Path,
    *,
    database_url: str | None = None,
    workers: int = 0,
    env: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
    log: str = "serve.log",
) -> Iterator[Server]:
    """A server that takes connections. Without `database_url` it runs its own PostgreSQL in `data_dir`.

    A second node is another one with the same `database_url` and `data_dir`, and another `log`.
    """
    server = prepared_server(
        data_dir, database_url=database_url, workers=workers, env=env, arguments=arguments, log=log
    )
    try:
        server.start()
        yield server
    except BaseException:
        print(server.log())  # pytest shows it with the failure
        raise
    finally:
        server.end()


def prepared_server(
    data_dir: Path,
    *,
    database_url: str | None = None,
    workers: int = 0,
    env: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
    log: str = "serve.log",
) -> Server:
    """A server that was not started yet; `end()` it."""
    said = {"UNDERTONE_DATABASE_URL": database_url} if database_url else {}
    return Server(
        ["serve", "--data", str(data_dir), "--workers", str(workers), *arguments],
        clean_environment({**said, **(env or {})}),
        data_dir,
        log,
    )


LOOKING: Final = "looking for windows"


class Worker(Server):
    """`undertone worker`: ready once it says that it looks for windows."""

    def wait_ready(self, within_s: float = READY_WITHIN_SECONDS) -> None:
        self.wait_for(LOOKING, within_s)


@contextlib.contextmanager
def running_worker(
    data_dir: Path,
    *,
    database_url: str | None = None,
    workers: int = 1,
    env: Mapping[str, str] | None = None,
    log: str = "worker.log",
) -> Iterator[Server]:
    """`undertone worker`, once it says that it looks for windows. A second one is another with another `log`."""
    worker = prepared_worker(data_dir, database_url=database_url, workers=workers, env=env, log=log)
    try:
        worker.start()
        yield worker
    finally:
        worker.end()


def prepared_worker(
    data_dir: Path,
    *,
    database_url: str | None = None,
    workers: int = 1,
    env: Mapping[str, str] | None = None,
    log: str = "worker.log",
) -> Worker:
    """A worker that was not started yet; `end()` it."""
    said = {"UNDERTONE_DATABASE_URL": database_url} if database_url else {}
    return Worker(
        ["worker", "--data", str(data_dir), "--workers", str(workers)],
        clean_environment({**said, **(env or {})}),
        data_dir,
        log,
    )
