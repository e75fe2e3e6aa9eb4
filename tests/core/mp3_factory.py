"""MPEG audio frames, tags and information frames to order, by the standards and not by the parser's tables."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Final

import av

from tests.audio import voice
from undertone.core.mp3 import Format, FrameParser, Version

RATES: Final = {
    Version.MPEG1: (44_100, 48_000, 32_000),
    Version.MPEG2: (22_050, 24_000, 16_000),
    Version.MPEG25: (11_025, 12_000, 8_000),
}
# kbit/s of Layer III: ISO/IEC 11172-3 and 13818-3, tables of `bitrate_index`.
BITRATES_MPEG1: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
BITRATES_MPEG2: Final = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
FORMATS: Final = [Format(version, rate, n) for version, rates in RATES.items() for rate in rates for n in (1, 2)]
SPEECH: Final = Format(Version.MPEG1, 48_000, 1)


@dataclass(frozen=True)
class Shape:
    """What of a header may differ from frame to frame."""

    bitrate_index: int = 5  # 64 kbit/s in MPEG-1, 40 in MPEG-2
    padding: bool = False
    checksum: bool = False


def bitrates(format_: Format) -> tuple[int, ...]:
    return BITRATES_MPEG1 if format_.version is Version.MPEG1 else BITRATES_MPEG2


def size_of(format_: Format, shape: Shape) -> int:
    """Bytes of a Layer III frame: its samples' share of the bit rate, rounded down, and a byte of padding."""
    bits = Fraction(format_.samples_per_frame * bitrates(format_)[shape.bitrate_index - 1] * 1000, format_.sample_rate)
    return int(bits / 8) + shape.padding


def header(format_: Format, shape: Shape = Shape(), layer: int = 3) -> bytes:
    version_bits = {Version.MPEG1: 3, Version.MPEG2: 2, Version.MPEG25: 0}[format_.version]
    word = 0x7FF << 21 | version_bits << 19 | (4 - layer) << 17 | (not shape.checksum) << 16
    word |= shape.bitrate_index << 12 | RATES[format_.version].index(format_.sample_rate) << 10 | shape.padding << 9
    word |= (3 if format_.channels == 1 else 1) << 6
    return word.to_bytes(4, "big")


def side_info_bytes(format_: Format) -> int:
    return {(True, 1): 17, (True, 2): 32, (False, 1): 9, (False, 2): 17}[
        format_.version is Version.MPEG1, format_.channels
    ]


def frame(format_: Format = SPEECH, shape: Shape = Shape(), seed: int = 0) -> bytes:
    """A frame with a right header and anything in it."""
    body = random.Random(seed).randbytes(size_of(format_, shape) - 4)
    return header(format_, shape) + body


def frames(count: int, format_: Format = SPEECH, shape: Shape = Shape(), seed: int = 0) -> list[bytes]:
    return [frame(format_, shape, 1_000_003 * seed + i) for i in range(count)]


def information(name: bytes, format_: Format = SPEECH) -> bytes:
    """A Xing, Info or VBRI frame as encoders write it: no sound, the name where decoders look for it."""
    at = 36 if name == b"VBRI" else 4 + side_info_bytes(format_)
    shape = Shape(bitrate_index=9)
    return (header(format_, shape) + bytes(at - 4) + name).ljust(size_of(format_, shape), b"\0")


def id3v2(content: bytes, *, footer: bool = False) -> bytes:
    size = bytes(len(content) >> shift & 0x7F for shift in (21, 14, 7, 0))
    head = b"\x04\x00" + (b"\x10" if footer else b"\x00") + size
    return b"ID3" + head + content + (b"3DI" + head if footer else b"")


def id3v1(title: bytes = b"One voice") -> bytes:
    return b"TAG" + title.ljust(125, b"\0")


def ape(items: bytes) -> bytes:
    """An APEv2 tag with header and footer."""

    def end(flags: int) -> bytes:
        fields = (2000, len(items) + 32, 1, flags)
        return b"APETAGEX" + b"".join(field.to_bytes(4, "little") for field in fields) + bytes(8)

    return end(1 << 31 | 1 << 29) + items + end(1 << 31)


@cache
def layer_2_frames() -> bytes:
    """A second of MPEG-1 Layer II by FFmpeg's encoder."""
    encoder = av.CodecContext.create("mp2", "w")
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = 48_000, "mono", "s16", 64_000
    encoder.open()
    sound = (voice(1, 48_000) * 32767).astype("int16")
    packets = []
    for at in range(0, sound.shape[1] - 1152, 1152):
        block = av.AudioFrame.from_ndarray(sound[:, at : at + 1152], format="s16", layout="mono")
        block.sample_rate, block.pts = 48_000, at
        packets += [bytes(packet) for packet in encoder.encode(block)]
    return b"".join(packets)


def chunked(data: bytes, sizes: Iterable[int]) -> list[bytes]:
    """`data` in pieces of these sizes, and the rest."""
    pieces, at = [], 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    return [*pieces, data[at:]]


def parse(parser: FrameParser, pieces: Iterable[bytes]) -> list[tuple[int, int]]:
    """From and to of every frame found."""
    found: list[tuple[int, int]] = []
    for piece in pieces:
        for run in parser.feed(piece):
            found += pairwise(run)
    return found


def places(frames_: Sequence[bytes], offset: int = 0) -> list[tuple[int, int]]:
    """Where frames lie that follow each other from `offset` on."""
    found = []
    for each in frames_:
        found.append((offset, offset + len(each)))
        offset += len(each)
    return found
