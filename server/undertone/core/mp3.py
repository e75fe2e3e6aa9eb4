"""The incremental parser: bytes cut anywhere in, boundaries of whole frames out.

While the frames follow each other it only hops from header to header; the rest (the start, tags, damage) is the
search's, in `resync`.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final, TypeAlias

from undertone.core.errors import BadAudio
from undertone.core.frame import HEADER_BYTES, SIZE_MASK, Format, Version, frame_sizes
from undertone.core.resync import Found, Search, TagFound
from undertone.core.tags import is_information

__all__ = ["Format", "FormatChange", "FrameParser", "Run", "Version"]

# Whole frames that follow each other without a byte between: n + 1 offsets, frame i from run[i] to run[i + 1].
Run: TypeAlias = list[int]

_read_word: Final = Struct(">I").unpack_from


@dataclass(frozen=True, slots=True)
class FormatChange:
    """From byte `offset` on the frames have another format; a second header confirmed it."""

    offset: int
    before: Format
    after: Format

    def __str__(self) -> str:
        return f"the audio changed at byte {self.offset} from {self.before} to {self.after}"


class FrameParser:
    """Finds the Layer III frames of one stream, the same ones however the bytes are cut.

    Offsets count all bytes of the stream as encoded, from `offset` on. With a `format` the stream is known: a first
    header that agrees with it needs no second one. Without, the first two headers that agree set it. Tags, junk and
    information frames (Xing, Info, VBRI) are stepped over. An information frame is only looked for where frames were
    searched for; one that follows a frame is audio, as it is for a parser that resumes there.

    The end of the usable audio is a state, not an exception, so that no frame before it gets lost: `bad_audio` or
    `format_changed` is set, and nothing is found from then on.
    """

    __slots__ = ("_search", "_sizes", "_skip", "_tail", "bad_audio", "format", "format_changed", "offset")

    def __init__(self, offset: int = 0, format: Format | None = None) -> None:  # noqa: A002  the word for it
        self.format = format
        self.bad_audio: BadAudio | None = None
        self.format_changed: FormatChange | None = None
        self._sizes = frame_sizes(format) if format else {}
        self._tail = bytearray()
        self.reset(offset)

    def reset(self, offset: int) -> None:
        """What follows are the bytes from `offset` on; an unfinished frame is given up. The format stays known."""
        self.offset = offset  # up to here everything is decided: frames, tags, junk
        self._tail.clear()  # the bytes from there on
        self._skip = 0  # bytes of a tag that are yet to come
        self._search = None if self.format else Search(offset)

    @property
    def begun(self) -> int:
        """How many bytes are here of the frame that begins at `offset`, if its header is taken as one; 0 if not."""
        begun = len(self._tail)
        return begun if begun >= HEADER_BYTES and self._search is None else 0

    @property
    def held_bytes(self) -> int:
        """Bytes kept because they are not decided: less than a frame, or up to 64 KiB while searching."""
        return len(self._tail)

    def feed(self, data: bytes | bytearray | memoryview) -> list[Run]:
        """Take the next bytes; answer the frames they complete."""
        if self.bad_audio or self.format_changed:
            return []
        if self._skip:
            data, self._skip = data[self._skip :], max(0, self._skip - len(data))
        self._tail += data
        runs: list[Run] = []
        while True:
            if self._search is None:
                run = self._hop()
                if len(run) > 1:
                    runs.append(run)
            if self._search is None or not self._resync(self._search):
                return runs

    def _hop(self) -> Run:
        """From header to header, as far as whole frames are here and the headers agree."""
        tail, sizes, start = self._tail, self._sizes, self.offset
        length = len(tail)
        at = 0
        run = [start]
        while at + HEADER_BYTES <= length:
            size = sizes.get(_read_word(tail, at)[0] & SIZE_MASK)
            if size is None:
                self._search = Search(start + at)
                break
            if at + size > length:
                break
            at += size
            run.append(start + at)
        self._drop(at)
        return run

    def _drop(self, count: int) -> None:
        del self._tail[:count]
        self.offset += count

    def _resync(self, search: Search) -> bool:
        """Let the search go on; whether that changed anything."""
        match search.advance(self._tail):
            case Found() as found:
                self._drop(found.offset - self.offset)
                self._found(found)
            case TagFound(end):
                tag_bytes = end - self.offset
                self._skip = max(0, tag_bytes - len(self._tail))
                self._drop(tag_bytes)
            case BadAudio() as fault:
                self.bad_audio = fault
                self._tail.clear()
                return False
            case None:
                return False
        return True

    def _found(self, found: Found) -> None:
        header = found.header
        if self.format is None:
            self.format = header.format
            self._sizes = frame_sizes(header.format)
        elif self.format != header.format:
            self.format_changed = FormatChange(found.offset, self.format, header.format)
            self._tail.clear()
            return
        self._search = None
        if is_information(self._tail[: header.size], header):
            self._drop(header.size)
