"""What a room, a microphone and a line do to sound; all random choices come from the generator handed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from scipy.signal import fftconvolve

from undertone.diarize.local.fbank import RATE, Samples

Colour: TypeAlias = np.ndarray[tuple[int], np.dtype[np.float64]]

_BANDS_HZ = np.array([30, 60, 125, 250, 500, 1000, 2000, 4000, 8000], np.float64)


def gain(decibels: float) -> float:
    return float(10 ** (decibels / 20))


def microphone(random: np.random.Generator, spread_db: float = 3.0) -> Colour:
    """A microphone's colour: gains in dB at octaves, by a random walk."""
    steps = random.normal(0, spread_db / 2, len(_BANDS_HZ))
    walk = np.cumsum(steps)
    return np.asarray(walk - walk[4:7].mean())


def through(samples: Samples, colour: Colour) -> Samples:
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


@dataclass(frozen=True, slots=True)
class Mood:
    """How somebody speaks for a while: pitch, pace, effort. The mouth, and so the formants, stay nearly the same."""

    pitch: float  # times the own
    pace: float
    formants: float  # times the own
    tilt_db: float  # at 4 kHz against 500 Hz: effort
    level_db: float

    @classmethod
    def drawn(cls, random: np.random.Generator) -> Mood:
        excited = random.normal(0, 1)
        return cls(
            pitch=float(2 ** (np.clip(1.1 * excited + random.normal(0, 0.5), -2, 2.5) / 12)),
            pace=float(np.clip(1 + 0.08 * excited + random.normal(0, 0.06), 0.8, 1.25)),
            formants=float(2 ** (np.clip(random.normal(0, 0.35), -0.7, 0.7) / 12)),
            tilt_db=float(2.5 * excited + random.normal(0, 1)),
            level_db=float(3.5 * excited + random.normal(0, 1)),
        )

    def __call__(self, samples: Samples) -> Samples:
        """The samples spoken so: stretched, played back at another rate, and the spectral envelope put back."""
        if len(samples) < 4 * _GRAIN:
            return samples
        stretched = _stretched(samples, self.pitch / self.pace)
        length = int(len(stretched) / self.pitch)
        played = np.interp(np.arange(length) * self.pitch, np.arange(len(stretched)), stretched).astype(np.float32)
        return _reshaped(played, self.pitch / self.formants, self.tilt_db) * gain(self.level_db)


_GRAIN: Final = RATE // 40
_SEARCH: Final = RATE // 160


def _stretched(samples: Samples, times: float) -> Samples:
    """So many times as long at the same pitch: overlapping grains, each where it fits best (WSOLA, Verhelst 1993)."""
    step = _GRAIN // 2
    fade = np.hanning(_GRAIN + 1)[:-1].astype(np.float32)
    count = int((len(samples) - 2 * _GRAIN - 2 * _SEARCH) * times / step)
    out = np.zeros(count * step + _GRAIN, np.float32)
    at = 0
    for number in range(count):
        if number:
            follows = samples[at + step : at + step + _GRAIN]
            middle = int(number * step / times)
            low = max(0, middle - _SEARCH)
            around = samples[low : middle + _SEARCH + _GRAIN]
            at = low + int(np.correlate(around, follows, "valid").argmax())
        out[number * step : number * step + _GRAIN] += samples[at : at + _GRAIN] * fade
    return out


_SPECTRUM: Final = 512
_LIFTER: Final = 40  # cepstral coefficients of an envelope: finer than formants, coarser than harmonics


def _reshaped(samples: Samples, warp: float, tilt_db: float) -> Samples:
    """Envelopes that lie `warp` times too high put back in their place, and tilted."""
    hop = _SPECTRUM // 4
    window = np.hanning(_SPECTRUM + 1)[:-1]
    padded = np.pad(samples, (_SPECTRUM, _SPECTRUM + -len(samples) % hop))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _SPECTRUM)[::hop] * window
    spectra = np.fft.rfft(frames)
    cepstra = np.fft.irfft(np.log(np.abs(spectra) + 1e-6))
    cepstra[:, _LIFTER:-_LIFTER] = 0
    envelopes = np.fft.rfft(cepstra).real
    bins = np.arange(_SPECTRUM // 2 + 1)
    source = np.minimum(bins * warp, bins[-1])
    low = np.minimum(source.astype(np.int64), bins[-1] - 1)
    moved = envelopes[:, low] + (envelopes[:, low + 1] - envelopes[:, low]) * (source - low)
    tilt = tilt_db / 3 * np.clip(np.log2(np.maximum(bins, 1) * RATE / _SPECTRUM / 500), -1, 3) * (np.log(10) / 20)
    spectra *= np.exp(np.clip(moved - envelopes, -3, 3) + tilt)
    pieces = np.fft.irfft(spectra) * window
    out = np.zeros(len(padded))
    for number, piece in enumerate(pieces):
        out[number * hop : number * hop + _SPECTRUM] += piece
    return (out[_SPECTRUM : _SPECTRUM + len(samples)] / 1.5).astype(np.float32)
