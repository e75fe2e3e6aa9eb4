"""Whether the windows that are expected are right: the harness cuts by the server's own code, which would agree with
itself in its errors too. Here only the recording's frames are counted."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from undertone.core.window import WindowClosed
from undertone_client.simulate.audio import Recording
from undertone_client.simulate.record import StreamRecord

WINDOW_MS: Final = 60_000  # by the protocol; nothing is imported here that could be wrong in the same way


def violations(recording: Recording, stream: StreamRecord, windows: Sequence[WindowClosed]) -> Iterator[str]:
    """Of one stream, and the windows that are expected of it.

    Each clip is a run of whole frames that were said; the windows' own frames follow each other without a hole, but
    where sound was given up; each lasts as long as its frames, and for a minute where nothing cut it short.
    """
    frames = _frames(recording, stream)
    frame_ms = recording.samples_per_frame * 1000 / recording.sample_rate
    said = recording.data[stream.base : stream.base + stream.spoken]
    at = 0  # the frame that must come next
    for window in windows:
        own = window.samples // recording.samples_per_frame
        lead_in = window.lead_in_samples // recording.samples_per_frame
        found = [
            first
            for first in _begins(stream, frames, at)
            if first >= lead_in
            and first + own < len(frames)
            and said[frames[first - lead_in] : frames[first + own]] == window.clip
        ]
        if not found:
            yield f"window {window.window}: what is expected of it is not what comes next"
            return
        # A file that repeats may say the same behind each of two gaps.
        first = min(found, key=lambda first: abs(first * frame_ms - window.start_ms))
        # A gap cuts the frame that it begins in, and may leave one alone.
        if abs(first * frame_ms - window.start_ms) > 1 + 3 * frame_ms * len(stream.gaps):
            yield f"window {window.window} is expected at {window.start_ms} ms, its frames at {first * frame_ms:.0f} ms"
        yield from _given_up(stream, frames, at, first)
        at = first + own
        if abs(window.duration_ms - own * frame_ms) > 1:  # rounded at both ends
            yield f"window {window.window} is expected to last {window.duration_ms} ms, its frames {own * frame_ms:.0f}"
        cut_short = window is windows[-1] or any(_floor(frames, gap.held) == frames[at] for gap in stream.gaps)
        if own * frame_ms > WINDOW_MS + frame_ms or (own * frame_ms < WINDOW_MS - frame_ms and not cut_short):
            yield f"window {window.window} is expected to last {own * frame_ms:.0f} ms instead of a minute"
    yield from _given_up(stream, frames, at, len(frames) - 1)


def _frames(recording: Recording, stream: StreamRecord) -> list[int]:
    """Where the stream's frames begin, counted from its own first byte, and the end of the last one."""
    first = bisect_right(recording.ends, stream.base)
    last = bisect_right(recording.ends, stream.base + stream.spoken)
    return [0, *(end - stream.base for end in recording.ends[first:last])]


def _begins(stream: StreamRecord, frames: Sequence[int], at: int) -> list[int]:
    """Frames that the next window's own may begin with: the next of all, or the first behind a gap."""
    behind = (bisect_left(frames, gap.offset) for gap in stream.gaps)
    return [at, *(first for first in behind if first > at)]


def _given_up(stream: StreamRecord, frames: Sequence[int], first: int, last: int) -> Iterator[str]:
    """Frames that no window holds lie in a gap, and with them the one that the gap begins in.

    A frame that stands alone is none: by the protocol it takes two headers that agree.
    """
    gaps = [(_floor(frames, gap.held), gap.offset) for gap in stream.gaps]
    begins = {0, *(offset for _, offset in gaps)}
    ends = {frames[-1], *(held for held, _ in gaps)}
    for begin, end in pairwise(frames[first : last + 1]):
        alone = begin in begins and end in ends
        if not alone and not any(held <= begin and end <= offset for held, offset in gaps):
            yield f"bytes {begin} to {frames[last]} are expected in no window, and were not given up"
            return


def _floor(frames: Sequence[int], byte: int) -> int:
    return frames[bisect_right(frames, byte) - 1]
