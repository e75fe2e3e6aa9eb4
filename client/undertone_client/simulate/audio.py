"""What the candidates say: MP3 files, cut into the messages that a microphone would send."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from undertone.core.errors import UndertoneError
from undertone.core.mp3 import FrameParser
from undertone.core.window import Resume, WindowClosed, WindowCutter

SAMPLES: Final = Path(__file__).resolve().parent.parent / "samples"
# A browser's encoder hands on about four times a second: ten frames of 26 ms.
FRAMES_PER_MESSAGE: Final = 10
_FEED_BYTES: Final = 1 << 20
# The longest lead-in, and what must be seen of the frames after it: 4 kB at 320 kbit/s, 10 frames at the lowest rates.
_LEAD_IN_BYTES: Final = 16 * 1024


class NoAudio(UndertoneError):
    """A file or folder that can't be streamed; says why."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window that the server must find in a recording; the byte after its last frame."""

    start_ms: int
    duration_ms: int
    end: int


@dataclass(frozen=True, slots=True)
class Recording:
    """The frames of one file without tags and junk, repeated or shortened to the duration that was asked for.

    Frame i fills the bytes from `ends[i - 1]` to `ends[i]`, and lasts `samples_per_frame` at `sample_rate`.
    """

    name: str
    data: bytes
    ends: list[int]
    samples_per_frame: int
    sample_rate: int
    windows: list[Window]
    path: Path | None = None

    @property
    def duration_ms(self) -> int:
        """Media time of the whole recording."""
        return self.media_ms(len(self.ends))

    def media_ms(self, frames: int) -> int:
        """Media time of the first so many frames."""
        return frames * self.samples_per_frame * 1000 // self.sample_rate

    def media_ms_at(self, offset: int) -> int:
        """Media time of the frames before a byte."""
        return self.media_ms(bisect_right(self.ends, offset))

    def messages(self) -> list[tuple[int, int, int]]:
        """(when its last frame is spoken, in ms from the start; first byte; byte after the last) of each message."""
        cut = []
        begin = 0
        for frame in range(FRAMES_PER_MESSAGE, len(self.ends) + FRAMES_PER_MESSAGE, FRAMES_PER_MESSAGE):
            frame = min(frame, len(self.ends))
            cut.append((self.media_ms(frame), begin, self.ends[frame - 1]))
            begin = self.ends[frame - 1]
        return cut


def find(folder: Path | None) -> list[Path]:
    """The MP3 files under a folder (or the one file it is), in the order of their names; the bundled ones if None."""
    place = SAMPLES if folder is None else folder
    if place.is_file():
        return [place]
    files = sorted(path for path in place.rglob("*") if path.suffix.lower() == ".mp3" and path.is_file())
    if not files:
        raise NoAudio(f"{place}: no folder with MP3 files in it")
    return files


def load(path: Path, duration_ms: int | None = None) -> Recording:
    """Read and cut one file. NoAudio if it is no MP3 of one format."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NoAudio(f"{path}: {error.strerror}") from None
    parser = FrameParser()
    frames: list[bytes] = []
    for at in range(0, len(content), _FEED_BYTES):
        for run in parser.feed(content[at : at + _FEED_BYTES]):
            frames += [content[begin:end] for begin, end in pairwise(run)]
    if parser.bad_audio is not None:
        raise NoAudio(f"{path}: {parser.bad_audio.detail}")
    if parser.format_changed is not None:
        raise NoAudio(f"{path}: {parser.format_changed}; a candidate's microphone keeps its format")
    if parser.format is None or not frames:
        raise NoAudio(f"{path}: no MP3 frames in it")
    if duration_ms is not None:
        wanted = max(2, round(duration_ms * parser.format.sample_rate / 1000 / parser.format.samples_per_frame))
        frames = (frames * -(-wanted // len(frames)))[:wanted]
    ends: list[int] = []
    end = 0
    for frame in frames:
        end += len(frame)
        ends.append(end)
    data = b"".join(frames)
    return Recording(
        name=path.name,
        data=data,
        ends=ends,
        samples_per_frame=parser.format.samples_per_frame,
        sample_rate=parser.format.sample_rate,
        windows=_windows(data, ends, parser.format.samples_per_frame),
        path=path,
    )


def cut(data: bytes, gaps: Sequence[tuple[int, int, int]] = ()) -> list[WindowClosed]:
    """The windows that the server must make of a whole stream's bytes, with their clips.

    `gaps`: (the byte that the server had the stream up to, the byte it goes on at, ms lost in all by then).
    """
    cutter = WindowCutter()
    windows: list[WindowClosed] = []
    at = 0
    for held, offset, lost_ms in gaps:
        if held > at:
            windows += cutter.feed(data[at:held])
        resumed = _resumed_at(data, held, windows)
        if resumed is not None:
            windows.append(resumed)
            cutter = WindowCutter(resumed.resume)
        closed = cutter.gap(offset, lost_ms)
        windows += [closed] if closed else []
        at = offset
    windows += cutter.feed(data[at:])
    last = cutter.flush()
    return [*windows, *([last] if last else [])]


def _resumed_at(data: bytes, held: int, windows: Sequence[WindowClosed]) -> WindowClosed | None:
    """The window whose `stored` named just this byte: a server that was killed then knows it whole, though `held` lies
    before its end by the lead-in of the next."""
    cutter = WindowCutter(windows[-1].resume if windows else Resume.START)
    begin = cutter.position
    further = cutter.feed(data[begin : held + _LEAD_IN_BYTES])
    return next((window for window in further if window.resume.offset == held), None)


def _windows(data: bytes, ends: list[int], samples_per_frame: int) -> list[Window]:
    """Where the server must cut: the same code, fed at once."""
    cutter = WindowCutter()
    closed = cutter.feed(data)
    last = cutter.flush()
    windows = []
    frames = 0
    for window in [*closed, *([last] if last else [])]:
        frames += window.samples // samples_per_frame
        windows.append(Window(window.start_ms, window.duration_ms, ends[frames - 1]))
    return windows
