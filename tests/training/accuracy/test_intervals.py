"""Intervals against published values, and against what clusters must do to them."""

from __future__ import annotations

import pytest

pytest.importorskip("scipy", reason="the train extra is not installed")

from training.accuracy.intervals import clustered, drawn, poisson, wilson


def test_wilson_intervals() -> None:
    """Values from Brown, Cai, DasGupta, "Interval estimation for a binomial proportion" (2001), and by hand."""
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-3)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-3)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-3)
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)])
def test_poisson_intervals(count: int, low: float, high: float) -> None:
    """Garwood's table (1936)."""
    assert poisson(count) == pytest.approx((low, high), abs=5e-3)


def test_of_speakers_with_one_window_each_the_clustered_interval_is_the_usual_one() -> None:
    hits = [number % 5 == 0 for number in range(200)]
    assert clustered(hits, [str(number) for number in range(200)]) == pytest.approx(wilson(40, 200), abs=0.01)


def test_more_windows_of_the_same_speakers_teach_nothing() -> None:
    hits = [number % 5 == 0 for number in range(40)]
    names = [str(number) for number in range(40)]
    assert clustered(hits * 10, names * 10) == pytest.approx(clustered(hits, names), abs=1e-9)
    assert wilson(80, 400)[1] - wilson(80, 400)[0] < 0.5 * (clustered(hits * 10, names * 10)[1] - 0.1)


def test_where_all_agree_speakers_are_counted() -> None:
    assert clustered([False] * 300, ["a", "b", "c"] * 100) == wilson(0, 3)
    assert clustered([True] * 300, ["a", "b", "c"] * 100) == wilson(3, 3)
    assert clustered([False] * 300, ["a"] * 300) == (0.0, 1.0), "one speaker says nothing of others"


def test_clusters_are_drawn_whole() -> None:
    weights = drawn(["a", "a", "b", "c"], draws=50)
    assert weights.shape == (50, 4)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 1:].sum(axis=1) == 3).all()
