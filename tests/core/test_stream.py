"""The server's side of a candidate's stream, driven without a socket."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.frames import FRAME_BYTES, FRAME_MS, WINDOW_BYTES, WINDOW_FRAMES, frames
from tests.core.line import START, T0, Line
from undertone.core import messages
from undertone.core.errors import BadMessage
from undertone.core.messages import Finish, Finished, Gap, StreamHello, StreamReady
from undertone.core.stream_actions import LeavePart, Open


def test_a_new_stream_begins_at_byte_0() -> None:
    line = Line().begin()
    assert line.said == [StreamReady(stream=1, offset=0, held=0, window_ms=60_000, max_message_bytes=65536)]


def test_a_window_is_stored_once_and_acknowledged_short_of_its_end_by_the_lead_in() -> None:
    line = Line().begin().audio(frames(2 * WINDOW_FRAMES + 1))
    assert [(w.window, w.start_ms, w.duration_ms) for w in line.windows] == [(0, 0, 60_000), (1, 60_000, 60_000)]
    assert [s.window for s in line.stored] == [0, 1]
    for stored, end in zip(line.stored, (WINDOW_BYTES, 2 * WINDOW_BYTES), strict=True):
        assert end - 10 * FRAME_BYTES <= stored.offset <= end - 2 * FRAME_BYTES
        assert stored.offset % FRAME_BYTES == 0


def test_finishing_flushes_the_last_window_and_says_so_after_it_is_stored() -> None:
    line = Line().begin().audio(frames(100))
    line.text(Finish())
    assert [w.duration_ms for w in line.windows] == [100 * FRAME_MS]
    assert line.said[-2:] == [line.stored[-1], Finished(offset=100 * FRAME_BYTES, windows=1)]
    assert line.fault is None


def test_finish_and_gaps_said_once_more_while_finishing_are_harmless() -> None:
    line = Line().begin().audio(frames(100))
    line.store_away = True
    for message in (Finish(), Finish(), Gap(offset=100 * FRAME_BYTES, lost_ms=0)):
        line.text(message)
    assert not line.ended


def test_an_empty_recording_finishes_with_no_window() -> None:
    line = Line().begin()
    line.text(Finish())
    assert line.said[-1] == Finished(offset=0, windows=0)


def test_a_finished_stream_is_told_so_again() -> None:
    line = Line(store_away=True)
    line.receiver.receive_text(messages.encode(StreamHello(token="t", stream=1)), T0)
    assert isinstance(line.receiver.actions()[0], Open)
    line.receiver.already_finished(1234, 5)
    line.do()
    assert line.said == [Finished(offset=1234, windows=5)]
    assert line.fault is None


def test_a_broken_line_leaves_a_part_and_the_next_one_goes_on_after_it() -> None:
    whole = frames(WINDOW_FRAMES + 100)
    line = Line().begin().audio(whole[: 1000 * FRAME_BYTES + 50])
    line.lost()
    assert line.part is not None
    assert line.part.data == whole[: 1000 * FRAME_BYTES]  # up to the last whole frame
    line = line.resumed()
    assert line.ready.offset == line.ready.held == 1000 * FRAME_BYTES
    line.audio(whole[line.ready.offset :])
    uncut = Line().begin().audio(whole)
    assert line.windows == uncut.windows


def test_a_socket_lost_while_its_stream_is_opened_gives_it_back_untouched() -> None:
    line = Line(opening=replace(START, part=frames(3)), store_away=True)
    line.receiver.receive_text(messages.encode(StreamHello(token="t", stream=1)), T0)
    line.receiver.actions()
    line.receiver.lost()
    line.receiver.opened(line.opening, T0)
    assert [a.data for a in line.receiver.actions() if isinstance(a, LeavePart)] == [frames(3)]


@pytest.mark.parametrize(
    ("state", "sent"),
    [
        ("new", "nonsense"),
        ("new", "{}"),
        ("new", '{"type":"finish"}'),
        ("new", '{"type":"gap","offset":0,"lost_ms":0}'),
        ("new", '{"type":"refresh","token":"t"}'),
        ("new", b"\xff\xfb"),
        ("open", '{"type":"hello","token":"t"}'),
        ("open", '{"type":"stored","offset":0,"window":0}'),
        ("open", '{"type":"gap","offset":-1,"lost_ms":0}'),
        ("open", '{"type":"gap","offset":0,"lost_ms":700000000}'),
        ("open", '{"type":"gap","offset":0.5,"lost_ms":0}'),
        ("finishing", b"\xff\xfb"),
        ("finishing", '{"type":"hello","token":"t"}'),
        ("awaiting gap", b"\xff\xfb"),
        ("awaiting gap", '{"type":"finish"}'),
        ("awaiting gap", '{"type":"gap","offset":999,"lost_ms":10}'),
    ],
)
def test_what_does_not_belong_is_a_bad_message(state: str, sent: str | bytes) -> None:
    line = Line()
    if state == "awaiting gap":
        line.hello = StreamHello(token="t", buffered_from=1000)
    if state != "new":
        line.begin()
    if state == "finishing":
        line.audio(frames(50))
        line.store_away = True
        line.text(Finish())
    if isinstance(sent, bytes):
        line.audio(sent)
    else:
        line.text(sent)
    assert isinstance(line.fault, BadMessage)
    assert line.fault.detail


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.tuples(st.integers(1, 300_000), st.booleans()), max_size=12),
    chunk=st.integers(1, 65_536),
    total=st.integers(1, 6000),
)
def test_however_the_line_breaks_the_windows_are_those_of_an_unbroken_one(
    cuts: list[tuple[int, bool]], chunk: int, total: int
) -> None:
    """After each break the part is kept or, as when a process is killed, lost; the sender goes on at `ready.offset`."""
    whole = frames(total)
    chunk = max(chunk, len(whole) // 500)
    uncut = Line().begin().audio(whole)
    uncut.text(Finish())
    line = Line().begin()
    kept = START
    for length, killed in cuts:
        offset = line.ready.offset
        line.audio(whole[offset : offset + length], each=chunk)
        if line.stored:
            kept = replace(START, resume=line.windows[-1].resume, anchor_ms=T0)
        line.lost()
        if killed:
            line = line.resumed(opening=kept)
        else:
            assert line.part is not None
            kept = replace(START, resume=line.part.resume, part=line.part.data, anchor_ms=line.part.anchor_ms)
            line = line.resumed()
    line.audio(whole[line.ready.offset :], each=chunk)
    line.text(Finish())
    assert line.windows == uncut.windows
    assert line.said[-1] == uncut.said[-1]
