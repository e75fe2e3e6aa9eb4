"""Digital silence, told from MP3 frames without decoding them: what a muted microphone sends.

A granule whose scale factors and Huffman data (parts 2 and 3 of its main data) are no bits long holds no spectrum
(ISO/IEC 11172-3 section 2.4.1.7; 13818-3 section 2.4.1.7).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from undertone.core.frame import CHECKSUM_BYTES, HEADER_BYTES, Format, Header, Version, read_header

_LENGTH_BITS: Final = 12


@dataclass(frozen=True, slots=True)
class Nothing:
    """So many samples of each channel at `sample_rate` Hz, all zero."""

    samples: int
    sample_rate: int


def nothing_in(mp3: bytes) -> Nothing | None:
    """What comes out of the frames if that is nothing but zeros; None if it may be something, or they are not whole."""
    at = frames = 0
    first = _header(mp3, 0)
    if first is None:
        return None
    mask = _lengths(first.format)
    while at < len(mp3):
        header = _header(mp3, at)
        if header is None or header.format != first.format:
            return None
        begin = at + HEADER_BYTES + (0 if mp3[at + 1] & 1 else CHECKSUM_BYTES)
        if int.from_bytes(mp3[begin : begin + header.side_info], "big") & mask:
            return None
        at += header.size
        frames += 1
    return Nothing(frames * first.format.samples_per_frame, first.format.sample_rate) if at == len(mp3) else None


def _header(mp3: bytes, at: int) -> Header | None:
    header = read_header(int.from_bytes(mp3[at : at + HEADER_BYTES], "big"))
    return header if header is not None and header.layer == 3 and header.size else None


@cache
def _lengths(of: Format) -> int:
    """Of the side info as one number, the bits that say how long each granule's main data is."""
    mpeg1 = of.version is Version.MPEG1
    if mpeg1:
        first, step, count = 9 + (5 if of.channels == 1 else 3) + 4 * of.channels, 59, 2 * of.channels
    else:
        first, step, count = 8 + of.channels, 63, of.channels
    whole = first + step * count
    ends = (first + step * number + _LENGTH_BITS for number in range(count))
    return sum((1 << _LENGTH_BITS) - 1 << whole - end for end in ends)
