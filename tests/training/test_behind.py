"""Somebody behind the speaker is told by pitch alone."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the train extra is not installed")

from training import behind
from undertone.diarize.local.fbank import RATE, Samples


def voice(hertz: float, words: list[tuple[float, float]], level: float) -> Samples:
    """Ten harmonics of a pitch, from second to second."""
    at = np.arange(6 * RATE) / RATE
    said = sum(np.sin(2 * np.pi * hertz * number * at) / number for number in range(1, 11))
    spoken = np.any([(start <= at) & (at < end) for start, end in words], axis=0)
    return (0.1 * 10 ** (level / 20) * np.where(spoken, said, 0)).astype(np.float32)


WORDS = [(0.0, 1.0), (2.0, 3.0), (4.0, 5.0)]
PAUSES = [(1.0, 2.0), (3.0, 4.0)]


def test_pitch_is_that_of_the_voice() -> None:
    level, pitch, periodic = behind.frames(voice(120, [(0.0, 6.0)], 0))
    assert np.median(pitch) == pytest.approx(120, abs=1)
    assert periodic.min() > 0.9
    assert np.ptp(level) < 1


@pytest.mark.parametrize(
    ("hertz", "level", "found"),
    [(160, -18, True), (122, -18, False), (95, -18, False), (160, -3, False), (160, -40, False)],
)
def test_a_higher_voice_far_below_the_own_is_somebody_else(hertz: float, level: float, found: bool) -> None:
    noise = np.random.default_rng(1).normal(0, 1e-4, 6 * RATE).astype(np.float32)
    heard = behind.share([voice(120, WORDS, 0) + voice(hertz, PAUSES, level) + noise])
    assert (heard > behind.SHARE) is found


def test_silence_is_nobody() -> None:
    assert behind.share([np.zeros(RATE, np.float32)]) == 0
