"""A proctor's session and the server's channel back to back, while everything around them breaks.

Hypothesis picks the order: events, notifications that come late, twice, in disorder or not at all, pages read slowly, a
reader that falls behind, cuts, history that is trimmed, a database that goes back in time, tokens that end, reviews
said again. Whoever watches sees every event once and in order, or is told the state instead.
"""

from __future__ import annotations

from itertools import count as counting

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.fuzz.profiles import examples
from tests.fuzz.watched import KNOWN_ANOMALIES, TOKEN_MS, Meeting, Socket
from undertone.core.channel_actions import Send
from undertone.core.errors import FellBehind
from undertone.core.events import Event
from undertone.core.messages import Expiring, Review
from undertone_client.session import AfterClose, ChannelSession, ServerFault, Snapshot
from undertone_client.session.channel import Happening, ReviewGiven, ReviewRefused

pytestmark = pytest.mark.slow


class ProctorMachine(RuleBasedStateMachine):
    """One meeting, and one proctor who watches it."""

    @initialize(events=st.integers(0, 12))
    def begin(self, events: int) -> None:
        self.now = 1_000_000
        self.meeting = Meeting()
        self.meeting.happen(events)
        self.ends = self.now + TOKEN_MS
        self.session = self.new_session()
        self.socket: Socket | None = None
        self.seen: tuple[str, int] | None = None  # epoch and id, of what the application was handed
        self.waiting: dict[str, str] = {}  # anomalies by the key of the review that is not answered yet
        self.keys = counting(1)

    def new_session(self) -> ChannelSession:
        return ChannelSession("m1", token=str(self.ends))

    # --- the meeting

    @rule(count=st.integers(1, 8), length=st.sampled_from((0, 0, 1_000, 20_000)))
    def happen(self, count: int, length: int) -> None:
        self.publish(self.meeting.happen(count, length))

    def publish(self, new: list[Send]) -> None:
        if self.socket is not None and self.socket.subscribed:
            self.socket.live.append(new)

    @rule(keep=st.integers(0, 10))
    def trim(self, keep: int) -> None:
        self.meeting.trimmed_to = max(self.meeting.trimmed_to, len(self.meeting.events) - keep)

    @rule(back=st.integers(0, 6), luck=st.integers(0, 3))
    def restore(self, back: int, luck: int) -> None:
        if luck == 0:
            self.meeting.restore(back)
            self.cut()

    # --- the proctor

    @precondition(lambda self: self.socket is None)
    @rule()
    def connect(self) -> None:
        self.socket = Socket(self.meeting, self.ends)
        self.socket.up.append(self.session.connect())

    @rule(
        anomaly=st.sampled_from((*sorted(KNOWN_ANOMALIES), "unknown")), decision=st.sampled_from(("confirmed", "open"))
    )
    def review(self, anomaly: str, decision: str) -> None:
        key = f"key-{next(self.keys):04}"
        self.waiting[key] = anomaly
        self.session.review(Review(key=key, anomaly=anomaly, decision=decision, note=key))  # type: ignore[arg-type]

    @precondition(lambda self: self.socket)
    @rule()
    def send(self) -> None:
        assert self.socket is not None
        while (message := self.session.next_message()) is not None:
            self.socket.up.append(message)

    @precondition(lambda self: self.socket and self.socket.down)
    @rule(count=st.integers(1, 12))
    def hear(self, count: int) -> None:
        for _ in range(count):
            if self.socket is None or not self.socket.down:
                break
            said = self.socket.down.popleft()
            if isinstance(said, int):
                self.closed(said)
                break
            try:
                happened = self.session.receive(said)
            except ServerFault as fault:
                if "was announced a tick ago" not in str(fault):  # so slow a line is given up, and nothing else
                    raise
                self.cut()
                break
            for each in happened:
                self.hand_on(each)

    def hand_on(self, happened: Happening) -> None:
        if isinstance(happened, Snapshot):
            assert happened.last_id <= len(self.meeting.history[happened.epoch])
            assert [candidate.anomalies for candidate in happened.candidates] == [happened.last_id]
            self.seen = (happened.epoch, happened.last_id)
        elif isinstance(happened, Event):
            assert self.seen is not None
            epoch, last = self.seen
            assert happened.id == last + 1, "an event came twice, or one is missing"
            told = self.meeting.history[epoch][last]
            assert told.id == happened.id
            assert f'"kind":"{happened.kind}"' in told.text
            self.seen = (epoch, happened.id)
        elif isinstance(happened, ReviewGiven):
            assert self.waiting.pop(happened.key) in KNOWN_ANOMALIES
        elif isinstance(happened, ReviewRefused):
            self.waiting.pop(happened.key)
        elif isinstance(happened, Expiring):
            self.renew()

    def renew(self) -> None:
        self.ends = self.now + TOKEN_MS
        self.session.refresh(str(self.ends))

    def closed(self, code: int) -> None:
        self.socket = None
        after = self.session.closed(code)
        assert after is not AfterClose.OVER, f"closed for good with {code}: {self.session.fault}"
        if after is AfterClose.RENEW:
            self.renew()
        self.now += self.session.retry_after_ms or 0

    # --- the wire and the server

    @rule()
    def cut(self) -> None:
        if self.socket is not None:
            self.socket = None
            assert self.session.closed(1006) is AfterClose.RETRY

    @precondition(lambda self: self.socket and self.socket.up)
    @rule(count=st.integers(1, 3))
    def arrive(self, count: int) -> None:
        assert self.socket is not None
        for _ in range(min(count, len(self.socket.up))):
            self.socket.arrive(self.now)

    @precondition(lambda self: self.socket and self.socket.asks)
    @rule()
    def answer(self) -> None:
        assert self.socket is not None
        told = self.socket.answer(self.now)
        if told is not None:
            self.publish([told])

    @precondition(lambda self: self.socket and self.socket.page is not None)
    @rule(count=st.integers(0, 6))
    def read(self, count: int) -> None:
        assert self.socket is not None
        self.socket.read(count)

    @precondition(lambda self: self.socket and self.socket.live)
    @rule(which=st.integers(0, 3), fate=st.sampled_from(("once", "once", "once", "lost", "twice", "half")))
    def notify(self, which: int, fate: str) -> None:
        assert self.socket is not None
        live = self.socket.live
        batch = live.pop(which % len(live))
        if fate == "half":
            batch = batch[len(batch) // 2 :]
        for _ in range({"lost": 0, "twice": 2}.get(fate, 1)):
            self.socket.do(self.socket.channel.live(batch))

    @precondition(lambda self: self.socket)
    @rule()
    def falls_behind(self) -> None:
        assert self.socket is not None
        self.socket.do(self.socket.channel.close(FellBehind("the queue ran over")))

    @rule(ms=st.sampled_from((500, 15_000, 9 * 60_000 + 10_000)))
    def time_passes(self, ms: int) -> None:
        self.now += ms
        if self.socket is not None:
            self.socket.do(self.socket.channel.handle_time(self.now))

    @rule(rounds=st.integers(1, 4))
    def all_goes_well(self, rounds: int) -> None:
        for _ in range(rounds):
            if self.socket is None:
                self.connect()
            self.send()
            for _ in range(20):
                socket = self.socket
                if socket is None:
                    break
                if socket.up:
                    self.arrive(3)
                if socket.asks:
                    self.answer()
                socket.read(10)
                if socket.live:
                    self.notify(0, "once")
                if socket.down:
                    self.hear(20)

    def teardown(self) -> None:
        """All heals: the proctor comes to see what there is, and every review is answered."""
        if not hasattr(self, "session"):
            return
        for _ in range(60):
            self.time_passes(500)
            self.publish(self.meeting.happen(1))
            self.all_goes_well(2)
            # An `error` that no close follows was the answer to a review.
            for refused in self.session.settle():
                self.hand_on(refused)
            if self.seen == (self.meeting.epoch, len(self.meeting.events)) and not self.waiting:
                return
        raise AssertionError(f"saw {self.seen} of {len(self.meeting.events)} events; unanswered: {self.waiting}")


ProctorMachine.TestCase.settings = examples(300, steps=60)
TestProctor = ProctorMachine.TestCase
