"""Real streams to cut into windows, and what their windows sound like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tests.audio import Samples, decode, voice_frames
from undertone.core.window import WindowClosed, WindowCutter

SHORT_MS = 350  # not a whole number of frames at any sample rate


@dataclass(frozen=True)
class Encoding:
    """One way of encoding the same kind of sound."""

    rate: int
    bitrate: int | None = None
    quality: int | None = None  # of a variable rate: 0 is the best, 9 the smallest
    channels: int = 1
    seconds: float = 7

    def frames(self) -> tuple[bytes, ...]:
        return voice_frames(
            self.seconds, self.rate, self.bitrate, vbr_quality=self.quality, channels=self.channels, seed=self.rate
        )

    def __str__(self) -> str:
        rate = f"{self.bitrate // 1000}k" if self.bitrate else f"V{self.quality}"
        return f"{self.rate}-{rate}-{'mono' if self.channels == 1 else 'stereo'}"


ENCODINGS = [
    Encoding(44_100, 64_000),
    Encoding(44_100, quality=4, channels=2),
    Encoding(48_000, 32_000),
    Encoding(48_000, 128_000, channels=2),
    Encoding(48_000, quality=0),
    Encoding(32_000, 48_000),
    Encoding(32_000, quality=9, channels=2),
    Encoding(24_000, 8_000),
    Encoding(22_050, 56_000, channels=2),
    Encoding(16_000, 32_000),
    Encoding(16_000, quality=2, channels=2),
    Encoding(12_000, quality=6),
    Encoding(11_025, 16_000, channels=2),
    Encoding(8_000, 8_000),
]


def windows_of(pieces: Iterable[bytes], window_ms: int = SHORT_MS) -> list[WindowClosed]:
    """All windows, the last included."""
    cutter = WindowCutter(window_ms=window_ms)
    return [*feed_all(cutter, pieces), *filter(None, [cutter.flush()])]


def feed_all(cutter: WindowCutter, pieces: Iterable[bytes]) -> Iterator[WindowClosed]:
    for piece in pieces:
        yield from cutter.feed(piece)


def heard(windows: Iterable[WindowClosed]) -> Samples:
    """What the clips decode to, joined, each without its lead-in; time must be exact in each."""
    sounds = []
    for window in windows:
        sound = decode(window.clip)
        assert sound.shape == (window.format.channels, window.lead_in_samples + window.samples)
        sounds.append(sound[:, window.lead_in_samples :])
    return np.concatenate(sounds, axis=1)
