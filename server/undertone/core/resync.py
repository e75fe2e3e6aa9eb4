"""Finding the stream of frames among other bytes: at its start, after tags, after damage.

A sync word counts only if, one frame further on, a second header agrees with it. Candidates are remembered by where
that header must stand, so the search never waits for a false one, and what it finds depends on the bytes alone, never
on how they were cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from struct import Struct
from typing import Final

from undertone.core.errors import BadAudio
from undertone.core.frame import HEADER_BYTES, Header, kind, read_header
from undertone.core.tags import LONGEST_TAG_BEGIN, MAX_TAG_BYTES, TAG_BEGINS, container, tag_bytes

# 8 s of speech at 64 kbit/s, 65 s of the poorest MP3: a stream without a frame for longer is no MP3.
MAX_JUNK_BYTES: Final = 64 * 1024

# Sync, version and layer; bit rate and sample rate: without their reserved values, so that few bytes reach Python.
_HEADER_BEGINS: Final = rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff][%s]" % b"".join(
    b"\\x%x0-\\x%xb" % (bitrate, bitrate) for bitrate in range(15)
)
_WORTH_A_LOOK: Final = re.compile(_HEADER_BEGINS + b"|" + TAG_BEGINS)
_WORD: Final = Struct(">I")
_PRUNE_AT: Final = 2048  # candidates; at most MAX_FRAME_BYTES of them still wait for their second header
_SLOT_BYTES: Final = 4  # by which padding lengthens a frame of Layer I; 1 in the others
_LAYERS: Final = {1: "I", 2: "II", 3: "III"}


@dataclass(frozen=True, slots=True)
class Found:
    """Frames of `format` begin at byte `offset`, where a frame of `size` bytes is followed by one that agrees."""

    offset: int
    header: Header


@dataclass(frozen=True, slots=True)
class TagFound:
    """The bytes up to `end` are a tag, or stood before it. It may end beyond what has arrived."""

    end: int


class Search:
    """One search, from byte `start` of the stream on: `advance` is called with more bytes until frames are found."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._next = start  # the first byte not looked at
        self._limit = start + MAX_JUNK_BYTES
        self._tag_budget = MAX_TAG_BYTES
        self._awaited: dict[tuple[int, int], tuple[int, Header]] = {}  # (where, kind) of the second header → the first
        self._covered = start  # up to here lies a candidate's body, in which no tag is looked for
        self._free: dict[int, tuple[int, int]] = {}  # kind → offset of the last free format header, distance to it

    def advance(self, data: bytearray) -> Found | TagFound | BadAudio | None:
        """Go on with `data`, which begins at the search's start or at the end of the last tag.

        Answers what was found first, or None if more bytes are needed. Where it says that the bytes can't be MP3, the
        detail says what they look like.
        """
        # What begins before the limit and ends behind it does not count: then all that matters is there at the limit.
        end = min(len(data), self._limit - self._start)
        outcome = self._scan(data, end)
        if outcome is None and self._start + end == self._limit:
            return self._nothing_found(data)
        return outcome

    def _scan(self, data: bytearray, end: int) -> Found | TagFound | BadAudio | None:
        while match := _WORTH_A_LOOK.search(data, self._next - self._start, end):
            at = match.start()
            offset = self._next = self._start + at
            if data[at] == 0xFF:
                if at + HEADER_BYTES > end:
                    return None
                outcome = self._look(offset, _WORD.unpack_from(data, at)[0])
                if outcome is not None:
                    return outcome
            elif offset >= self._covered:
                length = tag_bytes(data, at, end)
                if length is None:
                    return None
                if 0 < length <= self._tag_budget:
                    return self._skip_tag(offset, length)
            self._next = offset + 1
        # A tag or a header may begin in the last bytes.
        self._next = max(self._next, self._start + end - LONGEST_TAG_BEGIN + 1)
        return None

    def _skip_tag(self, offset: int, length: int) -> TagFound:
        self._tag_budget -= length
        self._limit += length  # a tag is not junk; what stood before it is
        self._start = self._next = self._covered = offset + length
        return TagFound(self._start)

    def _look(self, offset: int, word: int) -> Found | BadAudio | None:
        header = read_header(word)
        if header is None:
            return None
        agreed = kind(word)
        if not header.size:
            return self._look_at_free_format(offset, agreed)
        first = self._awaited.get((offset, agreed))
        if first is not None:
            if header.layer != 3:
                return BadAudio(f"MPEG Layer {_LAYERS[header.layer]} at byte {first[0]}; Layer III (MP3) is needed")
            return Found(*first)
        end = offset + header.size
        self._awaited.setdefault((end, agreed), (offset, header))
        self._covered = max(self._covered, end)
        if len(self._awaited) > _PRUNE_AT:
            self._awaited = {key: value for key, value in self._awaited.items() if key[0] > offset}
        return None

    def _look_at_free_format(self, offset: int, agreed: int) -> BadAudio | None:
        """Such frames don't tell their size: three headers as far apart, but for a slot of padding, are the sign."""
        last, distance = self._free.get(agreed, (offset, 0))
        if distance and abs(offset - last - distance) <= _SLOT_BYTES:
            first = last - distance
            return BadAudio(f"free format (headers without a bit rate) at byte {first}; give the frames a bit rate")
        self._free[agreed] = (offset, offset - last)
        return None

    def _nothing_found(self, data: bytearray) -> BadAudio:
        looks_like = container(data)
        return BadAudio(
            f"{MAX_JUNK_BYTES // 1024} KiB from byte {self._start} on without two MP3 frame headers that agree"
            + (f": this looks like {looks_like}" if looks_like else "")
            + "; MP3 frames (MPEG-1, 2 or 2.5 Layer III) are needed"
        )
