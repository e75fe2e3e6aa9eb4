"""What a frame's header says: format and size.

Sources: ISO/IEC 11172-3 (MPEG-1) section 2.4, ISO/IEC 13818-3 (MPEG-2) section 2.4, and for MPEG-2.5 the decoders that
agree on it (mpg123, FFmpeg's `mpegaudiodata`). A header is the big-endian 32-bit word a frame begins with.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Final


class Version(IntEnum):
    """MPEG version, times ten."""

    MPEG1 = 10
    MPEG2 = 20
    MPEG25 = 25


@dataclass(frozen=True, slots=True)
class Format:
    """What all frames of one stream have in common: version, `sample_rate` in Hz, `channels` (1 or 2)."""

    version: Version
    sample_rate: int
    channels: int

    @property
    def samples_per_frame(self) -> int:
        """Samples of each channel that one Layer III frame holds."""
        return 1152 if self.version is Version.MPEG1 else 576

    def __str__(self) -> str:
        channels = "mono" if self.channels == 1 else "stereo"
        return f"MPEG-{self.version / 10:g} Layer III, {self.sample_rate} Hz, {channels}"


@dataclass(frozen=True, slots=True)
class Header:
    """A valid header. `size` is the whole frame's in bytes, 0 for free format (no bit rate is said)."""

    layer: int
    format: Format
    size: int
    side_info: int  # bytes of side info that follow the header and its checksum; Layer III only


HEADER_BYTES: Final = 4
CHECKSUM_BYTES: Final = 2
# The largest frame of any layer: Layer II at 384 kbit/s and 32 kHz, padded.
MAX_FRAME_BYTES: Final = 144 * 384_000 // 32_000 + 1

# The bits that say how large a frame is; left out are checksum, private, mode extension, copyright, original, emphasis.
SIZE_MASK: Final = 0xFFFE_FEC0
# The bits that two frames of one format share besides the number of channels: sync, version, layer, sample rate.
_AGREE_MASK: Final = 0xFFFE_0C00
_NO_CHECKSUM: Final = 0x0001_0000
_SYNC: Final = 0xFFE0_0000
_MODE_MASK: Final = 0xC0
_MONO: Final = 0xC0

_VERSIONS: Final = {0: Version.MPEG25, 2: Version.MPEG2, 3: Version.MPEG1}
_SAMPLE_RATES: Final = {
    Version.MPEG1: (44_100, 48_000, 32_000),
    Version.MPEG2: (22_050, 24_000, 16_000),
    Version.MPEG25: (11_025, 12_000, 8_000),
}
# kbit/s by (MPEG-1?, layer) and bit rate index; index 0 is free format.
_LOW_RATES: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_BITRATES: Final = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): _LOW_RATES,
    (False, 3): _LOW_RATES,
}


def read_header(word: int) -> Header | None:
    """The header in a 32-bit word, or None if it is none."""
    return _read(word & SIZE_MASK) if word & _SYNC == _SYNC else None


def side_info_at(word: int) -> int:
    """Bytes of the frame before its side info: the header `word`, and a checksum if it says so."""
    return HEADER_BYTES if word & _NO_CHECKSUM else HEADER_BYTES + CHECKSUM_BYTES


@cache  # at most 2^13 words: the bits of the mask below the sync
def _read(word: int) -> Header | None:
    version = _VERSIONS.get(word >> 19 & 3)
    layer = 4 - (word >> 17 & 3)
    bitrate_index, rate_index = word >> 12 & 15, word >> 10 & 3
    if version is None or layer == 4 or bitrate_index == 15 or rate_index == 3:
        return None
    mpeg1 = version is Version.MPEG1
    format_ = Format(version, _SAMPLE_RATES[version][rate_index], 1 if word & _MODE_MASK == _MONO else 2)
    bitrate, padding = 1000 * _BITRATES[mpeg1, layer][bitrate_index], word >> 9 & 1
    if not bitrate:
        size = 0
    elif layer == 1:
        size = (12 * bitrate // format_.sample_rate + padding) * 4
    else:
        per_byte = 72 if layer == 3 and not mpeg1 else 144
        size = per_byte * bitrate // format_.sample_rate + padding
    mono = format_.channels == 1
    side_info = (17 if mono else 32) if mpeg1 else (9 if mono else 17)
    return Header(layer, format_, size, side_info)


def kind(word: int) -> int:
    """What two headers share if they agree: version, layer, sample rate, mono or not."""
    return word & _AGREE_MASK | (word & _MODE_MASK == _MONO)


@cache
def frame_sizes(format_: Format) -> dict[int, int]:
    """Sizes in bytes of all Layer III frames of a format, by header word & SIZE_MASK. Free format is left out."""
    words = (
        _SYNC | version << 19 | 1 << 17 | bits << 6  # bits: bit rate, sample rate, padding, private, mode
        for version in _VERSIONS
        for bits in range(1 << 10)
    )
    headers = ((word, _read(word)) for word in words if word == word & SIZE_MASK)
    return {word: header.size for word, header in headers if header and header.size and header.format == format_}
