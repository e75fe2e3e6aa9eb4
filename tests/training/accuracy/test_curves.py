"""Areas and calibration errors by hand, and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the train extra is not installed")

from sklearn.metrics import roc_auc_score

from training.accuracy.curves import area, at_prior, at_rate, error

RANDOM = np.random.default_rng(7)


def test_the_area_counts_ties_by_half_and_cases_by_weight() -> None:
    stated = np.round(RANDOM.uniform(size=200), 1)
    second = RANDOM.uniform(size=200) < stated
    weights = RANDOM.integers(0, 4, (3, 200)).astype(float)
    wanted = [roc_auc_score(second, stated, sample_weight=row) for row in weights]
    assert area(stated, second, weights) == pytest.approx(wanted)


def test_without_one_side_there_is_no_area() -> None:
    assert np.isnan(area(np.array([0.1, 0.9]), np.array([False, True]), np.array([[1.0, 0.0]]))).all()


def test_the_calibration_error_by_hand() -> None:
    stated, second = np.array([0.15, 0.15, 0.85, 0.85]), np.array([False, True, True, True])
    # In the second tenth .15 is stated and half is true, in the ninth .85 and all.
    assert error(stated, second, np.ones((1, 4)))[0] == pytest.approx((2 * 0.35 + 2 * 0.15) / 4)
    assert error(stated, second, np.array([[1.0, 0.0, 1.0, 1.0]]))[0] == pytest.approx((0.15 + 2 * 0.15) / 3)


def test_probabilities_move_to_another_prior_and_back() -> None:
    stated = np.array([0.1, 0.5, 0.9])
    moved = at_prior(stated, 0.5, 0.01)
    assert moved[1] == pytest.approx(0.01), "what is no evidence leaves the prior as it is"
    assert at_prior(moved, 0.01, 0.5) == pytest.approx(stated)


def test_a_threshold_lets_no_more_than_the_rate_through() -> None:
    negatives = np.arange(100) / 100
    for rate, above in ((0.0, 0), (0.01, 1), (0.05, 5)):
        assert (negatives > at_rate(negatives, rate)).sum() == above
