"""What the decision's weights are fitted for."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the train extra is not installed")

from tests.training.test_cases import sample
from training.cases import Case
from training.train import FULL_SECONDS, LEAST_COST, fit
from undertone.diarize.local.evidence import MERGE_FEATURES, OVERLAP_FEATURES

RANDOM = np.random.default_rng(3)
NO_OVERLAP = np.zeros(len(OVERLAP_FEATURES), np.float32)


def cases(count: int, distance: float, second_seconds: float) -> list[Case]:
    """Windows with one merge each, about so far apart, and with so much of a second voice."""
    plain = sample("aaaa", ("x",), ("EmoDB",), 0)
    segments = ((0.0, 20.0, 0), (20.0, 20.0 + second_seconds, 1)) if second_seconds else ((0.0, 20.0, 0),)
    of = type(plain)(plain.seen, plain.kind, ("x", "y"), ("EmoDB", "EmoDB"), segments, 0.0, 0)
    made = []
    for _ in range(count):
        row = (RANDOM.normal(size=(1, len(MERGE_FEATURES))) / 10).astype(np.float32)
        row[0, MERGE_FEATURES.index("distance")] = distance + RANDOM.normal() / 5
        made.append(Case(of, row, np.array([second_seconds > 0]), NO_OVERLAP, True))
    return made


def mean_score(given: list[Case], asked: Iterable[Case]) -> float:
    fitted = fit(given)
    return float(np.mean([fitted.score(case) for case in asked]))


def test_a_missed_voice_counts_by_its_seconds() -> None:
    innocent, doubtful = cases(150, 0.0, 0), cases(150, 0.3, 0)
    scores = [
        mean_score([*innocent, *cases(150, 0.3, seconds)], doubtful)
        for seconds in (1.0, FULL_SECONDS * LEAST_COST, FULL_SECONDS * 0.75, FULL_SECONDS, 30.0)
    ]
    low, least, more, full, longer = (round(score, 1) for score in scores)
    assert low == least < more < full == longer
