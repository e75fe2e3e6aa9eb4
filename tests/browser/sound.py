"""Where in a known sound another one was taken from, piece by piece: what is lost or doubled shows as a jump."""

from __future__ import annotations

import io
import wave
from itertools import pairwise
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

RATE: Final = 8_000  # enough for speech, and a sixth of the work
PIECE_S: Final = 4
# Echo cancelling and noise suppression change the sound; what was said when they leave alone.
ALIKE: Final = 0.35
# -100 dB; and what of such silence the encoder fills from what is beside it.
NOTHING: Final = 1e-5
SMEARED_S: Final = 0.05

Samples = NDArray[np.float32]


def decoded(source: bytes | Path) -> Samples:
    """Mono, at RATE."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    where = str(source) if isinstance(source, Path) else io.BytesIO(source)
    with av.open(where, "r") as container:
        pieces = [
            piece.to_ndarray()[0] for frame in [*container.decode(audio=0), None] for piece in resampler.resample(frame)
        ]
    return np.concatenate(pieces).astype(np.float32)


def seconds(path: Path) -> float:
    """How long a WAV file is."""
    with wave.open(str(path)) as file:
        return float(file.getnframes() / file.getframerate())


def places(clip: Samples, known: Samples) -> list[float]:
    """For each piece of `clip` that is found in `known`, which plays round and round: where, in seconds, less where it
    stands in the clip. Of a clip that misses nothing these are all the same.

    Pieces in which hardly anybody speaks are left out.
    """
    found = []
    size = PIECE_S * RATE
    spectrum = np.conj(np.fft.rfft(known))
    loudness = float(np.std(known))
    for start in range(0, len(clip) - size + 1, size):
        piece = clip[start : start + size]
        if np.std(piece) < 0.2 * loudness:
            continue
        match = np.fft.irfft(np.conj(np.fft.rfft(piece, len(known)) * spectrum), len(known))
        at = int(np.argmax(match))
        if (
            match[at] / (np.linalg.norm(piece) * np.linalg.norm(np.take(known, range(at, at + size), mode="wrap")))
            > ALIKE
        ):
            found.append((at - start) / RATE % (len(known) / RATE))
    return found


def hushed_s(clip: Samples) -> float:
    """For how long the clip is silent as no room and no suppressed noise is.

    A browser whose audio thread is starved puts such silence in, a tenth of a second or two, and goes on behind it with
    what it had not yet got: nothing is lost by that.
    """
    edges = np.flatnonzero(np.diff(np.abs(clip) < NOTHING, prepend=False, append=False))
    lengths = (edges[1::2] - edges[::2]) / RATE
    return float(sum(length + SMEARED_S for length in lengths if length > SMEARED_S))


def excusable_ms(recorded_ms: float) -> float:
    """How much of a recording may be missing, and announced, although nothing happened to its microphone.

    On a machine that has too much to do even Chromium's own audio thread comes late. An outage or a tab in the
    background that costs sound costs more than that.
    """
    return max(1_500, 0.05 * recorded_ms)


def steps(offsets: list[float], around: float) -> list[float]:
    """From each to the next, in seconds, on a circle of `around` seconds: forward is what is missing in between."""
    return [(after - before + around / 2) % around - around / 2 for before, after in pairwise(offsets)]
