"""The candidate's voice over an exam: what is kept of it, and how a window adds to it.

A profile holds mean voice embeddings and seconds, no sound. It takes in only windows in which one voice spoke that was
surely the candidate's; so it cannot be talked over to somebody else by degrees, and a voice that stays changed stays
reported. The mean is a plain one: the longer an exam lasts, the less a single window moves it. (Several means for
moods and distances gave nothing beside it.)

Whoever first speaks alone for long enough is taken to be the candidate. Until then a second voice that speaks alone is
kept beside the first, and the one that is established first stays; nothing is claimed of either.
"""

from __future__ import annotations

import functools
import hashlib
import struct
import zlib
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from undertone.diarize.base import Place
from undertone.diarize.local import models
from undertone.diarize.local.embedding import normalised

Floats = npt.NDArray[np.float32]

SIZE: Final = 256
# With so much speech from so many windows a profile says whose voice it is; before, only whose it may become.
LEAST_SECONDS: Final = 10.0
LEAST_WINDOWS: Final = 2

_VERSION: Final = 2
# Mark, version, which networks the embeddings are from, which of three voices follow; with the tail, where it ends:
# stream (0: nobody said) and ms; then the voices, each with its windows, seconds and direction; at the end a checksum.
_HEAD: Final = struct.Struct("<3sB8sB")
_MARK: Final = b"UVP"
_END: Final = struct.Struct("<Iq")
_VOICE: Final = struct.Struct(f"<If{2 * SIZE}s")
_SUM: Final = struct.Struct("<I")
LARGEST_BYTES: Final = _HEAD.size + _END.size + 3 * _VOICE.size + _SUM.size


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """Speech of one person: the direction of its mean embedding, how much there is, and from how many windows."""

    unit: Floats  # [256], of length one
    seconds: float
    windows: int = 1

    @property
    def established(self) -> bool:
        return self.seconds >= LEAST_SECONDS and self.windows >= LEAST_WINDOWS

    def with_more(self, other: Voice) -> Voice:
        """Both together, weighted by their seconds."""
        unit = normalised(self.unit * self.seconds + other.unit * other.seconds)
        return Voice(unit, self.seconds + other.seconds, self.windows + other.windows)


@dataclass(frozen=True, slots=True)
class Profile:
    """What one window hands to the next."""

    voice: Voice | None = None  # the candidate's, or who may become it
    rival: Voice | None = None  # until the candidate's voice is established: somebody else who spoke alone
    tail: Voice | None = None  # the last words of the window before, if they were unlike the candidate
    tail_end: tuple[int, int] | None = None  # stream and ms of media time where that window ended, if anybody said

    @property
    def candidate(self) -> Voice | None:
        """The candidate's voice, once enough of it was heard."""
        return self.voice if self.voice is not None and self.voice.established else None

    def entering(self, place: Place | None) -> Profile:
        """What a window there is told: the last words go on only where it begins as the window with them ends.

        Behind a gap or another stream, and behind windows that failed or in which several may speak, which both add
        nothing to the profile, they would be put together with words that have nothing to do with them.
        """
        follows = place is None or self.tail_end == (place.stream, place.start_ms)
        return self if follows else replace(self, tail=None)

    def leaving(self, place: Place | None) -> Profile:
        """What a window there hands on."""
        return replace(self, tail_end=None if place is None else (place.stream, place.end_ms))

    def heard(self, voice: Voice, like_voice: bool, like_rival: bool) -> Profile:
        """After a window in which one voice alone spoke, and whether it is like those that are kept."""
        if self.voice is None:
            return replace(self, voice=voice)
        if like_voice:
            known = self.voice.with_more(voice)
            return replace(self, voice=known, rival=None if known.established else self.rival)
        if self.voice.established:
            return self
        rival = self.rival.with_more(voice) if self.rival is not None and like_rival else voice
        return replace(self, voice=rival, rival=None) if rival.established else replace(self, rival=rival)


@functools.cache
def _networks() -> bytes:
    """Eight bytes that change with the networks: the embeddings of two have nothing to do with one another."""
    return hashlib.sha256(models.data(models.MANIFEST)).digest()[:8]


def write(profile: Profile) -> bytes:
    """At most `LARGEST_BYTES`; directions with 16 bits a number."""
    voices = [(1, profile.voice), (2, profile.rival), (4, profile.tail)]
    present = [(bit, voice) for bit, voice in voices if voice is not None]
    head = _HEAD.pack(_MARK, _VERSION, _networks(), sum(bit for bit, _ in present))
    if profile.tail is not None:
        head += _END.pack(*(profile.tail_end or (0, 0)))
    rows = [_VOICE.pack(voice.windows, voice.seconds, voice.unit.astype("<f2").tobytes()) for _, voice in present]
    content = head + b"".join(rows)
    return content + _SUM.pack(zlib.crc32(content))


def after_silence(stored: bytes | None) -> bytes | None:
    """What is kept over a window without sound: words before it go on in no window behind it."""
    profile = read(stored)
    return stored if profile.tail is None else write(replace(profile, tail=None))


def read(stored: bytes | None) -> Profile:
    """What was written; an empty profile for what another version, engine or network wrote, or nobody."""
    try:
        return _parsed(stored) if stored else Profile()
    except (struct.error, ValueError):
        return Profile()


def _parsed(stored: bytes) -> Profile:
    """Raises ValueError or struct.error."""
    content, checksum = stored[: -_SUM.size], stored[-_SUM.size :]
    mark, version, networks, present = _HEAD.unpack_from(content)
    if (mark, version, networks) != (_MARK, _VERSION, _networks()) or present > 7:
        raise ValueError("another version's")
    if checksum != _SUM.pack(zlib.crc32(content)):
        raise ValueError("damaged")
    begin, end = _HEAD.size, (0, 0)
    if present & 4:
        end, begin = _END.unpack_from(content, begin), begin + _END.size
    rows = iter([_voice(*row) for row in _VOICE.iter_unpack(content[begin:])])
    voice, rival, tail = (next(rows, None) if present & bit else None for bit in (1, 2, 4))
    return Profile(voice, rival, tail, end if end[0] else None)


def _voice(windows: int, seconds: float, halves: bytes) -> Voice:
    unit = np.frombuffer(halves, "<f2").astype(np.float32)
    if not (np.isfinite(unit).all() and 0 < seconds < 1e6 and abs(float(np.linalg.norm(unit)) - 1) < 0.01):
        raise ValueError("not a voice")
    return Voice(normalised(unit), seconds, windows)
