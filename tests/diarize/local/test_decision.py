"""From partials to people to turns, on made-up windows in which everything is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from undertone.core.verdict import Turn
from undertone.diarize.local import evidence
from undertone.diarize.local.decision import Bent, Decision, Learned, decide, parse, score
from undertone.diarize.local.embedding import grown, runs
from undertone.diarize.local.evidence import MERGE_FEATURES, OVERLAP_FEATURES, Partials, Probe, Space
from undertone.diarize.local.observation import Observation
from undertone.diarize.local.segmentation import Segmentation
from undertone.diarize.local.turns import turns

SURE = Probe(np.zeros(256, np.float32), 0.0, 0.0, 5.0)  # takes everything for a voice

SPACE = Space(np.zeros(256, np.float32), np.eye(256, dtype=np.float32), np.zeros((0, 256), np.float32))


def straight(names: tuple[str, ...], **weights: float) -> Bent:
    values = np.array([weights.get(name, 0.0) for name in names], np.float32)
    high = np.full(len(names), 100, np.float32)
    return Bent(values, np.zeros_like(values), knee=high, low=-high, high=high)


# A merge speaks for two people from a distance of .6 on; overlap by itself from nine tenths of a second on.
BY = Learned(
    probe=SURE,
    least_voice=0.0,
    merge=straight(MERGE_FEATURES, distance=20),
    overlap=straight(OVERLAP_FEATURES, overlap=45),
    bias=-12.0,
    no_merge=-5.0,
    space=SPACE,
)


def window(speakers: str, vad: float = 1.0) -> Observation:
    """A letter is a partial of 1.2 s of that voice, a space as long a pause; capitals are heard together with x."""
    cells = 15 * len(speakers)
    spoken = np.repeat(np.array([letter != " " for letter in speakers], np.float32), 60)
    together = np.repeat(np.array([letter.isupper() for letter in speakers], np.float32), 60)
    first = np.array([15 * place for place, letter in enumerate(speakers) if letter.islower()], np.int64)
    voices = np.zeros((len(first), 256), np.float32)
    voices[np.arange(len(first)), [ord(letter) for letter in speakers if letter.islower()]] = 3
    voices += np.random.default_rng(1).normal(0, 0.02, voices.shape).astype(np.float32)
    steps = 4 * cells
    return Observation(
        segmentation=Segmentation(spoken, together, np.zeros((steps, 3), np.float32), np.zeros(steps, np.int32)),
        agreed=together,
        vad=np.full(steps, vad, np.float32) * spoken,
        level=np.full(cells, -30, np.float32),
        first=first,
        cells=np.full(len(first), 15, np.int64),
        voice=voices,
    )


def decided(seen: Observation) -> tuple[Decision, Partials]:
    of = evidence.partials(seen, SURE, 0.0)
    return decide(seen, of, BY), of


def told(speakers: str) -> list[tuple[int, int, int]]:
    seen = window(speakers)
    decision, of = decided(seen)
    found = turns(seen, of, decision, 1200 * len(speakers))
    return [(turn.start_ms // 1200, -(-turn.end_ms // 1200), turn.speaker) for turn in found]


def test_one_voice_is_one_person() -> None:
    decision, _ = decided(window("aa aaa a"))
    assert len(decision.groups) == 1
    assert decision.second_voice < 0.5
    assert told("aa aaa a") == [(0, 2, 0), (3, 6, 0), (7, 8, 0)]


def test_two_voices_are_two_people_and_the_one_who_speaks_more_comes_first() -> None:
    decision, of = decided(window("a bbb a bb"))
    assert [evidence.seconds(of, group) for group in decision.groups] == pytest.approx([6.0, 2.4])
    assert decision.probabilities[0] == 0
    assert decision.probabilities[1] == pytest.approx(decision.second_voice)
    assert decision.second_voice > 0.9
    assert told("a bbb a bb") == [(0, 1, 1), (2, 5, 0), (6, 7, 1), (8, 10, 0)]


def test_three_voices_are_three_people() -> None:
    decision, _ = decided(window("aaa bb ccccc"))
    assert [len(group) for group in decision.groups] == [5, 3, 2]
    assert len(decision.probabilities) == 3


def test_nobody_is_nobody() -> None:
    seen = window("      ")
    decision, of = decided(seen)
    assert (decision.groups, decision.second_voice) == ((), 0.0)
    assert turns(seen, of, decision, 7200) == ()


def test_a_single_partial_has_no_merge() -> None:
    decision, _ = decided(window("a"))
    assert len(decision.groups) == 1
    assert decision.second_voice == pytest.approx(0.0, abs=1e-6)


def test_what_silero_does_not_hear_must_go_on_for_two_seconds() -> None:
    brief, longer = window("aaaaaa b", vad=0.0), window("aaaaaa bb", vad=0.0)
    assert len(decided(brief)[0].groups) == 1
    assert len(decided(longer)[0].groups) == 2


def test_a_voice_heard_only_over_another_has_the_overlap_for_its_turns() -> None:
    seen = window("aaaAaaa")
    decision, of = decided(seen)
    assert decision.overlap_only
    assert Turn(3600, 4800, 1) in turns(seen, of, decision, 8400)


def test_overlap_between_two_known_voices_belongs_to_both() -> None:
    seen = window("aaaaAbb")
    decision, of = decided(seen)
    assert len(decision.groups) == 2
    found = turns(seen, of, decision, 8400)
    inside = {turn.speaker for turn in found if turn.start_ms < 5400 < turn.end_ms}
    assert inside == {0, 1}


@pytest.mark.parametrize("reserve", [0.0, 0.5])
@pytest.mark.parametrize(("again", "people"), [(3.0, 2), (-3.0, 1)])
def test_in_doubt_two_looks_are_taken_together(again: float, people: int, reserve: float) -> None:
    seen = window("aaaa bb")
    of = evidence.partials(seen, SURE, 0.0)
    by = replace(BY, bias=-19.5)
    first = score(seen, of, by)
    assert -1 + reserve < first < 2 + reserve, "it is in doubt"
    decision = decide(seen, of, by, reserve=reserve, again=lambda: again)
    assert decision.second_voice == pytest.approx(1 / (1 + np.exp(reserve - (first + again) / 2)))
    assert len(decision.groups) == people


@pytest.mark.parametrize(("again", "people"), [(3.0, 2), (1.0, 1)])
def test_whom_the_second_look_makes_likely_is_told(again: float, people: int) -> None:
    """By the first look the merge by itself is so far below even odds that only the overlap would be another's."""
    seen = window("aaaAa bb")
    by = replace(BY, bias=-23.0, overlap=straight(OVERLAP_FEATURES, overlap=3.7))
    of = evidence.partials(seen, SURE, 0.0)
    assert -1 < score(seen, of, by) < 0
    decision = decide(seen, of, by, again=lambda: again)
    assert decision.second_voice > 0.5
    assert (len(decision.groups), decision.overlap_only) == (people, people == 1)


