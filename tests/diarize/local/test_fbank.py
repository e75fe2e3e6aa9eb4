"""Filter banks, against Kaldi's definition written out frame by frame."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone.diarize.local.fbank import fbank, frames_in


def by_definition(samples: np.ndarray[tuple[int], np.dtype[np.float32]], frame: int) -> list[float]:
    """One frame of `compute-fbank-feats --dither=0 --window-type=hamming --num-mel-bins=80 --use-energy=false`."""
    wave = samples[frame * 160 : frame * 160 + 400].astype(np.float64) * 32768
    wave = wave - wave.mean()
    wave = np.array([wave[i] - 0.97 * wave[max(0, i - 1)] for i in range(400)])
    wave *= 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(400) / 399)
    power = np.abs(np.fft.fft(wave, 512)) ** 2

    def mel(hertz: float) -> float:
        return float(1127 * np.log(1 + hertz / 700))

    edges = np.linspace(mel(20), mel(8000), 82)
    energies = []
    for band in range(80):
        left, centre, right = edges[band : band + 3]
        energy = 0.0
        for k in range(256):
            at = mel(k * 16_000 / 512)
            if left < at <= centre:
                energy += power[k] * (at - left) / (centre - left)
            elif centre < at < right:
                energy += power[k] * (right - at) / (right - centre)
        energies.append(math.log(max(energy, float(np.finfo(np.float32).eps))))
    return energies


def test_as_kaldi_defines_it() -> None:
    random = np.random.default_rng(1)
    samples = (0.1 * random.normal(size=16_000) + 0.3 * np.sin(np.arange(16_000) * 0.3) + 0.05).astype(np.float32)
    banks = fbank(samples)
    assert banks.shape == (98, 80)
    for frame in (0, 41, 97):
        assert banks[frame] == pytest.approx(by_definition(samples, frame), abs=2e-3)


def test_silence_is_floored() -> None:
    assert np.isfinite(fbank(np.zeros(4000, np.float32))).all()


@given(st.integers(0, 5000))
def test_only_whole_frames(samples: int) -> None:
    banks = fbank(np.zeros(samples, np.float32))
    assert banks.shape == (frames_in(samples), 80)
    assert frames_in(samples) == len(range(400, samples + 1, 160))


def test_blocks_do_not_show() -> None:
    samples = np.random.default_rng(2).normal(0, 0.1, 16_000 * 25).astype(np.float32)
    whole = fbank(samples)
    assert np.allclose(whole[1500:1600], fbank(samples[1500 * 160 : 1599 * 160 + 400]), atol=1e-4)
