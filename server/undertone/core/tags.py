"""What stands in MP3 files besides audio: tags, information frames, and what other containers begin with.

Sources: id3.org (ID3v2.2 to 2.4 share their ten-byte header), the APEv2 specification, LAME's and Xing's `VbrTag`,
Fraunhofer's VBRI.
"""

from __future__ import annotations

from typing import Final

from undertone.core.frame import HEADER_BYTES, Header

# Covers of podcasts and records are 0.1 to 8 MB; more is no tag but a way to send bytes that never become audio.
MAX_TAG_BYTES: Final = 16 * 1024 * 1024
# How tags begin, as a regular expression. The lookbehind: an APE tag's own name must not pass for an ID3v1 tag.
TAG_BEGINS: Final = rb"ID3|APETAGEX|(?<!APE)TAG"
LONGEST_TAG_BEGIN: Final = 8

_ID3V1_BYTES: Final = 128
_ID3V2_HEADER_BYTES: Final = 10
_APE_HEADER_BYTES: Final = 32
_APE_VERSIONS: Final = (1000, 2000)
_APE_IS_HEADER: Final = 1 << 29

# Where encoders put the name of an information frame, counted from the frame's start. Both ignore a checksum.
_XING_NAMES: Final = (b"Xing", b"Info")
_VBRI_AT: Final = 36

_CONTAINERS: Final = (
    (0, b"RIFF", "a WAV file"),
    (0, b"OggS", "an Ogg file"),
    (0, b"fLaC", "a FLAC file"),
    (4, b"ftyp", "an MP4 file"),
    (0, b"\x1a\x45\xdf\xa3", "a WebM or Matroska file"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"\x89PNG", "a PNG image"),
    (0, b"\xff\xf1", "AAC in ADTS"),
    (0, b"\xff\xf9", "AAC in ADTS"),
)


def tag_bytes(data: bytes | bytearray, at: int, end: int) -> int | None:
    """Length of the tag that begins at `at`, 0 if none does, None if more bytes than those up to `end` are needed."""
    if data.startswith(b"TAG", at, end):
        return _ID3V1_BYTES
    if data.startswith(b"ID3", at, end):
        return _id3v2_bytes(data[at : min(at + _ID3V2_HEADER_BYTES, end)])
    if data.startswith(b"APETAGEX", at, end):
        return _ape_bytes(data[at : min(at + _APE_HEADER_BYTES, end)])
    return 0


def _id3v2_bytes(head: bytes | bytearray) -> int | None:
    if len(head) < _ID3V2_HEADER_BYTES:
        return None
    _, _, _, major, revision, _flags, *size = head
    if major == 0xFF or revision == 0xFF or max(size) >= 0x80:
        return 0
    # A footer, if there is one, is not in the size: ten bytes that no frame can begin in.
    return _ID3V2_HEADER_BYTES + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3])


def _ape_bytes(head: bytes | bytearray) -> int | None:
    """`size` in the header counts items and footer; one that is only a footer ends its tag."""
    if len(head) < _APE_HEADER_BYTES:
        return None
    version, size, _items, flags = (int.from_bytes(head[i : i + 4], "little") for i in range(8, 24, 4))
    if version not in _APE_VERSIONS:
        return 0
    return _APE_HEADER_BYTES + (size if flags & _APE_IS_HEADER else 0)


def is_information(frame: bytes | bytearray, header: Header) -> bool:
    """Whether this whole frame tells of the stream (Xing, Info, VBRI) instead of being part of it."""
    at = HEADER_BYTES + header.side_info
    return frame[at : at + 4] in _XING_NAMES or frame[_VBRI_AT : _VBRI_AT + 4] == b"VBRI"


def container(data: bytes | bytearray) -> str | None:
    """What `data` looks like instead of MP3, in words, or None. Goes by its first 8 bytes."""
    return next((name for at, magic, name in _CONTAINERS if data.startswith(magic, at)), None)
