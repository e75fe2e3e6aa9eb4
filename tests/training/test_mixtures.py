"""The mixture learns what parts two voices at once from one, from frames that are made up."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the train extra is not installed")

from training import mixtures
from training.mixtures import Frames
from undertone.diarize.local import mixture
from undertone.diarize.local.embedding import VIEW
from undertone.diarize.local.mixture import Mixture


def scene(seed: int) -> Frames:
    """A minute of one voice, over which another speaks for twenty seconds; what is mixed lies in eight directions."""
    random = np.random.default_rng(seed)
    cells = 750
    first = int(random.integers(100, 400))
    held = np.zeros((4, cells), np.float32)
    held[0] = 1
    held[1, first : first + 250] = 1
    view = random.normal(size=(cells, VIEW)).astype(np.float32)
    view[:, :8] += 2 * held[1][:, None]
    return Frames(np.arange(cells), view, held, seed % 4)


def test_what_is_mixed_is_told_from_what_is_not() -> None:
    fitted = mixtures.fit([scene(seed) for seed in range(40)])
    unheard = scene(99)
    told = fitted(750, unheard.viewed, unheard.view)
    share = unheard.share()
    assert (told[share > 0.9] > 0).mean() > 0.95
    assert (told[share < 0.1] < 0).mean() > 0.95


def test_the_same_frames_give_the_same_network() -> None:
    given = [scene(seed) for seed in range(8)]
    one, two = mixtures.fit(given), mixtures.fit(given)
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(one.layers, two.layers, strict=True))


def test_a_mixture_is_read_as_it_was_written() -> None:
    random = np.random.default_rng(3)
    layers = tuple(
        (random.normal(size=shape).astype(np.float32), random.normal(size=shape[1]).astype(np.float32))
        for shape in ((8, 6), (6, 3), (3, 1))
    )
    by = Mixture(random.normal(size=8).astype(np.float32), np.ones(8, np.float32), layers)
    view = random.normal(size=(30, 4)).astype(np.float32)
    again = mixture.read(mixtures.packed(by))
    assert np.allclose(again(30, np.arange(30), view), by(30, np.arange(30), view), atol=0.01)
