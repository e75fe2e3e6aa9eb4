"""The bit reservoir: main data of a frame may begin in frames before it.

Main data fills the frames without their headers, checksums and side info, and each frame says how far back in it its
own begins (ISO/IEC 11172-3 section 2.4.3.4; 13818-3 section 2.4.3.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from undertone.core.frame import CHECKSUM_BYTES, HEADER_BYTES, Format, Version, read_header, side_info_at

# Header, checksum and the two bytes of side info that tell where the main data begins.
OPENING_BYTES: Final = HEADER_BYTES + CHECKSUM_BYTES + 2
# Frames that a frame's samples depend on besides itself. The filter bank remembers 480 samples; they come out of the
# granule of 576 before, whose transform overlaps with the one before that. In MPEG-2 and 2.5 a granule is a frame; in
# MPEG-1 the frame before holds both, and a second one is kept so that one rule serves all.
_FRAMES_BEFORE: Final = 2
# Frames that a cut may reach back: those, and 255 bytes of main data, of which a frame of 24 bytes may hold only one.
REACH: Final = _FRAMES_BEFORE + 255


def main_data_begin(opening: bytes) -> int:
    """How many bytes of main data before this frame its own begins, from the frame's first OPENING_BYTES bytes."""
    word = int.from_bytes(opening[:HEADER_BYTES], "big")
    header = read_header(word)
    assert header is not None, "not the header of a frame"
    at = side_info_at(word)
    if header.format.version is Version.MPEG1:
        return opening[at] << 1 | opening[at + 1] >> 7
    return opening[at]


def max_main_data_begin(format_: Format) -> int:
    """The furthest that main data can begin before its frame: what 9 or 8 bits can say."""
    return 511 if format_.version is Version.MPEG1 else 255


def main_data_bytes(opening: bytes) -> int:
    """Bytes of main data that stand in this frame: at least 1, whatever the header."""
    word = int.from_bytes(opening[:HEADER_BYTES], "big")
    header = read_header(word)
    assert header is not None, "not the header of a frame"
    return header.size - side_info_at(word) - header.side_info


def first_needed(frames: Sequence[int], begin: int, read: Callable[[int, int], bytes]) -> int:
    """Index of the first frame that must be decoded for the frame after the last of `frames` to be sample-exact.

    `frames` are offsets of frames that follow each other, `read(start, end)` gives the stream's bytes, and `begin` is
    the next frame's `main_data_begin`.
    """

    def opening(frame: int) -> bytes:
        return read(frames[frame], frames[frame] + OPENING_BYTES)

    first = len(frames)
    for frame in range(len(frames), max(len(frames) - _FRAMES_BEFORE, 0) - 1, -1):
        missing = begin if frame == len(frames) else main_data_begin(opening(frame))
        needed = frame
        while missing > 0 and needed > 0:
            needed -= 1
            missing -= main_data_bytes(opening(needed))
        first = min(first, needed)
    return first
