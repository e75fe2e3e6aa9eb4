"""Two voices at once, from frames that are made up."""

from __future__ import annotations

import numpy as np

from undertone.diarize.local.mixture import AROUND, Mixture, described


def test_what_is_around_a_cell_are_mean_and_deviation_of_the_viewed_ones() -> None:
    random = np.random.default_rng(2)
    viewed = np.array([3, 4, 5, 6, 7, 8, 9, 20, 39])
    view = random.normal(3, 2, (len(viewed), 4)).astype(np.float32)
    rows = described(40, viewed, view)
    assert np.allclose(rows[3, :4], view[:AROUND].mean(axis=0), atol=1e-4)
    assert np.allclose(rows[3, 4:], view[:AROUND].std(axis=0), atol=1e-4)
    assert np.allclose(rows[0, :4], view[:4].mean(axis=0), atol=1e-4), "three cells before the first are not viewed"
    assert np.allclose(rows[7:, :4], view[7:], atol=1e-4)
    assert np.allclose(rows[7:, 4:], 0, atol=1e-2), "a lone frame varies by nothing"


def test_only_viewed_cells_can_be_mixed() -> None:
    by = Mixture(
        np.zeros(4, np.float32),
        np.ones(4, np.float32),
        (
            (np.array([[1], [0], [0], [0]], np.float32), np.array([-1], np.float32)),
            (np.array([[10]], np.float32), np.array([-5], np.float32)),
        ),
    )
    view = np.array([[0, 0], [3, 0]], np.float32)
    mixed = by(20, np.array([2, 12]), view)
    assert mixed[2] == -5
    assert mixed[12] == 15
    assert np.flatnonzero(mixed).tolist() == [2, 12]
    assert not by(20, np.zeros(0, np.int64), np.zeros((0, 2), np.float32)).any()
