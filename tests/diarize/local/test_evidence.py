"""What speaks for a second person: numbers from made-up windows in which everything is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.diarize.local.test_decision import SPACE, SURE, window
from undertone.diarize.local import evidence
from undertone.diarize.local.clarity import unclear
from undertone.diarize.local.embedding import normalised
from undertone.diarize.local.evidence import MERGE_FEATURES, Partials, Space


def described(speakers: str, space: Space = SPACE) -> dict[str, float]:
    """The last merge of the tree."""
    of = heard(speakers)
    return dict(zip(MERGE_FEATURES, evidence.describe(of, evidence.tree(of)[-1:], space)[0].tolist(), strict=True))


def heard(speakers: str) -> Partials:
    return evidence.partials(window(speakers), SURE, 0.0)


def test_two_people_differ_by_voice_and_the_smaller_side_comes_first() -> None:
    numbers = described("aaaa bb")
    assert numbers["distance"] == pytest.approx(1, abs=0.1)
    assert numbers["centre"] == pytest.approx(1, abs=0.1)
    assert numbers["log_small"] == pytest.approx(np.log(2.4))
    assert numbers["log_large"] == pytest.approx(np.log(4.8))
    assert numbers["log_run"] == pytest.approx(np.log(2.4))
    assert numbers["within_small"] < 0.05
    assert numbers["vad_small"] == pytest.approx(0.4), "surely a voice is no more than that"


def test_turns_apart_make_the_longest_run_shorter_than_the_side() -> None:
    numbers = described("aaaa b a b")
    assert numbers["log_small"] == pytest.approx(np.log(2.4))
    assert numbers["log_run"] == pytest.approx(np.log(1.2))


def test_a_voice_that_many_resemble_stands_out_less() -> None:
    random = np.random.default_rng(5)
    voices = normalised(random.normal(size=(40, 256)).astype(np.float32))
    near = np.zeros((40, 256), np.float32)
    near[:, ord("a")] = near[:, ord("b")] = 1
    alike = normalised(near + 0.03 * random.normal(size=near.shape).astype(np.float32))
    strangers, family = (described("aaa bbb", replace(SPACE, cohort=cohort)) for cohort in (voices, alike))
    assert strangers["distance"] == family["distance"]
    assert family["normed"] > strangers["normed"], "two who are both like everybody, but not like each other, are two"


def test_what_varies_within_a_voice_counts_less_where_it_is_whitened() -> None:
    matrix = np.eye(256, dtype=np.float32)
    matrix[ord("b"), ord("b")] = 0.1
    turned = Space(np.zeros(256, np.float32), matrix, SPACE.cohort)
    unit = normalised(np.eye(256, dtype=np.float32)[[ord("a")]] + np.eye(256, dtype=np.float32)[[ord("b")]])
    plain = np.eye(256, dtype=np.float32)[[ord("a")]]
    assert float((turned(unit) @ turned(plain).T)[0, 0]) > float((unit @ plain.T)[0, 0])


def test_overlap_counts_where_both_looks_agree() -> None:
    seen = window("aaaAaaa")
    assert evidence.overlap(seen) == pytest.approx([1.2 / 2])
    doubted = replace(seen, agreed=np.zeros_like(seen.agreed))
    assert evidence.overlap(doubted) == pytest.approx([0], abs=1e-4)


def test_overlap_in_a_window_shorter_than_what_is_taken_together() -> None:
    assert evidence.overlap(window("A"))[0] == pytest.approx(1.2 / 2)


def test_nobody_merges_with_nobody() -> None:
    assert evidence.describe(heard(" "), [], SPACE).shape == (0, len(MERGE_FEATURES))
    assert evidence.odd_stretches(heard("a")) == []


def test_steady_noise_that_hides_a_voice_is_said() -> None:
    quiet = window("aaa   ")
    quiet.level[45:] = -70
    of = evidence.partials(quiet, SURE, 0.0)
    assert unclear(quiet, of) is None
    noisy = replace(quiet, level=np.maximum(quiet.level, -33))
    assert unclear(noisy, of) == "steady noise: what is said stands out by 3 dB"


def test_where_nothing_is_heard_only_loud_noise_is_unclear() -> None:
    nobody = window("      ")
    of = evidence.partials(nobody, SURE, 0.0)
    assert unclear(replace(nobody, level=np.full(90, -40, np.float32)), of) is None
    assert unclear(replace(nobody, level=np.full(90, -20, np.float32)), of) is not None


def test_a_few_words_without_a_pause_are_not_called_noise() -> None:
    words = window("aaa")
    assert unclear(words, evidence.partials(words, SURE, 0.0)) is None
