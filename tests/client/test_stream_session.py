"""The candidate's session against the server's own state machine, back to back over a wire that breaks anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client.candidate import Candidate, Step, play
from tests.client.recording import (
    FRAME_BYTES,
    OTHER_FORMAT,
    OTHER_FRAME_BYTES,
    PER_FRAME,
    RATE,
    frame,
    frames,
    numbers_in,
)
from undertone.core.messages import Finished, Stored, StreamReady, encode
from undertone_client.session import AfterClose, StreamSession
from undertone_client.session.outbox import TICKS_PER_S, to_ms


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
