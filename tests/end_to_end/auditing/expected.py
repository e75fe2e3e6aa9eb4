"""What must have become of the bytes that a candidate sent: the windows, byte for byte and sample for sample."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.audio import Samples, decode
from undertone.core.frame import HEADER_BYTES
from undertone.core.mp3 import FrameParser
from undertone.core.window import WINDOW_MS, WindowClosed, WindowCutter


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that follow each other, from byte `offset` of the stream on; before them `lost_ms` were lost in all.

    A stream without gaps is one piece. Each further one begins at a gap: with what that said. `beyond` is what followed
    `data` and may have been sent too, before the server went on from the end of `data`: one that was killed after it
    had stored a window has the rest of that, though it asks to be sent the lead-in of the next again.
    """

    data: bytes
    offset: int = 0
    lost_ms: int = 0
    beyond: bytes = b""


@dataclass(frozen=True, slots=True)
class Expected:
    """A window, and where its sound begins among the samples of its piece."""

    window: WindowClosed
    piece: Piece
    begins: int

    def sound(self) -> Samples:
        """Its own samples, as they were sent."""
        return decode(self.piece.data + self.piece.beyond)[:, self.begins : self.begins + self.window.samples]


def windows_of(pieces: Sequence[Piece], samples: Sequence[int], finished: bool) -> Iterator[Expected]:
    """The windows of a stream, as one unbroken connection would make them.

    `samples` are the lengths of those that the server has: it closes a window early where a line broke and nobody came
    back for a minute, which can be at any frame. What is in it is the same however it got there. (Where that was the
    last frame of a full window, the lead-in of the next one is longer than is expected here.)
    """
    cutter = WindowCutter()
    last = Piece(b"")
    before = decoded = number = 0  # samples before the piece, and so far; windows so far
    for piece in pieces:
        if piece.offset or piece.lost_ms:
            whole = _stored_whole(cutter, last, samples[number : number + 1])
            if whole is not None:
                yield Expected(whole, last, whole.start - _lost(whole, last) - before)
                number += 1
                cutter, decoded = WindowCutter(whole.resume), whole.resume.samples
            closed = cutter.gap(piece.offset, piece.lost_ms)
            if closed is not None:
                yield Expected(closed, last, closed.start - _lost(closed, last) - before)
                number += 1
        before, last = decoded, piece
        parser = FrameParser(piece.offset, cutter.resume.format)
        ends = [end for run in parser.feed(piece.data) for end in run[1:]]
        known = parser.format
        if known is None:
            continue
        lost = piece.lost_ms * known.sample_rate // 1000
        begun, fed = decoded + lost, piece.offset
        for frame_end in ends:
            end = frame_end + HEADER_BYTES  # the next header is what shows that a first frame is one
            for closed in cutter.feed(piece.data[fed - piece.offset : end - piece.offset]):
                yield Expected(closed, piece, closed.start - lost - before)
                begun, number = closed.start + closed.samples, number + 1
            fed = end
            decoded = before + bisect_right(ends, cutter.whole) * known.samples_per_frame
            own = decoded + lost - begun
            full = cutter.resume.start + WINDOW_MS * known.sample_rate // 1000
            if number < len(samples) and own == samples[number] and decoded + lost < full:
                early = cutter.flush()
                assert early is not None
                yield Expected(early, piece, early.start - lost - before)
                begun, number = early.start + early.samples, number + 1
        cutter.feed(piece.data[fed - piece.offset :])  # half a frame, or the first two bytes of a change
    closed = cutter.flush()
    # One that ends with its stream is full or short, and kept where the stream is finished or was left just there.
    if closed is not None and (finished or [closed.samples] == [*samples[number:]]):
        yield Expected(closed, last, closed.start - _lost(closed, last) - before)


def _stored_whole(cutter: WindowCutter, piece: Piece, samples: Sequence[int]) -> WindowClosed | None:
    """The window whose successor's lead-in begins just where `piece.data` ends; a short one if it lasts `samples`."""
    begin, end = cutter.resume.offset - piece.offset, piece.offset + len(piece.data)
    if begin < 0 or not piece.beyond:
        return None
    data = piece.data[begin:] + piece.beyond
    parser = FrameParser(cutter.resume.offset, cutter.resume.format)
    ends = [end for run in parser.feed(data) for end in run[1:]]
    closed = WindowCutter(cutter.resume).feed(data)
    if not closed and samples and parser.format is not None:
        # Nothing but whole frames follows `end`, where one begins: so many of them are in a window of that length.
        known = bisect_right(ends, end)
        here = WindowCutter(cutter.resume)
        here.feed(data[: end + HEADER_BYTES - cutter.resume.offset])
        begun = here.flush()
        missing = known - 1 + (samples[0] - (begun.samples if begun else 0)) // parser.format.samples_per_frame
        if known <= missing < len(ends):
            short = WindowCutter(cutter.resume)
            short.feed(data[: ends[missing] + HEADER_BYTES - cutter.resume.offset])
            closed += [flushed] if (flushed := short.flush()) and flushed.samples == samples[0] else []
    return next((window for window in closed if window.resume.offset == end), None)


def _lost(closed: WindowClosed, piece: Piece) -> int:
    return piece.lost_ms * closed.format.sample_rate // 1000
