"""A stream against the clock: how fast it may come, and when it is missed."""

from __future__ import annotations

from tests.core.frames import WINDOW_FRAMES, frames
from tests.core.line import Line
from undertone.core.errors import RateLimited
from undertone.core.messages import Refresh
from undertone.core.pace import CREDIT_MS, TEXT_BURST
from undertone.core.stream_actions import MarkDegraded, MarkStreaming
from undertone.core.stream_bounds import DEGRADED_AFTER_MS


class TestPace:
    def test_more_than_twenty_minutes_at_once_are_refused_before_they_are_taken_in(self) -> None:
        line = Line(max_speed=4).begin()
        taken = 0
        while not line.ended:
            line.audio(frames(WINDOW_FRAMES))
            taken += 1
        assert isinstance(line.fault, RateLimited)
        assert line.fault.retry_after_ms
        assert taken * 60_000 <= CREDIT_MS + 60_000

    def test_a_broken_line_does_not_give_new_credit(self) -> None:
        line = Line(max_speed=4).begin().audio(frames(19 * WINDOW_FRAMES))
        line.lost()
        assert line.part is not None
        assert line.part.credit_ms == 60_000

    def test_a_flood_of_text_is_limited(self) -> None:
        line = Line().begin()
        for _ in range(TEXT_BURST + 1):
            if not line.ended:
                line.text(Refresh(token="t"))
        assert isinstance(line.fault, RateLimited)


class TestPresence:
    def test_five_seconds_without_whole_frames_are_degraded_until_audio_comes(self) -> None:
        line = Line().begin().audio(frames(10))
        line.later(DEGRADED_AFTER_MS - 1)
        line.audio(b"\0")  # a byte is no sound
        line.later(1)
        line.later(1000)
        assert line.marks == [MarkDegraded]
        line.audio(frames(2))
        assert line.marks == [MarkDegraded, MarkStreaming]

    def test_a_stream_that_falls_silent_without_a_gap_is_anchored_anew_and_reported(self) -> None:
        line = Line().begin()
        for second in range(200):
            if second == 20:
                line.now += 30_000  # the device slept
            line.now += 24 * 42
            line.audio(frames(42, first=second))
        assert [round(m.lost_ms, -3) for m in line.missing] == [30_000]
