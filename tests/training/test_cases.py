"""Cases know nothing of what they are judged by."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the train extra is not installed")

from tests.diarize.local.test_decision import SURE, window
from training import sources
from training.cache import Sample
from training.cases import Voices, case
from training.train import Inputs
from undertone.diarize.local.evidence import MERGE_FEATURES


def sample(speakers: str, names: tuple[str, ...], corpora: tuple[str, ...], quarter: int) -> Sample:
    letters = sorted(set(speakers.lower()) - {" "})
    segments = tuple(
        (1.2 * place, 1.2 * place + 1.2, letters.index(letter.lower()))
        for place, letter in enumerate(speakers)
        if letter != " "
    )
    return Sample(window(speakers), "turns", names, corpora, segments, 0.0, quarter)


def test_a_merge_is_real_where_different_people_speak() -> None:
    scene = sample("aaaa bbb", ("x", "y"), ("EmoDB", "EmoDB"), 0)
    made = case(scene, SURE, Voices([scene]).space(1), whole=True)
    assert made.second
    assert made.merges.shape == (len(made.real), len(MERGE_FEATURES))
    assert made.real[made.merges[:, MERGE_FEATURES.index("distance")] > 0.9].any()
    alone = sample("aaaa aaa", ("x",), ("EmoDB",), 0)
    assert not case(alone, SURE, Voices([scene]).space(1), whole=True).real.any()


def test_a_space_leaves_out_a_quarter_and_corpora_alike() -> None:
    mine = sample("aaaaaa", ("a",), ("LibriSpeech",), 0)
    alike = sample("bbbbbb", ("b",), ("VCTK",), 1)
    foreign = sample("cccccc", ("c",), ("speechocean762",), 1)
    voices = Voices([mine, alike, foreign])
    assert len(voices.space().cohort) == 3
    assert len(voices.space(0).cohort) == 2
    (left,) = voices.space(0, ["LibriSpeech"]).cohort
    assert left.argmax() == ord("c")


def test_weights_of_columns_are_weights_of_numbers() -> None:
    random = np.random.default_rng(4)
    rows = random.normal(size=(500, 3)).astype(np.float32)
    inputs = Inputs.of(("a", "b", "c"), rows, 80)
    weights = random.normal(size=6)
    bent, constant = inputs.bent(weights)
    assert bent(rows) + constant == pytest.approx(inputs(rows) @ weights, abs=1e-3)


def test_quarters_are_even_and_stay() -> None:
    names = [f"voice-{number}" for number in range(40)]
    found = sources.quarters(names)
    assert sorted(found.values()) == sorted(list(range(4)) * 10)
    assert found == sources.quarters(reversed(names))
