"""What a room, a microphone and a line do to sound; all random choices come from the generator handed in."""

from __future__ import annotations

import numpy as np
from scipy.signal import fftconvolve

from undertone.diarize.local.fbank import RATE, Samples

_BANDS_HZ = np.array([30, 60, 125, 250, 500, 1000, 2000, 4000, 8000], np.float64)


def gain(decibels: float) -> float:
    return float(10 ** (decibels / 20))


def microphone(random: np.random.Generator, spread_db: float = 3.0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A microphone's colour: gains in dB at octaves, by a random walk."""
    steps = random.normal(0, spread_db / 2, len(_BANDS_HZ))
    walk = np.cumsum(steps)
    return np.asarray(walk - walk[4:7].mean())


def through(samples: Samples, colour: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Samples:
    """The samples as that microphone hears them."""
    spectrum = np.fft.rfft(samples)
    hertz = np.linspace(0, RATE / 2, len(spectrum))
    decibels = np.interp(np.log(np.maximum(hertz, 20)), np.log(_BANDS_HZ), colour)
    return np.fft.irfft(spectrum * 10 ** (decibels / 20), len(samples)).astype(np.float32)


def telephone(samples: Samples) -> Samples:
    """300 to 3,400 Hz."""
    spectrum = np.fft.rfft(samples)
    hertz = np.linspace(0, RATE / 2, len(spectrum))
    passed = 1 / (1 + (300 / np.maximum(hertz, 1)) ** 8) / (1 + (hertz / 3400) ** 16)
    return np.fft.irfft(spectrum * passed, len(samples)).astype(np.float32)


def room(random: np.random.Generator, rt60: float, direct_db: float) -> Samples:
    """An impulse response: a direct tap and a decaying tail, `direct_db` being their ratio; of energy one."""
    length = int(rt60 * RATE)
    tail = random.normal(0, 1, length) * 10 ** (-3 * np.arange(length) / length)
    tail[: RATE // 500] = 0
    # Walls swallow the high tones first.
    tail = np.convolve(tail, [0.25, 0.5, 0.25], mode="same")
    tail *= gain(-direct_db) / np.sqrt((tail**2).sum())
    tail[0] = 1
    return (tail / np.sqrt((tail**2).sum())).astype(np.float32)


def in_room(samples: Samples, response: Samples) -> Samples:
    return fftconvolve(samples, response)[: len(samples)].astype(np.float32)


def room_tone(random: np.random.Generator, length: int) -> Samples:
    """Shaped noise with a little hum, at a root mean square of 1."""
    spectrum = np.fft.rfft(random.normal(0, 1, length))
    hertz = np.linspace(0, RATE / 2, len(spectrum))
    slope = random.uniform(0.3, 1.0)
    tone = np.fft.irfft(spectrum / np.maximum(hertz, 40) ** slope, length)
    tone /= np.sqrt((tone**2).mean())
    if random.random() < 0.5:
        mains = random.choice([50, 60])
        seconds = np.arange(length) / RATE
        for harmonic in (1, 2, 3):
            tone += random.uniform(0, 0.5) * np.sin(2 * np.pi * mains * harmonic * seconds)
    return (tone / np.sqrt((tone**2).mean())).astype(np.float32)
