"""The browser's sessions against the server's own state machines, over a wire that breaks anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.browser.node import Sessions, Stream, sessions
from tests.client.candidate import Candidate, Step, play
from tests.client.recording import FRAME_BYTES, OTHER_FORMAT, PER_FRAME, RATE, frame, numbers_in
from tests.client.watching import Meeting

# A session is asked over a pipe: fewer examples than the Python ones get, which are the same steps.
pytestmark = pytest.mark.slow
some = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def node_sessions() -> Iterator[Sessions]:
    with sessions() as running:
        yield running


class Browser(Candidate):
    """A candidate whose session is the browser's."""

    def __init__(self, node_sessions: Sessions, keep_ms: int = 900_000) -> None:
        super().__init__(keep_ms)
        self.stream = Stream(node_sessions, keep_ms)
        session: Any = self.stream
        self.session = session

    def finish_and_check(self) -> None:
        """As `finish`, with the browser's words for what follows a close."""
        self.session.finish()
        for _ in range(10_000):
            self.exchange(100, 100)
            self.store(100)
            self.exchange(0, 100)
            if self.stream.finished is not None:
                return self.check_against_truth()
            assert self.connection is not None
            if self.connection.close_code is not None:
                assert self.stream.closed(self.connection.close_code) == "again"
                self.connection = None
        raise AssertionError("never finished")


@some
@given(st.lists(Step, max_size=40))
def test_nothing_is_lost_however_the_line_breaks(node_sessions: Sessions, steps: list[tuple]) -> None:  # type: ignore[type-arg]
    candidate = Browser(node_sessions)
    candidate.record(2)  # a lone header is not yet taken for a stream
    play(candidate, steps)
    candidate.finish_and_check()
    assert candidate.stream.finished["offset"] == candidate.recorded * FRAME_BYTES
    assert candidate.stream.finished["windows"] == len(candidate.server.streams[-1].windows)
    assert candidate.dropped == set()


@some
@given(
    st.lists(st.one_of(Step, st.tuples(st.just("lose"), st.integers(0, 5_000))), max_size=40),
    st.sampled_from([900_000, 100_000, 20_000, 2_000]),
)
def test_what_is_missing_is_said_exactly(node_sessions: Sessions, steps: list[tuple], keep_ms: int) -> None:  # type: ignore[type-arg]
    candidate = Browser(node_sessions, keep_ms)
    candidate.record(2)
    play(candidate, steps)
    candidate.finish_and_check()
    arrived = sum(len(numbers_in(window)) for window in candidate.server.streams[-1].windows)
    lost_ms = candidate.lost_ms + (candidate.recorded - arrived) * PER_FRAME * 1000 / RATE
    assert candidate.told_lost_ms() == pytest.approx(lost_ms, abs=1)


def test_a_change_of_format_begins_the_next_stream_at_its_byte(node_sessions: Sessions) -> None:
    candidate = Browser(node_sessions)
    candidate.record(50)
    candidate.session.record(b"".join(frame(number, OTHER_FORMAT) for number in range(1000, 1030)))
    for _ in range(20):
        candidate.exchange(10, 10)
        candidate.store(10)
    assert candidate.connection is not None
    assert candidate.connection.close_code == 4007
    assert candidate.stream.closed(4007) == "again"
    candidate.connection = None
    candidate.recorded = 50
    candidate.session.finish()
    for _ in range(5):
        candidate.exchange(10, 10)
        candidate.store(10)
    first, second = candidate.server.streams
    assert [number for window in first.windows for number in numbers_in(window)] == list(range(50))
    assert [number for window in second.windows for number in numbers_in(window)] == list(range(1000, 1030))


class Proctor:
    """The browser's session, what it handed on, and the wire to the meeting."""

    def __init__(self, node_sessions: Sessions) -> None:
        self._call = node_sessions.call
        self._call("channel")
        self.meeting = Meeting()
        self.happened: list[Any] = []
        self.connected = False
        self.down: list[str] = []

    def exchange(self, up: int, down: int) -> None:
        if not self.connected:
            self.connected = True
            self.down = []
            self.meeting.open()
            self.meeting.receive(self._call("channelHello"))
        for _ in range(up):
            if (text := self._call("channelNext")) is not None:
                self.meeting.receive(text)
        self.down += self.meeting.outgoing
        self.meeting.outgoing.clear()
        for _ in range(min(down, len(self.down))):
            self.happened += self._call("channelReceive", self.down.pop(0))

    def cut(self) -> None:
        if self.connected:
            assert self._call("channelClosed", 1006) == "again"
            self.connected = False
            self.meeting.channel = None

    def happen(self, count: int) -> None:
        self.meeting.happen(count)

    def pass_time(self, ms: int) -> None:
        self.meeting.pass_time(ms)

    def trim(self, count: int) -> None:
        self.meeting.trimmed_to = min(len(self.meeting.events), self.meeting.trimmed_to + count)

    def review(self, key: str, anomaly: str) -> None:
        self._call("channelReview", key, anomaly)

    def check(self) -> None:
        """Every event once and in order, without a hole that a snapshot has not covered."""
        for _ in range(3):
            self.exchange(50, 10_000)
        last = None
        for happened in self.happened:
            match happened:
                case {"what": "snapshot", "ready": ready}:
                    last = ready["last_id"]
                case {"what": "event", "event": event}:
                    assert last is not None
                    assert event["id"] == last + 1
                    last = event["id"]
        assert last == len(self.meeting.events)
        assert self._call("channelCursor") == {"epoch": self.meeting.epoch, "id": last}


@some
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("happen"), st.integers(1, 8)),
            st.tuples(st.just("exchange"), st.integers(0, 3), st.integers(0, 12)),
            st.tuples(st.just("cut")),
            st.tuples(st.just("pass_time"), st.integers(0, 20_000)),
            st.tuples(st.just("trim"), st.integers(0, 10)),
        ),
        max_size=40,
    )
)
def test_every_event_comes_once_and_every_review_is_answered_once(node_sessions: Sessions, steps: list[tuple]) -> None:  # type: ignore[type-arg]
    proctor = Proctor(node_sessions)
    proctor.review("key-1", "a1")
    proctor.review("key-2", "nowhere")
    for name, *arguments in steps:
        getattr(proctor, name)(*arguments)
    proctor.check()
    answers = {
        happened["key"]: happened["what"]
        for happened in proctor.happened
        if happened["what"] in ("reviewed", "refused")
    }
    assert answers == {"key-1": "reviewed", "key-2": "refused"}
    assert len(proctor.meeting.reviews) == 1
