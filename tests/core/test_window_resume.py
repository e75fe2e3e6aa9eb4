"""Breaking off and going on changes no window, and memory stays bounded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.encodings import ENCODINGS, SHORT_MS, Encoding, windows_of
from tests.core.mp3_factory import SPEECH, chunked, frame, frames, id3v1, id3v2, information
from undertone.core.errors import BadAudio
from undertone.core.mp3 import Format, Version
from undertone.core.window import MAX_WINDOW_JUNK_BYTES, Resume, WindowClosed, WindowCutter

FRAME_MS: Final = 24  # of 48 kHz
FRAME_BYTES: Final = 192  # of 48 kHz and 64 kbit/s


@dataclass(frozen=True)
class Step:
    """What happens to a stream: bytes come (at most this many), then perhaps something else."""

    size: int
    then: str


STEPS = st.lists(
    st.builds(Step, st.integers(0, 5000), st.sampled_from(["feed", "feed", "resume", "part", "flush", "gap"])),
    max_size=25,
)
LITTER: Final = {
    "none": b"",
    "junk": b"junk",
    "ID3v2": id3v2(b"\xff\xfb\x54"),
    "ID3v1": id3v1(),
    "Xing": information(b"Xing"),
    "a frame": frame(),
    "half a header": b"\xff\xfb",
}


@dataclass(frozen=True)
class Littered:
    """A real stream with litter before each number of its frames."""

    encoding: Encoding
    pieces: list[tuple[str, int]]

    def stream(self) -> bytes:
        encoded, at, stream = self.encoding.frames(), 0, b""
        for litter, count in self.pieces:
            stream += LITTER[litter] + b"".join(encoded[at : at + count])
            at += count
        return stream


LITTERED = st.builds(
    Littered,
    st.sampled_from(ENCODINGS[2:9]),
    st.lists(st.tuples(st.sampled_from(sorted(LITTER)), st.integers(0, 60)), min_size=1, max_size=6),
)


class Sender:
    """Streams through steps; broken off where they say so if `breaks`, else through one cutter."""

    def __init__(self, stream: bytes, breaks: bool) -> None:
        self.stream, self.breaks = stream, breaks
        self.cutter = WindowCutter(window_ms=SHORT_MS)
        self.durable = Resume.START
        self.windows: list[WindowClosed] = []

    def run(self, steps: list[Step]) -> list[WindowClosed]:
        for step in [*steps, Step(len(self.stream), "flush")]:
            at = self.cutter.position
            self.closed(self.cutter.feed(self.stream[at : at + step.size]))
            if self.cutter.format_changed:  # which ends the stream: nothing more of it is taken
                break
            if step.then == "flush":
                self.closed(filter(None, [self.cutter.flush()]))
            elif step.then == "gap":
                # The bytes up to the next window's worth are lost, all in a frame's middle perhaps.
                offset = min(self.cutter.position + 777, max(len(self.stream), self.cutter.position))
                self.closed(filter(None, [self.cutter.gap(offset, self.cutter.lost_ms + 333)]))
                self.durable = self.cutter.resume
            elif self.breaks and step.then != "feed":
                self.break_off(step.then)
        return self.windows

    def closed(self, windows: Iterable[WindowClosed]) -> None:
        for window in windows:
            self.windows.append(window)
            self.durable = window.resume

    def break_off(self, how: str) -> None:
        """The bytes that came before are sent again, from the resume point or from the end of the part."""
        came = self.cutter.position
        resume, part = self.cutter.part() if how == "part" else (self.durable, b"")
        whole = self.cutter.whole if how == "part" else resume.offset
        assert resume.offset + len(part) == whole
        self.cutter = WindowCutter(resume, SHORT_MS)
        assert self.cutter.feed(part) == []
        # A frame after junk waits for the header behind it, as it did before.
        assert self.cutter.whole <= self.cutter.position == whole
        self.closed(self.cutter.feed(self.stream[whole:came]))


class TestInterruption:
    @given(LITTERED, STEPS)
    def test_breaking_off_anywhere_changes_no_window(self, littered: Littered, steps: list[Step]) -> None:
        """Not its number, its times, its clip, nor where the next one resumes."""
        stream = littered.stream()
        assert Sender(stream, breaks=True).run(steps) == Sender(stream, breaks=False).run(steps)

    @given(LITTERED, st.lists(st.integers(0, 4000), max_size=50))
    def test_nor_does_cutting_the_bytes_anywhere(self, littered: Littered, sizes: list[int]) -> None:
        stream = littered.stream()
        assert windows_of(chunked(stream, sizes)) == windows_of([stream])

    def test_nor_does_giving_them_one_by_one(self) -> None:
        pieces = [("Xing", 50), ("ID3v2", 20), ("a frame", 20), ("half a header", 30), ("ID3v1", 0)]
        stream = Littered(Encoding(48_000, 32_000), pieces).stream()
        assert windows_of(stream[i : i + 1] for i in range(len(stream))) == windows_of([stream])

    def test_the_format_that_an_information_frame_told_is_kept_over_a_gap(self) -> None:
        """Else one who resumes there would wait for a second header where the other doesn't."""
        cutter = WindowCutter()
        cutter.feed(information(b"Xing") + frame()[:4])
        cutter.gap(5000, 100)
        resumed = WindowCutter(cutter.resume)
        for each in (cutter, resumed):
            each.feed(frame())
        last = cutter.flush()
        assert last is not None
        assert last == resumed.flush()

    def test_a_part_goes_on_where_it_ended(self) -> None:
        encoded = Encoding(44_100, 64_000).frames()
        stream = b"".join(encoded)
        whole = windows_of([stream])
        cutter = WindowCutter(window_ms=SHORT_MS)
        windows: list[WindowClosed] = []
        for _ in range(50):  # a line that drops every 0.4 s
            resume, part = cutter.part()
            cutter = WindowCutter(resume, SHORT_MS)
            windows += cutter.feed(part)
            windows += cutter.feed(stream[cutter.position : cutter.position + 3333])
        windows += cutter.feed(stream[cutter.position :])
        assert [*windows, cutter.flush()] == whole


