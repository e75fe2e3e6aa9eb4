"""The candidate's session against the server's own state machine, back to back over a wire that breaks anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client.recording import (
    FRAME_BYTES,
    OTHER_FORMAT,
    OTHER_FRAME_BYTES,
    PER_FRAME,
    RATE,
    Connection,
    Server,
    frame,
    frames,
    numbers_in,
)
from undertone.core.errors import BadAudio, MeetingEnded, TakenOver
from undertone.core.messages import Finished, Stored, StreamReady, encode
from undertone_client.session import AfterClose, ServerFault, StreamSession
from undertone_client.session.outbox import TICKS_PER_S, to_ms


class Candidate:
    """A session, its microphone, and the wire to whichever connection it has."""

    def __init__(self, keep_ms: int = 900_000) -> None:
        self.server = Server()
        self.session = StreamSession("token", keep_ms=keep_ms)
        self.connection: Connection | None = None
        self.up: list[str | bytes] = []
        self.down: list[str] = []
        self.recorded = 0  # frames
        self.truth: list[int] = []  # per frame: media time of its first sample, in ticks, losses included
        self.lost_ms = 0
        self.dropped: set[int] = set()  # frames that the outbox had no room for

    def record(self, count: int, cuts: int = 1) -> None:
        data = frames(self.recorded, count)
        for _ in range(count):
            self.truth.append(self.recorded * PER_FRAME * TICKS_PER_S // RATE + self.lost_ms * TICKS_PER_S // 1000)
            self.recorded += 1
        outbox = self.session.outbox
        step = -(-len(data) // cuts)
        for at in range(0, len(data), step):
            before = outbox.begin
            self.session.record(data[at : at + step])
            self.dropped.update(range(before // FRAME_BYTES, outbox.begin // FRAME_BYTES))

    def lose(self, lost_ms: int) -> None:
        self.lost_ms += lost_ms
        self.session.lose(lost_ms)

    def connect(self) -> None:
        self.up, self.down = [], []
        self.connection = Connection(self.server)
        self.connection.receive(self.session.connect())

    def exchange(self, up: int, down: int) -> None:
        """Carry at most so many messages each way."""
        if self.connection is None:
            self.connect()
        assert self.connection is not None
        while len(self.up) < up and (message := self.session.next_message()) is not None:
            self.up.append(message)
        for _ in range(min(up, len(self.up))):
            self.connection.receive(self.up.pop(0))
        self.down += self.connection.outgoing
        self.connection.outgoing.clear()
        for _ in range(min(down, len(self.down))):
            self.session.receive(self.down.pop(0))

    def store(self, count: int) -> None:
        if self.connection is not None:
            for _ in range(count):
                self.connection.store()

    def send_all(self) -> None:
        self.exchange(0, 1)
        self.exchange(100, 0)

    def cut(self, crash: bool) -> None:
        """The line breaks, what is on its way is gone; in a crash also what the server had in memory."""
        if self.connection is not None:
            self.session.closed(1006)
            if crash:
                self.server.crash()
            self.connection = None

    def finish(self) -> Finished:
        self.session.finish()
        for _ in range(10_000):
            self.exchange(100, 100)
            self.store(100)
            self.exchange(0, 100)
            if self.session.finished is not None:
                return self.session.finished
            assert self.connection is not None
            if self.connection.close_code is not None:
                assert self.session.closed(self.connection.close_code) is AfterClose.RETRY
                self.connection = None
        raise AssertionError("never finished")

    def told_lost_ms(self) -> int:
        """In all, as the proctors of the newest stream were told."""
        return sum(lost_ms for _, lost_ms in self.server.streams[-1].missing)

    def check_against_truth(self) -> None:
        """Every frame arrived once, at its media time; but those that were dropped, and their time was said lost."""
        found: dict[int, int] = {}
        for stream in self.server.streams:
            end_ms = 0
            for number, window in enumerate(stream.windows):
                assert window.window == number
                assert window.start_ms >= end_ms
                end_ms = window.start_ms + window.duration_ms
                for place, known in enumerate(numbers_in(window)):
                    assert known not in found
                    found[known] = (window.start + place * PER_FRAME) * TICKS_PER_S // RATE
        assert set(range(self.recorded)) - set(found) <= self.dropped
        for known, ticks in found.items():
            assert abs(ticks - self.truth[known]) <= TICKS_PER_S // 1000


Step = st.one_of(
    st.tuples(st.just("record"), st.integers(1, 1500), st.integers(1, 9)),
    st.tuples(st.just("exchange"), st.integers(0, 6), st.integers(0, 6)),
    st.tuples(st.just("store"), st.integers(1, 4)),
    st.tuples(st.just("cut"), st.booleans()),
)


def play(candidate: Candidate, steps: list[tuple]) -> None:  # type: ignore[type-arg]
    for name, *arguments in steps:
        getattr(candidate, name)(*arguments)


@given(st.lists(Step, max_size=40))
def test_nothing_is_lost_however_the_line_breaks(steps: list[tuple]) -> None:  # type: ignore[type-arg]
    candidate = Candidate()
    candidate.record(2)  # a lone header is not yet taken for a stream
    play(candidate, steps)
    finished = candidate.finish()
    assert finished.offset == candidate.recorded * FRAME_BYTES
    assert finished.windows == len(candidate.server.streams[-1].windows)
    assert candidate.dropped == set()
    candidate.check_against_truth()
    assert candidate.session.outbox.kept_ms == 0


@given(st.lists(st.one_of(Step, st.tuples(st.just("lose"), st.integers(0, 5_000))), max_size=40))
def test_what_the_microphone_lost_moves_media_time_on(steps: list[tuple]) -> None:  # type: ignore[type-arg]
    candidate = Candidate()
    candidate.record(2)  # a lone header is not yet taken for a stream
    play(candidate, steps)
    candidate.finish()
    candidate.check_against_truth()
    assert candidate.told_lost_ms() == candidate.lost_ms


@given(
    st.lists(st.one_of(Step, st.tuples(st.just("lose"), st.integers(0, 5_000))), max_size=40),
    st.integers(2_000, 100_000),
)
def test_an_outbox_that_overflows_says_exactly_what_is_missing(
    steps: list[tuple],  # type: ignore[type-arg]
    keep_ms: int,
) -> None:
    candidate = Candidate(keep_ms)
    candidate.record(2)
    play(candidate, steps)
    candidate.finish()
    candidate.check_against_truth()
    arrived = sum(len(numbers_in(window)) for window in candidate.server.streams[-1].windows)
    missing = candidate.recorded - arrived
    lost_ms = candidate.lost_ms + missing * PER_FRAME * 1000 / RATE
    assert candidate.told_lost_ms() == pytest.approx(lost_ms, abs=1)


def test_a_lead_in_that_is_stored_is_not_said_to_be_missing() -> None:
    candidate = Candidate(keep_ms=100_000)
    candidate.record(1200)
    candidate.send_all()
    candidate.store(1)
    candidate.exchange(0, 1)
    candidate.cut(crash=True)  # after the first window is stored: the next is resumed from its lead-in
    candidate.record(3000)  # for which the outbox has no room now, nor for what followed it
    candidate.finish()
    windows = candidate.server.streams[-1].windows
    assert len(windows) > 1
    missing = candidate.recorded - sum(len(numbers_in(window)) for window in windows)
    assert candidate.told_lost_ms() == pytest.approx(missing * PER_FRAME * 1000 / RATE, abs=1)
    ((start_ms, _),) = candidate.server.streams[-1].missing
    assert start_ms == pytest.approx(windows[0].start_ms + windows[0].duration_ms, abs=1)


def test_an_hour_without_a_line_keeps_the_last_quarter_and_says_the_rest() -> None:
    candidate = Candidate()
    for _ in range(60):
        candidate.record(1149)
    outbox = candidate.session.outbox
    assert 898_900 <= outbox.kept_ms <= 900_000
    assert outbox.begin % FRAME_BYTES == 0
    finished = candidate.finish()
    assert finished.offset == candidate.recorded * FRAME_BYTES
    candidate.check_against_truth()
    lost_ms = candidate.server.streams[-1].resume.lost_ms
    assert lost_ms == pytest.approx(len(candidate.dropped) * PER_FRAME * 1000 / RATE, abs=1)


def test_ready_may_go_back_and_acknowledges_nothing() -> None:
    candidate = Candidate()
    candidate.record(3000)
    candidate.send_all()
    candidate.store(10)
    candidate.exchange(0, 10)
    released = candidate.session.outbox.released
    assert 0 < released < 3000 * FRAME_BYTES
    candidate.record(20)
    candidate.exchange(10, 10)
    candidate.cut(crash=True)
    candidate.connect()
    ready = StreamReady(stream=1, offset=released, held=released, window_ms=60000, max_message_bytes=65536)
    assert candidate.connection is not None
    assert candidate.connection.outgoing == [encode(ready)]
    assert candidate.session.outbox.begin == released
    candidate.finish()
    candidate.check_against_truth()


def test_only_stored_lets_go() -> None:
    session = StreamSession("token")
    session.record(frames(0, 50))
    session.connect()
    session.receive(encode(StreamReady(stream=1, offset=0, held=0, window_ms=60000, max_message_bytes=1000)))
    sent = b""
    while (message := session.next_message()) is not None:
        assert isinstance(message, bytes)
        assert len(message) <= 1000
        sent += message
    assert sent == frames(0, 50)
    assert session.outbox.begin == 0
    session.receive(encode(Stored(offset=10 * FRAME_BYTES, window=0)))
    assert session.outbox.begin == 10 * FRAME_BYTES


def test_a_change_of_format_begins_the_next_stream_at_its_byte() -> None:
    candidate = Candidate()
    candidate.record(50)
    candidate.session.record(b"".join(frame(number, OTHER_FORMAT) for number in range(1000, 1030)))
    for _ in range(20):
        candidate.exchange(10, 10)
        candidate.store(10)
    assert candidate.connection is not None
    assert candidate.connection.close_code == 4007
    assert candidate.session.closed(4007) is AfterClose.RETRY
    candidate.connection = None
    finished = candidate.finish()
    first, second = candidate.server.streams
    assert [number for window in first.windows for number in numbers_in(window)] == list(range(50))
    assert [number for window in second.windows for number in numbers_in(window)] == list(range(1000, 1030))
    assert second.resume.lost_ms == 0
    assert finished.offset == 30 * OTHER_FRAME_BYTES


def test_a_lost_answer_to_finish_is_asked_for_again() -> None:
    candidate = Candidate()
    candidate.record(3000)
    candidate.session.finish()
    for _ in range(10):
        candidate.exchange(10, 0)
        candidate.store(10)
        if candidate.server.streams[0].finished_at is not None:
            break
        candidate.exchange(10, 10)
    candidate.cut(crash=True)
    candidate.connect()
    candidate.exchange(1, 10)
    assert candidate.session.finished == Finished(offset=3000 * FRAME_BYTES, windows=3)


def test_a_recording_without_a_frame_finishes_empty() -> None:
    assert Candidate().finish() == Finished(offset=0, windows=0)


@pytest.mark.parametrize(
    ("code", "after"),
    [
        (1001, AfterClose.RETRY),
        (1006, AfterClose.RETRY),
        (1011, AfterClose.RETRY),
        (1012, AfterClose.RETRY),
        (3000, AfterClose.RETRY),
        (4000, AfterClose.RETRY),
        (4006, AfterClose.RENEW),
        (4007, AfterClose.RETRY),
        (4321, AfterClose.RETRY),
        (1000, AfterClose.OVER),
        (1009, AfterClose.OVER),
        (4500, AfterClose.OVER),
        (4506, AfterClose.OVER),
        (4999, AfterClose.OVER),
    ],
)
def test_the_number_of_the_close_alone_decides(code: int, after: AfterClose) -> None:
    session = StreamSession("token")
    session.connect()
    assert session.closed(code, "whatever it says") is after
    assert (session.fault is not None) == (after is AfterClose.OVER)


def test_the_fault_is_named_with_what_the_error_said() -> None:
    session = StreamSession("token")
    session.connect()
    session.receive('{"type": "error", "code": "meeting_ended", "detail": "ended at noon"}')
    assert session.closed(4507) is AfterClose.OVER
    assert isinstance(session.fault, MeetingEnded)
    assert session.fault.detail == "ended at noon"
    assert session.closed(1006) is AfterClose.OVER  # it stays over


def test_retry_after_is_that_of_this_connection() -> None:
    session = StreamSession("token")
    session.connect()
    session.receive('{"type": "error", "code": "draining", "detail": "bye", "retry_after_ms": 700}')
    assert session.closed(4000) is AfterClose.RETRY
    assert session.retry_after_ms == 700
    session.connect()
    assert session.retry_after_ms is None


def test_a_taken_over_candidate_says_so() -> None:
    candidate = Candidate()
    candidate.record(10)
    candidate.exchange(10, 10)
    tab = Connection(candidate.server)
    tab.receive('{"type": "hello", "token": "token"}')
    candidate.cut(crash=False)
    candidate.connect()
    assert candidate.connection is not None
    code = candidate.connection.close_code
    assert code == 4506
    assert candidate.session.closed(code) is AfterClose.OVER
    assert isinstance(candidate.session.fault, TakenOver)


def test_a_refreshed_token_is_told_at_once_and_kept_for_later() -> None:
    session = StreamSession("old")
    session.refresh("new")
    assert '"token":"new"' in session.connect()
    session.receive(encode(StreamReady(stream=1, offset=0, held=0, window_ms=60000, max_message_bytes=1000)))
    assert session.next_message() is None
    session.record(frames(0, 3))
    session.refresh("newer")
    assert session.next_message() == '{"type":"refresh","token":"newer"}'
    assert isinstance(session.next_message(), bytes)


def test_audio_that_the_server_would_refuse_is_refused_here() -> None:
    session = StreamSession("token")
    with pytest.raises(BadAudio):
        session.record(bytes(range(256)) * 400)


def test_after_finish_nothing_can_be_recorded() -> None:
    session = StreamSession("token")
    session.finish()
    with pytest.raises(ValueError, match="finish"):
        session.record(b"x")
    with pytest.raises(ValueError, match="finish"):
        session.lose(10)


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "stored", "offset": 0, "window": 0}',
        '{"type": "finished", "offset": 0, "windows": 0}',
        '{"type": "ready", "stream": 1, "offset": 5, "held": 0, "window_ms": 60000, "max_message_bytes": 65536}',
        '{"type": "ready", "stream": 1, "offset": 0, "held": 3, "window_ms": 60000, "max_message_bytes": 65536}',
        '{"type": "tick", "last_id": 1}',
        "not json",
    ],
)
def test_a_server_that_breaks_the_protocol_is_named(text: str) -> None:
    session = StreamSession("token")
    session.connect()
    with pytest.raises(ServerFault):
        session.receive(text)
    assert session.closed(1006) is AfterClose.RETRY


def test_a_database_restored_from_yesterday_is_told_what_it_lost() -> None:
    """`stored` was said for three windows, and a backup knows only the first: the rest can't be sent again."""
    candidate = Candidate()
    candidate.record(4000)
    candidate.send_all()
    backup = None
    for _ in range(3):
        candidate.store(1)
        candidate.exchange(0, 10)
        backup = backup or candidate.server.streams[0].resume
    candidate.cut(crash=True)
    row = candidate.server.streams[0]
    assert backup is not None
    row.resume, row.windows = backup, row.windows[:1]
    released = candidate.session.outbox.released
    assert released > backup.offset
    candidate.finish()
    lost = released // FRAME_BYTES - backup.offset // FRAME_BYTES
    assert row.resume.lost_ms == pytest.approx(lost * PER_FRAME * 1000 / RATE, abs=1)
    arrived = [number for window in row.windows for number in numbers_in(window)]
    assert arrived[-1] == 3999


def test_ticks_are_rounded_to_the_nearest_millisecond() -> None:
    assert to_ms(TICKS_PER_S) == 1000
    assert to_ms(7055) == 0
    assert to_ms(7056) == 1
