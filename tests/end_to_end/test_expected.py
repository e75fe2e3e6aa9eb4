"""What the auditor expects is what the server makes of the same bytes, where lines broke and sound was lost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.audio import decode, voice_frames
from tests.end_to_end.auditing.expected import Piece, windows_of
from undertone.core.window import Resume, WindowClosed, WindowCutter
from undertone.store.parts import short_windows


def mp3(first: int = 0, until: int | None = None) -> bytes:
    """Frames of 130 s of speech. Not made before a test runs: each process collects all."""
    return b"".join(voice_frames(130, 44_100, 64_000, seed=5)[first:until])


@pytest.mark.parametrize("frames", [5, 700, 2296, 2300, 4000])
def test_a_window_that_nobody_took_up_and_what_came_after_it(frames: int) -> None:
    cutter = WindowCutter()
    windows = cutter.feed(mp3()[: len(mp3(until=frames)) + 7])
    windows += short_windows(*cutter.part())
    resumed = WindowCutter(windows[-1].resume)
    windows += resumed.feed(mp3()[windows[-1].resume.offset :])
    right(windows, resumed, [Piece(mp3())])


@pytest.mark.parametrize("frames", [700, 2297])
def test_a_stream_that_was_left_with_a_short_window_or_just_where_one_was_full(frames: int) -> None:
    data = mp3(until=frames)
    cutter = WindowCutter()
    assert not cutter.feed(data)
    [left] = short_windows(*cutter.part())
    [expected] = windows_of([Piece(data)], [left.samples], finished=False)
    assert replace(expected.window, resume=Resume.START) == replace(left, resume=Resume.START)
    assert not list(windows_of([Piece(data)], [], finished=False))


def test_sound_that_was_lost() -> None:
    before, after = mp3(until=1000), mp3(1500)
    offset = len(mp3(until=1500))
    cutter = WindowCutter()
    windows = cutter.feed(before)
    closed = cutter.gap(offset, 13_061)
    assert closed is not None
    windows += [closed, *cutter.feed(after)]
    right(windows, cutter, [Piece(before), Piece(after, offset, 13_061)])


def test_sound_that_was_lost_after_a_window_was_stored_and_its_server_killed() -> None:
    """The window is whole, and the stream goes on from before its end, where the lead-in of the next one begins."""
    [stored] = WindowCutter().feed(mp3(until=2310))
    lost_after(stored)


def test_sound_that_was_lost_after_a_window_that_nobody_took_up() -> None:
    cutter = WindowCutter()
    assert not cutter.feed(mp3(until=1500))
    [stored] = short_windows(*cutter.part())
    lost_after(stored)


def lost_after(stored: WindowClosed) -> None:
    begin, offset = stored.resume.offset, len(mp3(until=3000))
    resumed = WindowCutter(stored.resume)
    assert resumed.gap(offset, 20_000) is None
    windows = [stored, *resumed.feed(mp3()[offset:])]
    right(
        windows,
        resumed,
        [Piece(mp3()[:begin], beyond=mp3()[begin : begin + 16_000]), Piece(mp3()[offset:], offset, 20_000)],
    )


def right(windows: list[WindowClosed], cutter: WindowCutter, pieces: list[Piece]) -> None:
    last = cutter.flush()
    assert last is not None
    windows.append(last)
    expected = list(windows_of(pieces, [window.samples for window in windows], finished=True))
    # Where the next one resumes is nothing that is kept of a window.
    assert [replace(each.window, resume=Resume.START) for each in expected] == [
        replace(window, resume=Resume.START) for window in windows
    ]
    for each in expected:
        assert np.array_equal(decode(each.window.clip)[:, each.window.lead_in_samples :], each.sound())
