"""What is kept, for how long, and how much time every byte of it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.client.recording import FRAME_BYTES, OTHER_FORMAT, OTHER_RATE, PER_FRAME, RATE, frame, frames
from undertone_client.session import Outbox
from undertone_client.session.outbox import SLACK_MS, TICKS_PER_S

FRAME_TICKS = PER_FRAME * TICKS_PER_S // RATE


@given(st.lists(st.integers(1, 3 * FRAME_BYTES), max_size=60))
def test_media_time_does_not_depend_on_where_the_bytes_are_cut(cuts: list[int]) -> None:
    data = frames(0, 40)
    whole, pieces = Outbox(), Outbox()
    whole.record(data)
    at = 0
    for cut in [*cuts, len(data)]:
        pieces.record(data[at : at + cut])
        at += cut
        if at >= len(data):
            break
    for offset in range(0, len(data) + 1, 13):
        assert pieces.sound(offset) == whole.sound(offset) == offset // FRAME_BYTES * FRAME_TICKS


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=20))
def test_what_is_kept_can_be_read_anywhere_and_what_is_let_go_cannot(offsets: list[int]) -> None:
    data = frames(0, 40)
    outbox = Outbox()
    outbox.record(data)
    highest = 0
    for offset in offsets:
        outbox.let_go(min(offset, len(data)))
        highest = max(highest, min(offset, len(data)))
        begin = outbox.begin
        assert begin == outbox.released == highest
        assert outbox.read(begin, 300) == data[begin : begin + 300]


def test_a_full_outbox_drops_its_oldest_whole_frames_and_no_more_than_needed() -> None:
    outbox = Outbox(keep_ms=10_000)
    data = frames(0, 3000)
    for at in range(0, len(data), 1000):
        outbox.record(data[at : at + 1000])
        assert outbox.begin % FRAME_BYTES == 0
        assert outbox.kept_ms <= 10_000
        if outbox.begin:
            assert outbox.kept_ms >= 10_000 - SLACK_MS - 53
    assert outbox.end == len(data)
    assert outbox.read(outbox.begin, len(data)) == data[outbox.begin :]


def test_it_holds_no_more_memory_after_hours_without_a_line() -> None:
    outbox = Outbox(keep_ms=10_000)
    minute = frames(0, 1149)
    for _ in range(60):
        outbox.record(minute)
    assert len(outbox._data) <= 10_000 * FRAME_BYTES // 52
    assert len(outbox._ends) == len(outbox._sound) < 400


def test_it_keeps_one_mark_a_window_of_what_was_stored() -> None:
    outbox = Outbox()
    data = frames(0, 60)
    for stored in range(1, 100):
        outbox.record(data)
        outbox.let_go(stored * len(data))
    assert len(outbox._ends) == 100
    assert [outbox.sound(n * len(data)) for n in range(100)] == [n * 60 * FRAME_TICKS for n in range(100)]


def test_what_the_microphone_lost_counts_from_its_byte_on() -> None:
    outbox = Outbox()
    outbox.record(frames(0, 10))
    outbox.lose(500)
    outbox.lose(250)
    outbox.record(frames(10, 10))
    at = 10 * FRAME_BYTES
    assert outbox.lost(at - 1) == 0
    assert outbox.lost(at) == 750 * TICKS_PER_S // 1000
    assert outbox.media_ms == 750 + round(20 * PER_FRAME * 1000 / RATE)
    assert outbox.read(0, 10_000) == frames(0, 10)  # not beyond the loss: it is told there
    assert outbox.read(at, 10_000) == frames(10, 10)


def test_half_a_frame_before_a_loss_is_no_sound() -> None:
    outbox = Outbox()
    outbox.record(frames(0, 10) + frame(10)[:30])
    outbox.lose(500)
    outbox.record(frames(11, 5))
    assert outbox.sound(outbox.end) == 15 * FRAME_TICKS


def test_media_time_goes_on_across_a_change_of_format() -> None:
    outbox = Outbox()
    outbox.record(frames(0, 10))
    outbox.record(b"".join(frame(number, OTHER_FORMAT) for number in range(10)))
    assert outbox.sound(outbox.end) == 10 * FRAME_TICKS + 10 * PER_FRAME * TICKS_PER_S // OTHER_RATE
