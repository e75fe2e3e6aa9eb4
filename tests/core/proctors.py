"""Messages of a proctor, and channels in the state a test wants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from undertone.core import messages
from undertone.core.channel import Channel
from undertone.core.channel_actions import (
    Action,
    Close,
    Credential,
    Send,
)
from undertone.core.errors import (
    RemoteFault,
)
from undertone.core.events import Anomaly, Person
from undertone.core.messages import Candidate

EPOCH = "e1"
ANA = Credential("p-ana", "Ana", ends=1_000_000, ends_at="2026-01-01T00:16:40.000Z")
ADMIN = Credential("admin", "Ben")
ANOMALY = Anomaly(
    id="a1",
    kind="multiple_voices",
    state="open",
    participant=Person("c1", "Cleo"),
    opened_at="2026-01-01T00:00:00.000Z",
    last_at="2026-01-01T00:01:00.000Z",
    count=1,
    summary="another voice",
    evidence=[],
)
CLEO = Candidate(id="c1", name="Cleo", state="streaming", expected_voices=1, anomalies=1, windows=[])


def hello(**fields: Any) -> str:
    return msgspec.json.encode({"type": "hello", "meeting": "m1", "token": "t", **fields}).decode()


def review(key: str = "k1", **fields: Any) -> str:
    body = {"type": "review", "key": key, "anomaly": "a1", "decision": "confirmed", **fields}
    return msgspec.json.encode(body).decode()


REFRESH = '{"type":"refresh","token":"t2"}'


def event(number: int) -> Send:
    return Send(f'{{"type":"event","id":{number}}}', number)


def fault(actions: Sequence[Action]) -> RemoteFault:
    """The fault that ended it; nothing else may be done then."""
    (close,) = actions
    assert isinstance(close, Close)
    return close.fault


def said(actions: Sequence[Action]) -> list[Any]:
    """The messages sent, decoded."""
    return [messages.decode_to_proctor(action.text) for action in actions if isinstance(action, Send)]


def watching(credential: Credential = ANA, last_id: int = 0, now: int = 0, **fields: Any) -> Channel:
    """A channel that has its snapshot and is up to date."""
    channel = Channel()
    channel.receive(hello(**fields), now)
    channel.accepted(credential, now)
    channel.located(EPOCH, last_id, 0, now)
    channel.snapshot(EPOCH, last_id, [], [], now)
    channel.history_ended()
    assert channel.state == "watching"
    return channel
