"""A meeting of the server's own channel state machine, with its database in memory."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from undertone.core.channel import Channel
from undertone.core.channel_actions import (
    Action,
    Authenticate,
    Close,
    Credential,
    GiveReview,
    Locate,
    Recover,
    Send,
    TakeSnapshot,
)
from undertone.core.errors import NotFound
from undertone.core.messages import Review

AT = "2026-01-01T00:00:00.000Z"
PAGE = 3


def anomaly(name: str, decision: str | None = None, note: str | None = None) -> dict[str, object]:
    found: dict[str, object] = {
        "id": name,
        "kind": "multiple_voices",
        "state": decision or "open",
        "participant": {"id": "p1", "name": "Ada"},
        "opened_at": AT,
        "last_at": AT,
        "count": 1,
        "summary": "another voice",
        "evidence": [],
    }
    if decision is not None:
        found["review"] = {"decision": decision, "by": "Bob", "at": AT} | ({} if note is None else {"note": note})
    return found


def event(number: int, kind: str = "candidate_streaming", **fields: object) -> Send:
    body = {"type": "event", "id": number, "kind": kind, "at": AT, "participant": {"id": "p1", "name": "Ada"}, **fields}
    return Send(msgspec.json.encode(body).decode(), number)


class Meeting:
    """What the database keeps of a meeting, and the one socket that watches it."""

    def __init__(self) -> None:
        self.epoch = "one"
        self.events: list[Send] = []
        self.trimmed_to = 0
        self.reviews: dict[str, Send] = {}
        self.known_anomalies = {"a1", "a2"}
        self.channel: Channel | None = None
        self.now = 0
        self.outgoing: list[str] = []
        self.close_code: int | None = None

    def open(self) -> None:
        self.channel = Channel()
        self.outgoing, self.close_code = [], None

    def happen(self, count: int) -> None:
        new = [event(len(self.events) + 1 + offset) for offset in range(count)]
        self._publish(new)

    def _publish(self, new: list[Send]) -> None:
        self.events += new
        if self.channel is not None and new:
            self._do(self.channel.live(new))

    def receive(self, text: str) -> None:
        assert self.channel is not None
        self._do(self.channel.receive(text, self.now))

    def pass_time(self, ms: int) -> None:
        self.now += ms
        if self.channel is not None:
            self._do(self.channel.handle_time(self.now))

    def _do(self, actions: Sequence[Action]) -> None:
        channel = self.channel
        assert channel is not None
        for action in actions:
            match action:
                case Authenticate():
                    self._do(channel.accepted(Credential(id="b", name="Bob"), self.now))
                case Locate():
                    self._do(channel.located(self.epoch, len(self.events), self.trimmed_to, self.now))
                case TakeSnapshot():
                    self._do(channel.snapshot(self.epoch, len(self.events), [], [], self.now))
                case Recover(_, after):
                    for stored in self.events[max(after, self.trimmed_to) :][:PAGE]:
                        self._do(channel.history(stored))
                    self._do(channel.history_ended())
                case Send(text):
                    self.outgoing.append(text)
                case GiveReview(review, _):
                    self._review(review)
                case Close(fault):
                    self.close_code = fault.close

    def _review(self, review: Review) -> None:
        assert self.channel is not None
        if review.anomaly not in self.known_anomalies:
            return self._do(self.channel.review_failed(review.key, NotFound("no such anomaly")))
        repeated = review.key in self.reviews
        if not repeated:
            given = anomaly(review.anomaly, review.decision, review.note)
            self.reviews[review.key] = event(len(self.events) + 1, "anomaly_reviewed", anomaly=given)
            self._publish([self.reviews[review.key]])
        return self._do(self.channel.reviewed(self.reviews[review.key], repeated))
