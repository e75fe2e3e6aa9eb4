"""A stream that goes on after its meeting's end: all that was recorded before it may come, and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.frames import FRAME_BYTES, FRAME_MS, frames
from tests.core.line import HOUR_MS, START, T0, Line
from undertone.core.errors import MeetingEnded
from undertone.core.messages import Finish, Finished, Gap, StreamHello
from undertone.core.pace import AFTER_END_MS, RECORDING_FOR_MS

MINUTE_MS = 60_000
PER_MINUTE = MINUTE_MS // FRAME_MS
BEGUN = replace(START, created_ms=T0 - HOUR_MS, expires_ms=T0 + 10 * HOUR_MS)


def speak(line: Line, media_ms: int) -> None:
    """In real time, a second or so a message."""
    for _ in range(media_ms // (40 * FRAME_MS)):
        if not line.ended:
            line.now += 40 * FRAME_MS
            line.audio(frames(40))


def after_end(ended_ms: int, *, spoken_ms: int = 2 * MINUTE_MS, max_speed: float = 0) -> Line:
    """A candidate who spoke so long, whose line then broke, and who comes back after the meeting's end."""
    line = Line(opening=BEGUN, max_speed=max_speed).begin()
    speak(line, spoken_ms)
    line.lost()
    assert line.part is not None
    again = line.resumed(
        opening=replace(
            BEGUN,
            resume=line.part.resume,
            part=line.part.data,
            anchor_ms=line.part.anchor_ms,
            credit_ms=line.part.credit_ms,
            credit_at_ms=line.part.credit_at_ms,
            ended_ms=ended_ms,
        ),
        hello=StreamHello(token="t", stream=1),
        now=max(line.now, ended_ms + 1000),
    )
    assert again.ready.held == spoken_ms // FRAME_MS * FRAME_BYTES
    return again


def media_ms(line: Line) -> int:
    return line.windows[-1].start_ms + line.windows[-1].duration_ms


@pytest.mark.parametrize("each", [1000, 8000, 65_536])
@pytest.mark.parametrize("max_speed", [0, 4])
def test_a_backlog_of_a_quarter_of_an_hour_is_delivered_whole_at_any_speed(each: int, max_speed: float) -> None:
    ended_ms = T0 + 17 * MINUTE_MS
    line = after_end(ended_ms, max_speed=max_speed)
    line.audio(frames(15 * PER_MINUTE), each=each)
    assert not line.ended
    line.text(Finish())
    assert line.said[-1] == Finished(offset=17 * PER_MINUTE * FRAME_BYTES, windows=17)
    assert media_ms(line) == 17 * MINUTE_MS


def test_what_is_recorded_after_the_end_is_not_taken() -> None:
    ended_ms = T0 + 3 * MINUTE_MS
    line = after_end(ended_ms)
    line.audio(frames(PER_MINUTE))  # what was missing until the end
    assert not line.ended
    speak(line, 10 * MINUTE_MS)
    assert isinstance(line.fault, MeetingEnded)
    most_ms = 3 * MINUTE_MS + AFTER_END_MS + RECORDING_FOR_MS
    assert most_ms < media_ms(line) <= most_ms + 3 * 40 * FRAME_MS
    assert [stored.window for stored in line.stored] == [1, 2, 3]  # all of it is kept, and said so before the end


def test_a_sender_that_was_always_faster_than_life_has_a_backlog_whatever_its_anchor_says() -> None:
    """Nobody can have recorded two minutes since a participant joined a second ago; but a minute's limit allows it."""
    line = Line(opening=replace(START, ended_ms=T0 + 1000), hello=StreamHello(token="t", stream=1)).begin()
    for _ in range(60):
        line.now += 1000
        line.audio(frames(PER_MINUTE // 20))  # three times as fast
    line.text(Finish())
    assert line.said[-1] == Finished(offset=60 * (PER_MINUTE // 20) * FRAME_BYTES, windows=3)


def test_time_that_was_lost_counts() -> None:
    line = after_end(T0 + 30 * MINUTE_MS)
    position = 2 * PER_MINUTE * FRAME_BYTES
    line.text(Gap(offset=position, lost_ms=27 * MINUTE_MS))
    line.audio(frames(PER_MINUTE))
    assert not line.ended
    line.text(Gap(offset=position + PER_MINUTE * FRAME_BYTES, lost_ms=28 * MINUTE_MS))
    speak(line, MINUTE_MS)
    assert isinstance(line.fault, MeetingEnded)
    assert [w.duration_ms for w in line.windows[1:3]] == [MINUTE_MS, MINUTE_MS]
    assert line.windows[3].duration_ms <= RECORDING_FOR_MS + 2 * 40 * FRAME_MS


def test_a_clock_that_is_a_little_off_costs_nothing() -> None:
    """The first message was slow, and none was faster: the stream seems to have begun later than it did."""
    ended_ms = T0 + 3 * MINUTE_MS - AFTER_END_MS
    line = after_end(ended_ms)
    line.audio(frames(PER_MINUTE))
    assert not line.ended
    line.text(Finish())
    assert media_ms(line) == 3 * MINUTE_MS


def test_a_stream_of_which_nothing_was_kept_may_be_as_old_as_its_participant() -> None:
    """Its node was killed within the first minute: no anchor is known, and what comes all at once is from before."""
    opening = replace(BEGUN, ended_ms=T0, created_ms=T0 - MINUTE_MS)
    line = Line(opening=opening, now=T0 + 20_000, hello=StreamHello(token="t", stream=1)).begin()
    line.audio(frames(PER_MINUTE))
    assert not line.ended
    speak(line, MINUTE_MS)
    assert isinstance(line.fault, MeetingEnded)


def test_a_window_that_waits_for_the_store_is_said_before_the_end() -> None:
    line = after_end(T0 + 3 * MINUTE_MS)
    line.store_away = True
    line.audio(frames(PER_MINUTE))
    speak(line, MINUTE_MS)
    assert not line.ended
    line.store_away = False
    while line.receiver.pending_bytes:
        line.receiver.window_stored()
    line.receiver.part_left()
    line.do()
    assert isinstance(line.fault, MeetingEnded)
    assert [stored.window for stored in line.stored] == [1, 2, 3]
