"""The browser's sessions, lent by a Node process, with the names of the Python ones as far as tests use them."""

from __future__ import annotations

import json
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from tests.browser.node import node
from undertone.core.events import Anomaly, decode_event
from undertone.core.messages import (
    ChannelReady,
    Error,
    Finished,
    Review,
    ToCandidate,
    decode_to_candidate,
    decode_to_proctor,
)
from undertone_client.session import AfterClose, ServerFault, Snapshot
from undertone_client.session.channel import Happening, ReviewGiven, ReviewRefused

AFTER = {"again": AfterClose.RETRY, "renew": AfterClose.RENEW, "over": AfterClose.OVER, "failed": AfterClose.OVER}


class Sessions:
    """One session of each kind, in a process that is asked line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout

    def call(self, method: str, *given: object) -> Any:
        """Its result, audio as bytes. Raises ServerFault where the session does."""
        self._in.write(json.dumps([method, *given]) + "\n")
        self._in.flush()
        answer = json.loads(self._out.readline())
        match answer:
            case {"fault": detail}:
                raise ServerFault(detail)
            case {"audio": audio}:
                return b64decode(audio)
        return answer


@contextmanager
def lent_sessions() -> Iterator[Sessions]:
    process = node("test/play/sessions.ts", stdin=subprocess.PIPE)
    try:
        yield Sessions(process)
    finally:
        process.kill()
        process.communicate()


class Lent:
    """What both kinds do. A new one takes the place of the one before."""

    kind: str

    def __init__(self, sessions: Sessions, *given: object) -> None:
        self._sessions = sessions
        self.retry_after_ms: int | None = None
        self.fault: Any = None
        self.call("begin", *given)

    def call(self, method: str, *given: object) -> Any:
        return self._sessions.call(f"{self.kind} {method}", *given)

    def connect(self) -> str:
        return str(self.call("connect"))

    def next_message(self) -> str | bytes | None:
        message: str | bytes | None = self.call("next")
        return message

    def refresh(self, token: str) -> None:
        self.call("refresh", token)

    def closed(self, code: int) -> AfterClose:
        after, self.retry_after_ms, self.fault = self.call("closed", code)
        return AFTER[after]


class Stream(Lent):
    """The browser's StreamSession, and its outbox."""

    kind = "stream"

    def __init__(self, sessions: Sessions, token: str, *, keep_ms: int) -> None:
        super().__init__(sessions, token, keep_ms)
        self._recorded = bytearray()

    def record(self, mp3: bytes) -> None:
        self._recorded += mp3
        self.call("record", b64encode(mp3).decode())

    def lose(self, lost_ms: int) -> None:
        self.call("lose", lost_ms)

    def finish(self) -> None:
        self.call("finish")

    def receive(self, text: str) -> ToCandidate:
        self.call("receive", text)
        return decode_to_candidate(text)

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.call("look"), bytes(self._recorded))

    @property
    def stream(self) -> int | None:
        number: int | None = self.call("look")["stream"]
        return number

    @property
    def finished(self) -> Finished | None:
        finished = self.call("look")["finished"]
        return None if finished is None else Finished(offset=finished["offset"], windows=finished["windows"])


class Outbox:
    """What the browser's outbox says of itself. What it holds, the server sees."""

    def __init__(self, look: dict[str, Any], recorded: bytes) -> None:
        self.begin: int = look["begin"]
        self.end: int = look["end"]
        self.released: int = look["released"]
        self.kept_ms: int = look["keptMs"]
        self._data = recorded[self.begin : self.end]


class Channel(Lent):
    """The browser's ChannelSession."""

    kind = "channel"

    def review(self, review: Review) -> None:
        self.call("review", msgspec.to_builtins(review))

    def receive(self, text: str) -> list[Happening]:
        return [known for each in self.call("receive", text) if (known := _happening(each)) is not None]

    def settle(self) -> list[Happening]:
        return [known for each in self.call("settle") if (known := _happening(each)) is not None]


def _happening(told: dict[str, Any]) -> Happening | None:
    match told:
        case {"what": "event", "event": event}:
            return decode_event(json.dumps(event))
        case {"what": "snapshot", "ready": ready}:
            message = decode_to_proctor(json.dumps(ready))
            assert isinstance(message, ChannelReady)
            candidates, anomalies = tuple(message.candidates or ()), tuple(message.anomalies or ())
            return Snapshot(message.epoch, message.last_id, candidates, anomalies)
        case {"what": "reviewed", "key": key, "anomaly": anomaly}:
            return ReviewGiven(key, msgspec.convert(anomaly, Anomaly))
        case {"what": "refused", "key": key, "error": error}:
            return ReviewRefused(key, msgspec.convert(error, Error))
        case {"what": "expiring" | "error" as what}:
            message = decode_to_proctor(json.dumps(told[what]))
            assert not isinstance(message, ChannelReady)
            return message  # type: ignore[return-value]
    return None  # "tick" and "recovered", of which the Python session tells nothing
