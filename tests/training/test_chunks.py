"""What the segmentation is tuned on says rightly who speaks, and where nobody could tell."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the train extra is not installed")

from training import chunks
from training.stage import SECONDS
from undertone.diarize.local import models
from undertone.diarize.local.fbank import RATE

NETWORK = models.data(models.SEGMENTATION)


def loud(spans: list[tuple[float, float, float]], seed: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Noise at so many dB from second to second."""
    noise = np.random.default_rng(seed).normal(0, 0.1, SECONDS * RATE).astype(np.float32)
    track = np.zeros_like(noise)
    for start, end, level in spans:
        within = slice(int(start * RATE), int(end * RATE))
        track[within] = noise[within] * 10 ** (level / 20)
    return track


def test_a_voice_that_another_covers_is_not_learned_from() -> None:
    tracks = [loud([(0, 30, 0)], 1), loud([(10, 20, -26), (20, 25, -10), (40, 45, -26)], 2)]
    speaks, clear = chunks.spoken(tracks, [(0, 30, 0), (10, 25, 1), (40, 45, 1)])
    assert speaks[:, 1010:2490].all()
    assert not clear[1030:1970].any()
    assert clear[2030:].all(), "ten decibels below is heard, and so is whoever speaks alone"
    assert clear[:970].all()


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["conversation", "sessions"])
def test_chunks_say_who_speaks_and_come_again(kind: str) -> None:
    ear = chunks.front(NETWORK)
    one, two = (chunks.chunk(ear, kind, quarter=0, seed=4) for _ in range(2))
    assert np.array_equal(one.seen, two.seen)
    assert np.array_equal(one.true, two.true)
    assert (one.seen.shape, one.true.shape) == ((len(one), 589, 60), (len(one), 3, 589))
    said = np.exp(one.told.astype(np.float32))
    speaking = one.true.any(axis=1)
    assert (1 - said[..., 0])[speaking].mean() > 0.8 > 0.2 > (1 - said[..., 0])[~speaking].mean()
