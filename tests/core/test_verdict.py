"""One rule for every engine: what counts as another voice, and what is made of the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone.core.verdict import (
    BREATH_MS,
    LEAST_PROBABILITY,
    LEAST_SPEECH_MS,
    Diarization,
    Outcome,
    Turn,
    judge,
)


def heard(*turns: tuple[int, int, int], sure: dict[int, float] | None = None, **more: object) -> Diarization:
    return Diarization(
        turns=tuple(Turn(*turn) for turn in turns),
        engine="test",
        probabilities=sure,
        **more,  # type: ignore[arg-type]
    )


TWO = ((0, 10_000, 0), (11_000, 14_000, 1))

TABLE = {
    "nobody speaks": (heard(), 1, Outcome.CLEAN, 0),
    "one voice": (heard((0, 5000, 0)), 1, Outcome.CLEAN, 1),
    "one voice, whatever its number": (heard((0, 5000, 7)), 1, Outcome.CLEAN, 1),
    "a muted microphone": (heard(silent=True), 1, Outcome.SILENT, 0),
    "two voices, an engine that gives no odds": (heard(*TWO), 1, Outcome.MULTIPLE_VOICES, 2),
    "two voices, surely": (heard(*TWO, sure={0: 0, 1: 0.9}), 1, Outcome.MULTIPLE_VOICES, 2),
    "even odds count": (heard(*TWO, sure={1: LEAST_PROBABILITY}), 1, Outcome.MULTIPLE_VOICES, 2),
    "two voices, hardly": (heard(*TWO, sure={0: 0, 1: 0.49}), 1, Outcome.CLEAN, 1),
    "a voice whose odds are not stated, among others that are": (heard(*TWO, sure={0: 0}), 1, Outcome.CLEAN, 1),
    "two who speak alike, whichever of them the engine took for the main voice": (
        heard((0, 5000, 0), (6000, 12_000, 1), sure={0: 0, 1: 0.9}),
        1,
        Outcome.MULTIPLE_VOICES,
        2,
    ),
    "half a second counts": (heard((0, 9000, 0), (9500, 9500 + LEAST_SPEECH_MS, 1)), 1, Outcome.MULTIPLE_VOICES, 2),
    "less than half a second does not": (
        heard((0, 9000, 0), (9500, 9499 + LEAST_SPEECH_MS, 1)),
        1,
        Outcome.CLEAN,
        1,
    ),
    "a few words in pieces count together": (
        heard((0, 9000, 0), (2000, 2200, 1), (4000, 4200, 1), (6000, 6200, 1)),
        1,
        Outcome.MULTIPLE_VOICES,
        2,
    ),
    "the same words told twice count once": (
        heard((0, 9000, 0), (2000, 2300, 1), (2000, 2300, 1)),
        1,
        Outcome.CLEAN,
        1,
    ),
    "a reader is allowed": (heard(*TWO), 2, Outcome.CLEAN, 2),
    "a reader is allowed and stays away": (heard((0, 5000, 0)), 2, Outcome.CLEAN, 1),
    "a third voice besides the reader": (heard(*TWO, (20_000, 22_000, 2)), 2, Outcome.MULTIPLE_VOICES, 3),
    "a third that is in doubt": (
        heard(*TWO, (20_000, 22_000, 2), sure={1: 0.9, 2: 0.2}),
        2,
        Outcome.CLEAN,
        2,
    ),
    "somebody else alone": (heard((0, 5000, 0), changed=0.9), 1, Outcome.VOICE_CHANGED, 1),
    "somebody else at even odds": (heard((0, 5000, 0), changed=LEAST_PROBABILITY), 1, Outcome.VOICE_CHANGED, 1),
    "hardly somebody else": (heard((0, 5000, 0), changed=0.49), 1, Outcome.CLEAN, 1),
    "somebody else, where two may speak": (heard((0, 5000, 0), changed=0.9), 2, Outcome.CLEAN, 1),
    "somebody else who says nothing": (heard(changed=0.9), 1, Outcome.CLEAN, 0),
    "two voices, whoever they are": (heard(*TWO, sure={1: 0.9}, changed=0.99), 1, Outcome.MULTIPLE_VOICES, 2),
    "a doubtful second voice, and both somebody else": (
        heard(*TWO, sure={1: 0.2}, changed=0.9),
        1,
        Outcome.VOICE_CHANGED,
        1,
    ),
    "somebody else in noise": (heard((0, 5000, 0), changed=0.9, unclear="noise"), 1, Outcome.VOICE_CHANGED, 1),
    "perhaps somebody else in noise": (heard((0, 5000, 0), changed=0.3, unclear="noise"), 1, Outcome.UNCLEAR, 1),
    "too much noise": (heard((0, 5000, 0), unclear="too much noise"), 1, Outcome.UNCLEAR, 1),
    "a second voice in noise is still a second voice": (
        heard(*TWO, sure={1: 0.8}, unclear="too much noise"),
        1,
        Outcome.MULTIPLE_VOICES,
        2,
    ),
}


@pytest.mark.parametrize(("diarization", "expected", "outcome", "voices"), TABLE.values(), ids=TABLE.keys())
def test_the_rule(diarization: Diarization, expected: int, outcome: Outcome, voices: int) -> None:
    verdict = judge(diarization, expected)
    assert (verdict.outcome, verdict.voices) == (outcome, voices)
    assert verdict.engine == "test"


def test_the_main_voice_is_the_one_that_speaks_most() -> None:
    verdict = judge(heard((0, 2000, 0), (3000, 9000, 1), (10_000, 10_900, 2)))
    assert [(turn.start_ms, turn.speaker) for turn in verdict.turns] == [(0, 1), (3000, 0), (10_000, 2)]
    assert verdict.speech_ms == (6000, 2000, 900)
    assert verdict.other_ms == 2900


def test_the_candidate_is_the_main_voice_even_if_another_speaks_more() -> None:
    turns = ((0, 2000, 0), (3000, 9000, 1), (10_000, 10_900, 2))
    verdict = judge(heard(*turns, main=0))
    assert [(turn.start_ms, turn.speaker) for turn in verdict.turns] == [(0, 0), (3000, 1), (10_000, 2)]
    assert verdict.speech_ms == (2000, 6000, 900)
    assert verdict.other_ms == 6900
    assert judge(heard(*turns, main=7)) == judge(heard(*turns)), "a candidate who says nothing is nobody's number"


def test_a_helper_who_is_in_doubt_is_not_left_over_in_place_of_the_candidate() -> None:
    verdict = judge(heard((0, 2000, 0), (3000, 9000, 1), main=0, sure={0: 0.0, 1: 0.2}))
    assert (verdict.voices, verdict.speech_ms) == (1, (8000,))


def test_the_engines_main_voice_may_speak_less_than_another_that_counts() -> None:
    """Its own odds of being somebody else are none: they must not do away with the other."""
    verdict = judge(heard((0, 2000, 0), (3000, 9000, 1), main=0, sure={0: 0.0, 1: 0.9}))
    assert (verdict.outcome, verdict.speech_ms) == (Outcome.MULTIPLE_VOICES, (2000, 6000))


def test_a_voice_that_does_not_count_is_the_main_voice_and_joins_its_turns() -> None:
    verdict = judge(heard((0, 4000, 0), (4100, 6000, 1), (6100, 8000, 0), sure={1: 0.1}))
    assert verdict.turns == (Turn(0, 8000, 0),)
    assert verdict.speech_ms == (8000,)


def test_neighbours_and_overlaps_of_one_voice_are_one_turn() -> None:
    near = judge(heard((0, 1000, 0), (1000 + BREATH_MS - 1, 2000, 0), (1500, 2500, 0)))
    apart = judge(heard((0, 1000, 0), (1000 + BREATH_MS, 2000, 0)))
    assert near.turns == (Turn(0, 2500, 0),)
    assert len(apart.turns) == 2


def test_speech_at_the_same_time_counts_for_both() -> None:
    verdict = judge(heard((0, 8000, 0), (3000, 5000, 1)))
    assert verdict.speech_ms == (8000, 2000)
    assert verdict.turns == (Turn(0, 8000, 0), Turn(3000, 5000, 1))


def test_confidence_speaks_of_the_outcome() -> None:
    assert judge(heard(*TWO, sure={1: 0.9})).confidence == pytest.approx(0.9)
    assert judge(heard(*TWO, sure={1: 0.1})).confidence == pytest.approx(0.9)
    assert judge(heard((0, 5000, 0), second_voice=0.3, sure={0: 0.0})).confidence == pytest.approx(0.7)
    assert judge(heard(*TWO)).confidence == pytest.approx(0.5), "an engine that states nothing is not sure of anything"
    assert judge(heard(silent=True)).confidence == 1
    assert judge(heard((0, 5000, 0), changed=0.91)).confidence == pytest.approx(0.91)
    assert judge(heard((0, 5000, 0), changed=0.3, second_voice=0.1, sure={0: 0.0})).confidence == pytest.approx(0.7)


def test_reasons_are_given_where_there_is_no_answer() -> None:
    assert judge(heard(silent=True)).reason
    assert judge(heard((0, 5000, 0), unclear="too much noise")).reason == "too much noise"
    assert judge(heard(*TWO, unclear="too much noise")).reason is None
    assert judge(heard((0, 5000, 0))).reason is None


def test_nobody_expected_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="expected_voices is 0"):
        judge(heard(), 0)


@pytest.mark.parametrize("turn", [(5, 5, 0), (6, 5, 0), (-1, 5, 0), (0, 5, -1)])
def test_a_turn_has_a_beginning_an_end_and_a_speaker(turn: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="not a turn"):
        Turn(*turn)


turns = st.builds(
    lambda start, length, speaker: Turn(start, start + length, speaker),
    st.integers(0, 60_000),
    st.integers(1, 20_000),
    st.integers(0, 4),
)
probabilities = st.none() | st.dictionaries(st.integers(0, 4), st.floats(0, 1), max_size=5)
diarizations = st.builds(
    Diarization,
    turns=st.lists(turns, max_size=12).map(tuple),
    engine=st.just("test"),
    probabilities=probabilities,
    second_voice=st.none() | st.floats(0, 1),
    main=st.none() | st.integers(0, 4),
    changed=st.none() | st.floats(0, 1),
    silent=st.booleans(),
    unclear=st.none() | st.just("noise"),
)


@given(diarizations, st.integers(1, 4))
def test_a_verdict_agrees_with_itself(diarization: Diarization, expected: int) -> None:
    verdict = judge(diarization, expected)
    assert (verdict.outcome is Outcome.MULTIPLE_VOICES) == (verdict.voices > expected)
    assert 0 <= verdict.confidence <= 1
    assert len(verdict.speech_ms) == verdict.voices
    assert list(verdict.speech_ms[1:]) == sorted(verdict.speech_ms[1:], reverse=True)
    if diarization.main is None:
        assert list(verdict.speech_ms[:1]) == sorted(verdict.speech_ms, reverse=True)[:1]
    if verdict.outcome is Outcome.VOICE_CHANGED:
        assert (verdict.voices, expected) == (1, 1)
        assert verdict.confidence == pytest.approx(diarization.changed, abs=1e-4)
    assert verdict.other_ms == sum(verdict.speech_ms[1:])
    assert all(speech >= LEAST_SPEECH_MS for speech in verdict.speech_ms[1:])
    assert {turn.speaker for turn in verdict.turns} == set(range(verdict.voices))
    assert list(verdict.turns) == sorted(verdict.turns)
    assert (verdict.reason is None) == (verdict.outcome not in (Outcome.SILENT, Outcome.UNCLEAR))


@given(diarizations)
def test_no_speech_is_lost_or_invented(diarization: Diarization) -> None:
    verdict = judge(diarization)
    if verdict.outcome is Outcome.SILENT:
        return
    before = {ms for turn in diarization.turns for ms in range(turn.start_ms // 100, -(-turn.end_ms // 100))}
    after = {ms for turn in verdict.turns for ms in range(turn.start_ms // 100, -(-turn.end_ms // 100))}
    assert before <= after
    assert len(after - before) <= len(diarization.turns) * (BREATH_MS // 100 + 1)


@given(diarizations, st.permutations(range(5)))
def test_the_engines_numbers_do_not_matter(diarization: Diarization, number: list[int]) -> None:
    stated = diarization.probabilities
    renamed = Diarization(
        turns=tuple(Turn(turn.start_ms, turn.end_ms, number[turn.speaker]) for turn in diarization.turns),
        engine="test",
        probabilities=None if stated is None else {number[speaker]: odds for speaker, odds in stated.items()},
        second_voice=diarization.second_voice,
        main=None if diarization.main is None else number[diarization.main],
        changed=diarization.changed,
        silent=diarization.silent,
        unclear=diarization.unclear,
    )
    here, there = judge(diarization), judge(renamed)
    # Who is the main voice of two that speak alike is a matter of numbers; how much is spoken is not.
    if len(set(here.speech_ms)) == len(here.speech_ms) and stated is None:
        assert here == there


@given(diarizations, st.integers(1, 3))
def test_who_is_allowed_more_voices_is_not_accused_sooner(diarization: Diarization, expected: int) -> None:
    strict, lenient = judge(diarization, expected), judge(diarization, expected + 1)
    assert lenient.voices == strict.voices
    assert not (lenient.outcome is Outcome.MULTIPLE_VOICES and strict.outcome is not Outcome.MULTIPLE_VOICES)
    assert lenient.outcome is not Outcome.VOICE_CHANGED
