"""What other thresholds would give (ROC), and whether the stated probability holds (calibration)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from training.accuracy.intervals import clustered, drawn, spread
from training.accuracy.windows import Judged

Floats = npt.NDArray[np.float64]

_THRESHOLDS: Final = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_RATES: Final = (0.005, 0.01, 0.015, 0.02, 0.04)
_BINS: Final = 10
# How many windows hold a second voice: in an exam hardly any do.
_PRIORS: Final = (0.2, 0.05, 0.01)


def roc(judged: Sequence[Judged]) -> None:
    """Threshold → false alarms and recall; area; recall at fixed shares of false alarms."""
    stated, second = _stated(judged)
    clusters = [one.truth.cluster for one in judged]
    print("\nROC (stated probability of a second voice)\n  threshold   false alarms    recall   (95 % by speaker)")
    for threshold in _THRESHOLDS:
        shares = []
        for truth in (False, True):
            chosen = np.flatnonzero(second == truth)
            hits = [bool(stated[i] >= threshold) for i in chosen]
            low, high = clustered(hits, [clusters[i] for i in chosen])
            shares.append(f"{np.mean(hits):6.1%} ({low:5.1%} to {high:5.1%})")
        print(f"  {threshold:9.2f}   {'   '.join(shares)}")
    whole = area(stated, second, np.ones((1, len(stated))))[0]
    low, high = spread(area(stated, second, drawn(clusters)))
    print(f"  area under the curve {whole:.4f} ({low:.4f} to {high:.4f})")
    print(
        "  at a fixed share of false alarms (the threshold is chosen on these very windows: what could be had at best)"
    )
    for rate in _RATES:
        threshold = at_rate(stated[~second], rate)
        found = float((stated[second] > threshold).mean())
        print(f"    {rate:5.1%}: recall {found:.1%} with a threshold of {threshold:.3f}")


def _stated(judged: Sequence[Judged]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    return np.array([one.probability for one in judged]), np.array([one.second for one in judged], np.bool_)


def area(stated: Floats, second: npt.NDArray[np.bool_], weights: Floats) -> Floats:
    """[n] scores and truths, [draws, n] weights → [draws] area under the ROC; nan where one side has no weight."""
    order = np.argsort(stated, kind="stable")
    _, starts = np.unique(stated[order], return_index=True)
    positive = np.add.reduceat((weights * second)[:, order], starts, axis=1)
    negative = np.add.reduceat((weights * ~second)[:, order], starts, axis=1)
    above = positive[:, ::-1].cumsum(axis=1)[:, ::-1] - positive
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    wins = (negative * (above + positive / 2)).sum(axis=1)
    return np.divide(wins, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


def at_rate(negatives: Floats, rate: float) -> float:
    """The lowest threshold that no more than that share of the negatives lies above."""
    ordered = np.sort(negatives)[::-1]
    return float(ordered[min(int(rate * len(ordered) + 1e-9), len(ordered) - 1)])


def calibration(judged: Sequence[Judged]) -> None:
    """Expected calibration error in ten bins, at the set's mix and at an exam's; and of the verdicts' confidence."""
    stated, second = _stated(judged)
    share, even = float(second.mean()), np.ones(len(stated))
    draws = drawn([one.truth.cluster for one in judged])
    print("\nCALIBRATION (stated probability of a second voice against how often there was one)")
    for number in range(_BINS):
        inside = _bins(stated) == number
        if inside.any():
            low, count = number / _BINS, int(inside.sum())
            told = f"stated {stated[inside].mean():.3f}, true {second[inside].mean():.3f}"
            print(f"  {low:.1f} to {low + 1 / _BINS:.1f}  {count:5d} windows, {told}")
    print("  expected calibration error (95 % by speaker), Brier score")
    print(f"    at this mix, {share:.0%} with a second voice: {_told(stated, second, even, draws)}")
    for prior in _PRIORS:
        weights = np.where(second, prior / share, (1 - prior) / (1 - share))
        moved = at_prior(stated, share, prior)
        print(f"    at {prior:.0%}, as stated:                  {_told(stated, second, weights, draws)}")
        print(f"    at {prior:.0%}, moved there by Bayes' rule: {_told(moved, second, weights, draws)}")
    decided = [one for one in judged if one.verdict.turns and not one.unclear]
    sure = np.array([one.verdict.confidence for one in decided])
    right = np.array([one.alarm == one.second for one in decided], np.bool_)
    draws = drawn([one.truth.cluster for one in decided])
    print(f"    confidence of what the outcome says:   {_told(sure, right, np.ones(len(sure)), draws)}")


def _told(stated: Floats, truth: npt.NDArray[np.bool_], weights: Floats, draws: Floats) -> str:
    whole = error(stated, truth, weights[None])[0]
    low, high = spread(error(stated, truth, draws * weights))
    brier = np.average((stated - truth) ** 2, weights=weights)
    return f"{whole:.3f} ({low:.3f} to {high:.3f}), {brier:.4f}"


def _bins(stated: Floats) -> npt.NDArray[np.int64]:
    return np.minimum((stated * _BINS).astype(np.int64), _BINS - 1)


def error(stated: Floats, truth: npt.NDArray[np.bool_], weights: Floats) -> Floats:
    """[draws, n] weights → [draws] expected calibration error over ten equal bins (Naeini et al. 2015)."""
    by_bin = np.eye(_BINS)[_bins(stated)]
    gaps: Floats = np.abs((weights * (stated - truth)) @ by_bin).sum(axis=1) / weights.sum(axis=1)
    return gaps


def at_prior(stated: Floats, from_share: float, to_share: float) -> Floats:
    """The probabilities as they would be if so large a share of windows held a second voice."""
    clipped = np.clip(stated, 1e-6, 1 - 1e-6)
    odds = clipped / (1 - clipped) * (to_share / (1 - to_share)) / (from_share / (1 - from_share))
    moved: Floats = odds / (1 + odds)
    return moved
