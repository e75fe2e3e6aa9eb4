"""A meeting in memory and one proctor's socket, step by step: notifications and pages wait to be let through."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from tests.client.watching import anomaly, event
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
from undertone.core.errors import NotFound, TokenExpired
from undertone.core.messages import Candidate, error_message
from undertone.core.messages import encode as encode_message
from undertone.core.ordering import MAX_AHEAD
from undertone.core.times import rfc3339_ms

PAGE = 5
LONGEST_EVENT = 21_000  # characters
TOKEN_MS = 10 * 60_000
KNOWN_ANOMALIES = frozenset({"a1", "a2"})

Ask = Authenticate | Locate | TakeSnapshot | Recover | GiveReview


class Meeting:
    """What the database keeps. An epoch's events are dense: event `id` is `events[id - 1]`."""

    def __init__(self) -> None:
        self.epochs = 1
        self.events: list[Send] = []
        self.trimmed_to = 0
        self.reviews: dict[str, Send] = {}
        self.history: dict[str, list[Send]] = {self.epoch: self.events}

    @property
    def epoch(self) -> str:
        return f"epoch{self.epochs}"

    def happen(self, count: int, length: int = 0) -> list[Send]:
        first = len(self.events) + 1
        new = [event(first + offset, note="x" * length) for offset in range(count)]
        self.events += new
        return new

    def review(self, key: str, anomaly_id: str, decision: str, note: str | None) -> Send:
        """Takes it, once whatever how often it is said."""
        assert key not in self.reviews
        given = anomaly(anomaly_id, decision, note)
        self.reviews[key] = event(len(self.events) + 1, "anomaly_reviewed", anomaly=given)
        self.events.append(self.reviews[key])
        return self.reviews[key]

    def restore(self, back: int) -> None:
        """The database came back from a backup, some events ago: ids are given anew, in another epoch."""
        self.events = self.events[: max(self.trimmed_to, len(self.events) - back)]
        self.reviews = {key: told for key, told in self.reviews.items() if told in self.events}
        self.epochs += 1
        self.history[self.epoch] = self.events


class Socket:
    """The server's end. A number at the end of `down` is the close."""

    def __init__(self, meeting: Meeting, ends: int) -> None:
        self.channel = Channel()
        self.up: deque[str] = deque()
        self.down: deque[str | int] = deque()
        self.asks: deque[Ask] = deque()
        self.live: list[list[Send]] = []  # what was read for all subscribers, on its way to this one
        self.subscribed = False
        self.page: deque[Send] | None = None
        self.closed = False
        self._meeting = meeting
        self._ends = ends

    def arrive(self, now: int) -> None:
        self.do(self.channel.receive(self.up.popleft(), now))

    def answer(self, now: int) -> Send | None:
        """The store answers what was asked first; the event, if that wrote one."""
        meeting, channel, ask = self._meeting, self.channel, self.asks.popleft()
        match ask:
            case Authenticate(said):
                ends = self._ends if said.token is None or not said.token.isdigit() else int(said.token)
                if ends <= now:
                    self.do(channel.close(TokenExpired("the token has ended")))
                else:
                    self.do(channel.accepted(Credential("b", "Bob", ends, rfc3339_ms(ends)), now))
            case Locate():
                self.subscribed = True
                self.do(channel.located(meeting.epoch, len(meeting.events), meeting.trimmed_to, now))
            case TakeSnapshot():
                last = len(meeting.events)
                state = Candidate(id="p1", name="Ada", state="streaming", expected_voices=1, anomalies=last, windows=[])
                self.do(channel.snapshot(meeting.epoch, last, [state], [], now))
            case Recover(_, after):
                assert self.page is None, "two pages at a time"
                self.page = deque(meeting.events[max(after, meeting.trimmed_to) :][:PAGE])
            case GiveReview(review, _):
                if review.anomaly not in KNOWN_ANOMALIES:
                    self.do(channel.review_failed(review.key, NotFound("no such anomaly")))
                    return None
                told = meeting.reviews.get(review.key)
                if told is not None:
                    self.do(channel.reviewed(told, True))
                    return None
                told = meeting.review(review.key, review.anomaly, review.decision, review.note)
                self.do(channel.reviewed(told, False))
                return told
        return None

    def read(self, count: int) -> None:
        """The peer reads so much of the page."""
        if self.closed:
            self.page = None
        for _ in range(count):
            if not self.page:
                break
            self.do(self.channel.history(self.page.popleft()))
            trimmed = self._meeting.trimmed_to > self.channel._order.last
            assert trimmed or not self.closed, "said to be trimmed, and is not"
        if self.page is not None and not self.page:
            self.page = None
            self.do(self.channel.history_ended())

    def do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            assert not self.closed, "something after the close"
            if isinstance(action, Send):
                self.down.append(action.text)
            elif isinstance(action, Close):
                self.down.append(encode_message(error_message(action.fault)))
                self.down.append(action.fault.close)
                self.closed = True
            else:
                self.asks.append(action)
        assert self.channel._order._ahead_size <= MAX_AHEAD + LONGEST_EVENT
