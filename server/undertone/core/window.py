"""Cutting a stream into windows: 60 s of media time each, counted in samples, with clips that decode exactly.

A frame belongs to the window in which its first sample lies. An MP3 decoder needs what came before it: overlap of the
transform and memory of the filter bank from the two frames before (in MPEG-1 one would do; two is one rule for all),
and main data of those three from the frames that hold it. A clip begins with these frames as its lead-in, to be
discarded after decoding, and the next window's resume point is where its lead-in begins.
Sample n is the n-th that a decoder gives for the frames: the delay of encoder and decoder (1,105 samples with LAME) is
not taken off, and is the same in a clip as in the whole stream.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import ClassVar, Final

from undertone.core.errors import BadAudio, BadMessage
from undertone.core.held import HeldBytes
from undertone.core.mp3 import Format, FormatChange, FrameParser, Run
from undertone.core.reservoir import OPENING_BYTES, REACH, first_needed, main_data_begin, max_main_data_begin

WINDOW_MS: Final = 60_000
# The longest frame, 576 samples at 8 kHz, lasts 72 ms: every window holds at least one.
MIN_WINDOW_MS: Final = 100
# Tags and junk between the frames of one window are held, as its part must be replayed byte for byte. A cover picture
# between two joined files is smaller; a stream with more is no voice.
MAX_WINDOW_JUNK_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Resume:
    """All that rebuilds an open window from the bytes that follow `offset`. Counts in samples of one channel.

    Media time is decoded samples plus what was lost, `lost_ms * sample_rate // 1000` in all so far.
    """

    offset: int = 0  # byte at which a frame begins (or whatever followed a gap); send again from here
    samples: int = 0  # decoded before `offset`, without lost time
    format: Format | None = None  # None until a frame was seen; then `start` is not known either
    window: int = 0  # number of the open window
    start: int = 0  # its nominal first sample in media time: frames that begin before are lead-in only
    lost_ms: int = 0  # cumulative

    START: ClassVar[Resume]


Resume.START = Resume()


@dataclass(frozen=True, slots=True)
class WindowClosed:
    """A window with its clip. `start_ms` and `duration_ms` tile the media time, but for what a gap lost."""

    window: int
    start_ms: int
    duration_ms: int
    start: int  # its first sample, in media time
    samples: int  # without the lead-in
    format: Format
    clip: bytes  # frames alone: the lead-in's and the window's
    lead_in_samples: int  # to discard after decoding
    resume: Resume  # of the next window; its offset is what `stored` says


class WindowCutter:
    """Cuts the bytes of one stream, from `resume` on, into windows.

    The windows and their clips are the same however the bytes are cut, and wherever the stream is broken off and taken
    up again: from `resume.offset` of the last window, or from `whole` after feeding what `part` gave.
    """

    __slots__ = (
        "_cut",
        "_first",
        "_frames",
        "_held",
        "_junk",
        "_lead",
        "_parser",
        "_recent",
        "bad_audio",
        "position",
        "resume",
        "whole",
        "window_ms",
    )

    def __init__(self, resume: Resume = Resume.START, window_ms: int = WINDOW_MS) -> None:
        if window_ms < MIN_WINDOW_MS:
            raise ValueError(f"a window needs at least {MIN_WINDOW_MS} ms, not {window_ms}")
        self.window_ms = window_ms
        self.position = resume.offset  # offset of the next byte
        self._parser = FrameParser(resume.offset, resume.format)
        self._held = HeldBytes(resume.offset)
        self.bad_audio: BadAudio | None = None  # set: nothing more is taken, and the next `feed` raises it
        self._open(resume)

    def _open(self, resume: Resume) -> None:
        """Begin a window with nothing before it."""
        self._frames = 0  # whole ones from resume.offset on, lead-in included
        self._recent = array("Q")  # where the last of them begin
        self._junk: list[tuple[int, int]] = []  # what lies between them: from, to
        self._held.clear(resume.offset)
        self.whole = resume.offset  # after the last whole frame
        self._set_resume(resume)

    def _set_resume(self, resume: Resume) -> None:
        self.resume = resume  # of the open window
        self._first = self._lead = self._cut = 0
        if resume.format is None:
            return
        per_frame, rate = resume.format.samples_per_frame, resume.format.sample_rate
        end = resume.start + self.window_ms * rate // 1000
        self._first = resume.samples + resume.lost_ms * rate // 1000  # first sample at resume.offset, in media time
        self._lead = max(0, -((self._first - resume.start) // per_frame))  # frames of lead-in
        self._cut = -((self._first - end) // per_frame)  # frames before the one the next window begins with

    @property
    def format_changed(self) -> FormatChange | None:
        """Where the format changed. The window before is closed up to there; nothing more is taken."""
        return None if self.bad_audio else self._parser.format_changed

    @property
    def lost_ms(self) -> int:
        """Media time lost so far, in all."""
        return self.resume.lost_ms

    @property
    def media_ms(self) -> int:
        """Media time so far: whole frames and what was lost."""
        format_ = self.resume.format
        if format_ is None:
            return self.resume.lost_ms
        return (self._first + self._frames * format_.samples_per_frame) * 1000 // format_.sample_rate

    @property
    def lead_in_due_ms(self) -> int:
        """Lead-in that has yet to come again; the window before holds its sound."""
        format_, due = self.resume.format, max(0, self._lead - self._frames)
        return due * format_.samples_per_frame * 1000 // format_.sample_rate if format_ else 0

    @property
    def held_bytes(self) -> int:
        """Bytes of the stream in memory."""
        return len(self._held) + self._parser.held_bytes

    def feed(self, data: bytes | bytearray | memoryview) -> list[WindowClosed]:
        """The next bytes. Raises BadAudio, but never before the windows that end before it: then with the next call."""
        if self.bad_audio:
            raise self.bad_audio
        if self.format_changed:
            return []
        data = bytes(data)  # which copies nothing that is bytes already
        parser, closed = self._parser, list[WindowClosed]()
        self.position += len(data)
        self._held.append(data)
        for run in parser.feed(data):
            self._take(run, closed)
        if parser.offset != self.whole:
            self._check_junk(parser.offset)
        if not self.bad_audio:
            if self._frames and self._frames == self._cut and parser.begun >= OPENING_BYTES:
                closed.append(self._close_before(parser.offset))
            if parser.format_changed:
                closed += self._end_at(parser.format_changed.offset)
            self.bad_audio = parser.bad_audio
        if self.bad_audio and not closed:
            raise self.bad_audio
        return closed

    def gap(self, offset: int, lost_ms: int) -> WindowClosed | None:
        """At byte `offset` the stream has lost `lost_ms` in all: close the open window short, go on from there.

        None if no frame of the window is here. An unfinished frame is given up. Raises BadMessage if the gap goes back.
        """
        if offset < self.position or lost_ms < self.lost_ms:
            raise BadMessage(
                f"a gap to byte {offset} with {lost_ms} ms lost, after byte {self.position} with {self.lost_ms} ms"
            )
        closed = self._end_at(offset, lost_ms)
        self.position = offset
        self._parser.reset(offset)
        return closed[0] if closed else None

    def flush(self) -> WindowClosed | None:
        """Close the last, shorter window; None if it has no frame. The next one begins with the next frame."""
        format_ = self.resume.format
        if format_ is None or self._frames <= self._lead:
            return None
        # The next frame is not known: room for all it may need.
        return self._close(max_main_data_begin(format_), self._first + self._frames * format_.samples_per_frame)

    def part(self) -> tuple[Resume, bytes]:
        """What is here of the open window: its resume point and the bytes from there to `whole`."""
        return self.resume, self._held.read(self.resume.offset, self.whole) if self._frames else b""

    def _take(self, run: Run, closed: list[WindowClosed]) -> None:
        if run[0] != self.whole:
            self._check_junk(run[0])
        if self.bad_audio:
            return
        if not self._frames:
            self._begin_at(run[0])
        while len(run) - 1 > (room := self._cut - self._frames):
            self._count(run[: room + 1])
            closed.append(self._close_before(run[room]))
            run = run[room:]
        self._count(run)

    def _count(self, run: Run) -> None:
        if len(run) == 1:
            return
        if run[0] != self.whole:
            self._junk.append((self.whole, run[0]))
        self._frames += len(run) - 1
        self._recent.extend(run[:-1])
        if len(self._recent) > 2 * REACH:
            del self._recent[:-REACH]
        self.whole = run[-1]

    def _begin_at(self, offset: int) -> None:
        """The first frame here: what stood before it is not needed again, and the format is known."""
        before = self.resume
        if before.format is None or before.offset != offset:
            format_ = self._parser.format
            assert format_ is not None, "a frame was found"
            start = before.start if before.format else before.lost_ms * format_.sample_rate // 1000
            self._set_resume(Resume(offset, before.samples, format_, before.window, start, before.lost_ms))
        self._held.forget(offset)
        self.whole = offset

    def _check_junk(self, end: int) -> None:
        """What lies between `whole` and `end` is no audio: forget it, or bear it if frames were before it."""
        if not self._frames:
            self._held.forget(min(end, self.position))
        elif sum(b - a for a, b in self._junk) + end - self.whole > MAX_WINDOW_JUNK_BYTES:
            self.bad_audio = BadAudio(
                f"more than {MAX_WINDOW_JUNK_BYTES // 1024} KiB of tags and junk between the frames of one window, "
                f"at byte {self.whole}; MP3 frames that follow each other are needed"
            )

    def _close_before(self, offset: int) -> WindowClosed:
        """Close the window whose successor begins with the frame at `offset`."""
        assert self.resume.format is not None
        samples = self.window_ms * self.resume.format.sample_rate // 1000
        begin = main_data_begin(self._held.read(offset, offset + OPENING_BYTES))
        return self._close(begin, self.resume.start + samples)

    def _close(self, begin: int, start: int) -> WindowClosed:
        """Close the open window and begin the next, nominally at sample `start`.

        `begin`: how many bytes of main data before itself the next frame needs.
        """
        before = self.resume
        assert before.format is not None
        first = first_needed(self._recent, begin, self._held.read)
        lead = len(self._recent) - first
        offset, done = self._recent[first], self._frames - lead
        samples = before.samples + done * before.format.samples_per_frame
        closed = self._closed(Resume(offset, samples, before.format, before.window + 1, start, before.lost_ms))
        self._frames = lead
        self._recent = self._recent[first:]
        self._junk = [(a, b) for a, b in self._junk if a > offset]
        self._held.forget(offset)
        self._set_resume(closed.resume)
        return closed

    def _end_at(self, offset: int, lost_ms: int | None = None) -> list[WindowClosed]:
        """Close the open window, if it has a frame, and begin the next at byte `offset`, with nothing before it."""
        format_, before = self._parser.format, self.resume
        lost_ms = before.lost_ms if lost_ms is None else lost_ms
        own = self._frames - self._lead
        samples = before.samples
        start = 0
        if format_:
            samples += self._frames * format_.samples_per_frame
            start = samples + lost_ms * format_.sample_rate // 1000
        resume = Resume(offset, samples, format_, before.window + (own > 0), start, lost_ms)
        closed = [self._closed(resume)] if own > 0 else []
        self._open(resume)
        return closed

    def _closed(self, resume: Resume) -> WindowClosed:
        format_ = self.resume.format
        assert format_ is not None
        per_frame, rate = format_.samples_per_frame, format_.sample_rate
        start = self._first + self._lead * per_frame
        end = self._first + self._frames * per_frame
        edges = [self.resume.offset, *(edge for gap in self._junk for edge in gap), self.whole]
        return WindowClosed(
            window=self.resume.window,
            start_ms=start * 1000 // rate,
            duration_ms=end * 1000 // rate - start * 1000 // rate,
            start=start,
            samples=end - start,
            format=format_,
            clip=b"".join(self._held.read(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)),
            lead_in_samples=self._lead * per_frame,
            resume=resume,
        )