class TestMemory:
    def test_it_holds_the_window_and_lets_go_of_what_is_before(self) -> None:
        cutter = WindowCutter(window_ms=1000)
        for each in frames(500):
            cutter.feed(each)
            assert cutter.held_bytes <= (42 + 5) * FRAME_BYTES + 16
        assert cutter.part()[1] in b"".join(frames(500))

    def test_what_stands_before_the_first_frame_is_not_held(self) -> None:
        cutter = WindowCutter()
        tag = id3v2(bytes(3_000_000))
        for piece in chunked(tag, [50_000] * 60):
            cutter.feed(piece)
            assert cutter.held_bytes < 200_000
        cutter.feed(b"".join(frames(3)))
        assert cutter.part() == (Resume(len(tag), 0, SPEECH), b"".join(frames(3)))

    @pytest.mark.parametrize("size", [2_000, 60_000])
    def test_junk_between_the_frames_of_a_window_is_bounded(self, size: int) -> None:
        cutter = WindowCutter()
        dirt = b"".join(frames(2)) + bytes(size)
        fault = None
        for _ in range(MAX_WINDOW_JUNK_BYTES // size + 2):
            try:
                cutter.feed(dirt)
            except BadAudio as bad:
                fault = bad
                break
            assert cutter.held_bytes < 1.5 * MAX_WINDOW_JUNK_BYTES
        assert "1024 KiB of tags and junk" in str(fault)

    def test_it_is_counted_by_window(self) -> None:
        """However much there is in the stream."""
        cutter = WindowCutter(window_ms=1000)
        for _ in range(10):
            cutter.feed(b"".join(frames(50)) + id3v2(bytes(MAX_WINDOW_JUNK_BYTES // 4)))
        assert cutter.media_ms == 10 * 50 * FRAME_MS

    @given(st.lists(st.integers(0, 2), max_size=6))
    def test_where_there_is_too_much_junk_the_windows_are_the_same_however_cut(self, sizes: list[int]) -> None:
        good = b"".join(frames(50))
        other = b"".join(frames(2, Format(Version.MPEG2, 24_000, 1)))
        stream = good + id3v2(bytes(MAX_WINDOW_JUNK_BYTES)) + good * 3 + other
        cutter = WindowCutter(window_ms=1000)
        windows: list[WindowClosed] = []
        with contextlib.suppress(BadAudio):
            for piece in chunked(stream, [size * len(good) for size in sizes]):
                windows += cutter.feed(piece)
        with pytest.raises(BadAudio, match="tags and junk"):
            cutter.feed(b"")
        assert [window.samples for window in windows] == [42 * 1152]
        assert cutter.format_changed is None
        assert cutter.whole == len(good)
