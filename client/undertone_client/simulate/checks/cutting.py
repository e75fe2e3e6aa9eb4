"""Whether the windows that are expected are right: the harness cuts by the server's own code, which would agree with
itself in its errors too. Here only the recording's frames are counted."""

from __future__ import annotations

from bisect import bisect_right
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
    at = 0  # the frame that must come next
    for window in windows:
        lead_in = window.lead_in_samples // recording.samples_per_frame
        own = window.samples // recording.samples_per_frame
        first = _find(recording.data, stream.base, frames, window.clip, lead_in, own, at)
        if first is None:
            yield f"window {window.window}: what is expected of it is no run of frames that were said"
            return
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


def _find(data: bytes, base: int, frames: Sequence[int], clip: bytes, lead_in: int, own: int, at: int) -> int | None:
    """Which frame is the first of a window's own, from frame `at` on; None if its clip is no such run of frames."""
    for first in range(max(at, lead_in), len(frames) - own):
        begin, end = frames[first - lead_in], frames[first + own]
        if end - begin == len(clip) and data[base + begin : base + end] == clip:
            return first
    return None


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
