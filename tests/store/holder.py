"""A process that uses an embedded PostgreSQL: `python -m tests.store.holder DATA_DIR SYSTEM_STATE [USER]`.

Says in one line of JSON how the start went, waits for the end of its input, stops, and says so. As root it becomes
USER first: with everything imported by then, even where that user can't reach the interpreter.
"""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import asyncpg
import psutil

from undertone.store import embedded

ROOT = Path(__file__).resolve().parents[2]


class Holder:
    """The other end: starts such a process and talks to it."""

    def __init__(
        self, data_dir: Path, *, user: str | None = None, system_state: Path | None = None, **environment: str
    ) -> None:
        command = [sys.executable, "-m", "tests.store.holder", str(data_dir), str(system_state or data_dir)]
        self.process = subprocess.Popen(
            command + ([user] if user else []),
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._answer: dict[str, Any] | None = None

    @property
    def answer(self) -> dict[str, Any]:
        """`{dsn}`, or `{error, text}`; waits for it."""
        if self._answer is None:
            assert self.process.stdout is not None
            self._answer = json.loads(self.process.stdout.readline())
        return self._answer

    @property
    def dsn(self) -> str:
        assert "dsn" in self.answer, self.answer
        return str(self.answer["dsn"])

    def finish(self) -> None:
        """Let it stop, and wait for that."""
        out, _ = self.process.communicate("", timeout=60)
        assert out.endswith("stopped\n"), out

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.communicate("", timeout=60)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


def ask(dsn: str, *statements: str) -> object:
    """The value that the last statement gives."""

    async def run() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    return asyncio.run(run())


def postmaster(data_dir: Path) -> psutil.Process | None:
    """The postmaster of a data folder, if one is alive."""
    data = (data_dir / "postgres" / "data").resolve()
    try:
        process = psutil.Process(int((data / "postmaster.pid").read_text().split("\n")[0]))
        return process if Path(process.cwd()) == data else None
    except (OSError, psutil.Error):
        return None


def running(data_dir: Path) -> psutil.Process:
    process = postmaster(data_dir)
    assert process is not None
    return process


def kill_postmaster(data_dir: Path) -> psutil.Process:
    """Gone on return, though its number may stay taken until somebody collects it."""
    killed = running(data_dir)
    killed.kill()
    deadline = time.monotonic() + 10
    while postmaster(data_dir) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return killed


def main(data_dir: str, system_state: str, user: str | None = None) -> None:
    if user is not None:
        account = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    try:
        server = embedded.start(Path(data_dir), durable=False, system_state=Path(system_state))
    except embedded.PostgresNotStarted as error:
        print(json.dumps({"error": type(error).__name__, "text": str(error)}), flush=True)
    else:
        print(json.dumps({"dsn": server.dsn}), flush=True)
        sys.stdin.read()
        server.stop()
    print("stopped", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
