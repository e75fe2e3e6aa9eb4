"""Digital silence, told from MP3 frames without decoding them: what a muted microphone sends.

A granule whose scale factors and Huffman data (parts 2 and 3 of its main data) are no bits long holds no spectrum
(ISO/IEC 11172-3 section 2.4.1.7; 13818-3 section 2.4.1.7).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from undertone.core.frame import HEADER_BYTES, Format, Version, read_header, side_info_at

_LENGTH_BITS: Final = 12


@dataclass(frozen=True, slots=True)
class Nothing:
    """So many samples of each channel at `sample_rate` Hz, all zero."""

    samples: int
    sample_rate: int


def nothing_in(mp3: bytes) -> Nothing | None:
    """What comes out of the frames if that is nothing but zeros; None if it may be something, or they are not whole."""
    at = frames = mask = 0
    format_: Format | None = None
    while at < len(mp3):
        word = int.from_bytes(mp3[at : at + HEADER_BYTES], "big")
        header = read_header(word)
        if header is None or header.layer != 3 or not header.size:
            return None
        if format_ is None:
            format_, mask = header.format, _lengths(header.format)
        elif header.format != format_:
            return None
        begin = at + side_info_at(word)
        if int.from_bytes(mp3[begin : begin + header.side_info], "big") & mask:
            return None
        at += header.size
        frames += 1
    if format_ is None or at != len(mp3):
        return None
    return Nothing(frames * format_.samples_per_frame, format_.sample_rate)


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
