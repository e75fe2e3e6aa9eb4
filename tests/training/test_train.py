"""What the decision's weights are fitted for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the train extra is not installed")

from tests.training.test_cases import sample
from training.cases import Case
from training.train import FULL_SECONDS, LEAST_COST, fit
from undertone.diarize.local.evidence import MERGE_FEATURES, OVERLAP_FEATURES

NO_OVERLAP = np.zeros(len(OVERLAP_FEATURES), np.float32)


def cases(count: int, distance: float, second_seconds: float, seed: int) -> list[Case]:
    """Windows with one merge each, about so far apart, and with so much of a second voice."""
    random = np.random.default_rng(seed)
    segments = ((0.0, 20.0, 0), (20.0, 20.0 + second_seconds, 1))[: 2 if second_seconds else 1]
    of = replace(sample("aaaa", ("x", "y"), ("EmoDB", "EmoDB"), 0), segments=segments)
    made = []
    for _ in range(count):
        row = (random.normal(size=(1, len(MERGE_FEATURES))) / 10).astype(np.float32)
        row[0, MERGE_FEATURES.index("distance")] = distance + random.normal() / 5
        made.append(Case(of, row, np.array([second_seconds > 0]), NO_OVERLAP, True))
    return made


def test_a_missed_voice_counts_by_its_seconds() -> None:
    innocent, doubtful = cases(150, 0.0, 0, seed=1), cases(150, 0.3, 0, seed=2)

    def score(seconds: float) -> float:
        fitted = fit([*innocent, *cases(150, 0.3, seconds, seed=3)])
        return float(np.mean([fitted.score(case) for case in doubtful]))

    low, least, more, full, longer = map(
        score, (1.0, FULL_SECONDS * LEAST_COST, FULL_SECONDS * 0.75, FULL_SECONDS, 30.0)
    )
    assert low == least < more < full == longer
