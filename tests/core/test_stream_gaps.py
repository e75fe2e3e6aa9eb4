"""Lost sound: said once or often, in time or late, and what can't be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.frames import FRAME_BYTES, FRAME_MS, WINDOW_FRAMES, frames
from tests.core.line import HOUR_MS, START, T0, Line
from undertone.core.errors import BadMessage
from undertone.core.messages import Gap, StreamHello
from undertone.core.pace import LOST_BEFORE_MS
from undertone.core.stream_actions import ReportMissing


class TestGaps:
    def test_a_gap_closes_the_window_short_and_media_time_moves_on(self) -> None:
        line = Line().begin().audio(frames(100))
        line.text(Gap(offset=100 * FRAME_BYTES + 5000, lost_ms=7000))
        line.audio(frames(WINDOW_FRAMES + 1))
        assert [(w.window, w.start_ms, w.duration_ms) for w in line.windows] == [(0, 0, 2400), (1, 9400, 60_000)]
        assert line.stored[0].offset == 100 * FRAME_BYTES + 5000
        assert line.missing == [ReportMissing(start_ms=2400, lost_ms=7000)]
        assert line.windows[1].lead_in_samples == 0

    def test_the_same_gap_twice_is_harmless(self) -> None:
        line = Line().begin().audio(frames(100))
        gap = Gap(offset=100 * FRAME_BYTES, lost_ms=7000)
        for _ in range(3):
            line.text(gap)
        line.audio(frames(100))
        line.text(gap)
        assert len(line.missing) == 1
        assert not line.ended

    def test_a_gap_that_lost_nothing_changes_nothing(self) -> None:
        line = Line().begin().audio(frames(100))
        line.text(Gap(offset=100 * FRAME_BYTES, lost_ms=0))
        assert not line.windows
        assert not line.missing

    @pytest.mark.parametrize(("offset", "lost_ms"), [(50 * FRAME_BYTES, 8000), (0, 8000), (100 * FRAME_BYTES, 6999)])
    def test_one_that_goes_back_and_was_not_known_is_refused(self, offset: int, lost_ms: int) -> None:
        line = Line().begin().audio(frames(99))
        line.text(Gap(offset=99 * FRAME_BYTES, lost_ms=7000))
        line.audio(frames(1))
        line.text(Gap(offset=offset, lost_ms=lost_ms))
        assert isinstance(line.fault, BadMessage)

    def test_a_buffer_that_begins_beyond_what_is_held_owes_its_gap_first(self) -> None:
        line = Line().begin().audio(frames(100))
        line.lost()
        begins = 500 * FRAME_BYTES
        line = line.resumed(hello=StreamHello(token="t", stream=1, buffered_from=begins))
        assert (line.ready.offset, line.ready.held) == (begins, 100 * FRAME_BYTES)
        line.text(Gap(offset=begins, lost_ms=400 * FRAME_MS))
        line.audio(frames(WINDOW_FRAMES + 1))
        assert [(w.start_ms, w.duration_ms) for w in line.windows] == [(0, 2400), (12_000, 60_000)]

    def test_a_buffer_that_begins_before_it_owes_nothing(self) -> None:
        line = Line().begin().audio(frames(100))
        line.lost()
        line = line.resumed(hello=StreamHello(token="t", stream=1, buffered_from=50 * FRAME_BYTES))
        assert line.ready.offset == line.ready.held == 100 * FRAME_BYTES
        assert not line.audio(frames(5)).ended

    def test_what_was_lost_before_a_broken_line_is_not_forgotten(self) -> None:
        line = Line().begin().audio(frames(100))
        line.text(Gap(offset=100 * FRAME_BYTES, lost_ms=5000))
        line.lost()  # the new window is still empty: nothing but the row can remember
        line = line.resumed()
        line.text(Gap(offset=100 * FRAME_BYTES, lost_ms=5000))
        assert not line.missing
        line.audio(frames(WINDOW_FRAMES + 1))
        assert [(w.start_ms, w.duration_ms) for w in line.windows] == [(0, 2400), (7400, 60_000)]

    def test_one_from_before_this_connection_that_was_never_said_changes_nothing(self) -> None:
        """Which of the gaps behind were said the row does not know: its total tells that nothing more was lost."""
        line = Line().begin().audio(frames(100))
        line.text(Gap(offset=100 * FRAME_BYTES, lost_ms=5000))
        line.audio(frames(50))
        line.lost()
        line = line.resumed()
        for offset, lost_ms in ((100 * FRAME_BYTES, 5000), (40 * FRAME_BYTES, 3000), (line.ready.offset, 5000)):
            line.text(Gap(offset=offset, lost_ms=lost_ms))
        line.audio(frames(WINDOW_FRAMES - 49))
        assert not line.missing
        assert [(w.start_ms, w.duration_ms) for w in line.windows] == [(0, 2400), (7400, 60_000)]

    @pytest.mark.parametrize("offset", [40 * FRAME_BYTES, 149 * FRAME_BYTES])
    def test_but_one_that_claims_to_have_lost_more_is_refused(self, offset: int) -> None:
        line = Line().begin().audio(frames(100))
        line.text(Gap(offset=100 * FRAME_BYTES, lost_ms=5000))
        line.audio(frames(50))
        line.lost()
        line = line.resumed()
        line.text(Gap(offset=offset, lost_ms=5001))
        assert isinstance(line.fault, BadMessage)


class TestHowMuchCanBeLost:
    """START's participant joined a second before T0; at four times real time that is 4 s, and a day besides."""

    @pytest.mark.parametrize("since_ms", [0, 1000, HOUR_MS])
    def test_no_more_than_there_was_time_for(self, since_ms: int) -> None:
        most_ms = LOST_BEFORE_MS + 4 * (1000 + since_ms)
        for lost_ms in (most_ms, most_ms + 1):
            line = Line(max_speed=4, opening=replace(START, expires_ms=T0 + 10 * HOUR_MS)).begin()
            line.later(since_ms)
            line.text(Gap(offset=0, lost_ms=lost_ms))
            if lost_ms == most_ms:
                assert line.missing == [ReportMissing(0, most_ms)]
            else:
                assert isinstance(line.fault, BadMessage)
                assert str(most_ms) in line.fault.detail
                assert not line.missing

    def test_an_outbox_that_overflowed_for_an_hour_is_believed(self) -> None:
        line = Line(max_speed=4, opening=replace(START, expires_ms=T0 + 10 * HOUR_MS)).begin().audio(frames(100))
        line.lost()
        line.now += HOUR_MS
        begins = HOUR_MS // FRAME_MS * FRAME_BYTES
        line = line.resumed(hello=StreamHello(token="t", stream=1, buffered_from=begins))
        line.text(Gap(offset=begins, lost_ms=HOUR_MS - 2400))
        assert not line.ended
        assert line.missing == [ReportMissing(2400, HOUR_MS - 2400)]

    def test_where_speed_has_no_limit_neither_has_this(self) -> None:
        line = Line(max_speed=0).begin()
        line.text(Gap(offset=0, lost_ms=100 * HOUR_MS))
        assert line.missing == [ReportMissing(0, 100 * HOUR_MS)]