@pytest.mark.parametrize("speakers", ["aaaa aa", "aaaa bb", "    "])
def test_without_doubt_one_look_is_enough(speakers: str) -> None:
    def again() -> float:
        raise AssertionError("nobody is in doubt")

    seen = window(speakers)
    decide(seen, evidence.partials(seen, SURE, 0.0), BY, again=again)


def test_a_second_look_that_finds_no_voice_speaks_against_one() -> None:
    seen = window("      ")
    assert score(seen, evidence.partials(seen, SURE, 0.0), BY) == BY.bias + BY.no_merge


def test_turns_change_where_the_segmentation_says() -> None:
    """Partials lie 0.3 s off the change; the segmentation tells its two speakers apart to the step."""
    seen = window("aaabbbaaa")
    local = np.zeros((seen.steps, 3), np.float32)
    local[:, 0] = 1
    local[180 + 15 : 360 + 15] = [0, 1, 0]
    seen = replace(seen, segmentation=replace(seen.segmentation, local=local))
    decision, of = decided(seen)
    found = [(turn.start_ms, turn.end_ms, turn.speaker) for turn in turns(seen, of, decision, 10_800)]
    assert found == [(0, 3900, 0), (3900, 7500, 1), (7500, 10_800, 0)]


def test_who_the_segmentation_misses_keeps_what_partials_give() -> None:
    assert told("aaaabbaaa") == [(0, 4, 0), (4, 6, 1), (6, 9, 0)], "it gives all of it to one speaker"


def test_what_the_probe_rejects_is_not_listened_to() -> None:
    of = evidence.partials(window("aabb"), replace(SURE, bias=-5.0), 0.0)
    assert len(of) == 0


def test_numbers_beyond_those_met_in_training_count_no_more() -> None:
    one, none = np.array([1.0], np.float32), np.array([0.0], np.float32)
    by = Bent(below=2 * one, above=3 * one, knee=0.5 * one, low=none, high=one)
    assert by(np.array([[5.0], [1.0], [0.5], [0.25], [-3.0]], np.float32)).tolist() == [2.5, 2.5, 1.0, 0.5, 0.0]


def test_weights_fitted_for_other_features_are_refused() -> None:
    content = {
        "probe": {"weights": [0.0] * 256, "norm": 0, "vad": 0, "bias": 0, "least": 0},
        "merge": {"age": [1, 0, 1]},
    }
    with pytest.raises(ValueError, match="run `make train`"):
        parse(content, SPACE)


def test_runs_and_growth_of_masks() -> None:
    mask = np.array([0, 1, 1, 0, 0, 0, 1], bool)
    assert runs(mask) == [(1, 3), (6, 7)]
    assert runs(np.zeros(3, bool)) == []
    assert grown(mask, 1).tolist() == [True, True, True, True, False, True, True]
