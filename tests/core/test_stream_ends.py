"""How a candidate's connection ends: what is written first, and what it is told."""

from __future__ import annotations

import pytest

from tests.core.frames import FRAME_BYTES, WINDOW_BYTES, WINDOW_FRAMES, frames, other_format
from tests.core.line import HOUR_MS, T0, Line
from undertone.core.errors import (
    BadAudio,
    Draining,
    FormatChanged,
    HelloTimeout,
    MeetingEnded,
    RemoteFault,
    TakenOver,
    TokenExpired,
    Unavailable,
)
from undertone.core.messages import Expiring, Gap, Refresh
from undertone.core.stream_bounds import MAX_PENDING_BYTES, PART_WITHIN_MS, STORED_WITHIN_MS


class TestEnds:
    @pytest.mark.parametrize("fault", [TakenOver("x"), Draining("x")])
    def test_the_part_is_written_before_the_close(self, fault: RemoteFault) -> None:
        line = Line().begin().audio(frames(10))
        line.store_away = True
        line.stop(fault)
        assert not line.ended
        line.receiver.part_left()
        line.do()
        assert line.fault is fault

    def test_but_is_not_waited_for_for_ever(self) -> None:
        line = Line().begin().audio(frames(10))
        line.store_away = True
        line.stop(TakenOver("x"))
        line.later(PART_WITHIN_MS)
        assert isinstance(line.fault, TakenOver)

    def test_a_meeting_that_ends_flushes_the_window_first(self) -> None:
        line = Line().begin().audio(frames(100))
        line.stop(MeetingEnded("x"))
        assert [w.duration_ms for w in line.windows] == [2400]
        assert len(line.stored) == 1
        assert isinstance(line.fault, MeetingEnded)

    def test_a_change_of_format_is_told_after_everything_before_it_is_stored(self) -> None:
        line = Line().begin().audio(frames(100) + other_format(5))
        assert [w.duration_ms for w in line.windows] == [2400]
        assert [stored.offset for stored in line.stored] == [100 * FRAME_BYTES]
        assert isinstance(line.fault, FormatChanged)

    def test_a_change_that_a_gap_led_to_is_named_though_no_window_ends_there(self) -> None:
        """Else the next stream would begin before the gap, and tell it again."""
        line = Line().begin().audio(frames(100))
        line.text(Gap(offset=100 * FRAME_BYTES, lost_ms=1000))
        changed = 300 * FRAME_BYTES
        line.text(Gap(offset=changed, lost_ms=9000))
        line.audio(other_format(5))
        assert [(stored.offset, stored.window) for stored in line.stored] == [(100 * FRAME_BYTES, 0), (changed, 0)]
        assert isinstance(line.fault, FormatChanged)

    def test_a_change_of_format_that_cannot_be_stored_is_no_reason_to_forget(self) -> None:
        line = Line().begin()
        line.store_away = True
        line.audio(frames(100) + other_format(5))
        line.later(STORED_WITHIN_MS)
        assert isinstance(line.fault, Unavailable)

    def test_what_could_not_be_written_is_not_said_to_be_stored(self) -> None:
        line = Line().begin()
        line.store_away = True
        line.audio(frames(100) + other_format(5))
        line.receiver.given_up()
        line.do()
        assert line.stored == []
        assert isinstance(line.fault, Unavailable), "not a change of format: the sound before it comes again"

    def test_64_kib_without_a_frame_are_bad_audio_and_what_came_before_is_kept(self) -> None:
        line = Line().begin().audio(frames(100) + bytes(70_000))
        assert isinstance(line.fault, BadAudio)
        line.lost()
        assert line.part is not None
        assert line.part.data == frames(100)

    def test_a_window_that_ends_just_before_the_bad_audio_is_stored(self) -> None:
        line = Line().begin().audio(frames(WINDOW_FRAMES + 1) + bytes(70_000), each=WINDOW_BYTES + 100_000)
        assert [w.duration_ms for w in line.windows] == [60_000]
        assert isinstance(line.fault, BadAudio)

    def test_no_hello_in_time(self) -> None:
        line = Line()
        line.later(4_999)
        assert not line.ended
        line.later(1)
        assert isinstance(line.fault, HelloTimeout)

    def test_a_store_that_stays_away_fills_a_bounded_buffer(self) -> None:
        line = Line().begin()
        line.store_away = True
        most = 0
        for _ in range(40):
            if not line.ended:
                line.audio(frames(WINDOW_FRAMES))
            most = max(most, line.receiver.held_bytes)
        assert isinstance(line.fault, Unavailable)
        assert most < MAX_PENDING_BYTES + 2 * WINDOW_BYTES


class TestTokens:
    def test_expiring_is_said_a_minute_before_and_a_refresh_moves_it(self) -> None:
        line = Line().begin()
        line.later(HOUR_MS - 60_001)
        assert not any(isinstance(message, Expiring) for message in line.said)
        line.later(1)
        line.later(1000)
        assert line.said[1:] == [Expiring(at="2023-11-14T23:13:20.000Z")]
        line.text(Refresh(token="new"))
        assert line.tokens == ["new"]
        line.receiver.refreshed(T0 + 2 * HOUR_MS)
        line.later(HOUR_MS)
        assert not line.ended

    def test_a_token_that_ends_ends_the_socket(self) -> None:
        line = Line().begin().audio(frames(10))
        line.later(HOUR_MS)
        assert isinstance(line.fault, TokenExpired)
        assert line.part is not None
