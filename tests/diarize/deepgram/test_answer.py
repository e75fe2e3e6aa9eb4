"""Answers of every shape: turns that make sense, or an error that says why not."""

from __future__ import annotations

import itertools
import json
from typing import Any

import hypothesis.strategies as st
import orjson
import pytest
from hypothesis import given

from tests.diarize.deepgram.test_table import CLIP, TWO
from tests.standins.deepgram import transcript
from undertone.core.verdict import Outcome, judge
from undertone.diarize.base import AnalysisError
from undertone.diarize.deepgram.answer import read

NUMBERS = st.one_of(
    st.floats(-5, 70), st.integers(-5, 70), st.floats(allow_nan=False), st.just(1e308), st.integers(-(2**70), 2**70)
)
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
WORD = st.fixed_dictionaries(
    {"start": NUMBERS, "end": NUMBERS},
    optional={"speaker": NUMBERS | st.none(), "speaker_confidence": NUMBERS | st.none(), "word": ANYTHING},
)
GOOD_WORD = st.builds(
    lambda start, length, speaker, sure: {
        "start": start,
        "end": min(start + length, 60.5),
        "speaker": speaker,
        "speaker_confidence": sure,
    },
    st.floats(0, 60),
    st.floats(0, 3),
    st.none() | st.integers(-1, 4),
    st.none() | st.floats(-1, 2),
)


def of(words: Any) -> bytes:
    return dumps({"results": {"channels": [{"alternatives": [{"words": words}]}]}})


def dumps(value: Any) -> bytes:
    return json.dumps(value).encode()  # orjson knows no number past 64 bits


@given(st.one_of(ANYTHING, ANYTHING.map(of).map(lambda body: body.decode())))
def test_whatever_comes_is_turns_or_a_named_error(value: Any) -> None:
    body = value.encode() if isinstance(value, str) else dumps(value)
    try:
        heard = read(body, CLIP)
    except AnalysisError:
        return
    judge(heard)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_json(body: bytes) -> None:
    with pytest.raises(AnalysisError):
        read(body, CLIP)


@given(st.lists(WORD, max_size=6))
def test_words_with_any_numbers(words: list[dict[str, Any]]) -> None:
    try:
        heard = read(of(words), CLIP)
    except AnalysisError:
        return
    assert all(0 <= word["start"] <= word["end"] <= 61.1 for word in words)
    judge(heard)


@given(st.lists(GOOD_WORD, max_size=30))
def test_turns_lie_within_the_window_and_one_speaker_never_overlaps(words: list[dict[str, Any]]) -> None:
    if words and all(word["speaker"] in (None, -1) for word in words):
        with pytest.raises(AnalysisError, match="not diarized"):
            read(of(words), CLIP)
        return
    heard = read(of(words), CLIP)
    assert {turn.speaker for turn in heard.turns} <= {word["speaker"] for word in words} - {None, -1}
    assert all(0 <= turn.start_ms < turn.end_ms <= 60_000 for turn in heard.turns)
    for speaker in {turn.speaker for turn in heard.turns}:
        mine = sorted(turn for turn in heard.turns if turn.speaker == speaker)
        assert all(a.end_ms < b.start_ms for a, b in itertools.pairwise(mine))
    assert heard.second_voice is None or 0 <= heard.second_voice <= 1
    verdict = judge(heard)
    assert set(range(verdict.voices)) == {turn.speaker for turn in verdict.turns}


def test_what_deepgram_says_of_its_speakers_is_how_sure_the_verdict_is() -> None:
    verdict = judge(read(orjson.dumps(transcript(TWO)), CLIP))
    assert (verdict.outcome, verdict.other_ms, verdict.confidence) == (Outcome.MULTIPLE_VOICES, 4_000, 0.7)
    unsaid = tuple((start, end, speaker, None) for start, end, speaker, _ in TWO)
    assert judge(read(orjson.dumps(transcript(unsaid)), CLIP)).confidence == 0.5


@pytest.mark.parametrize("metadata", [{"duration": 58.1}, {"duration": 61}, {"duration": None}, {}, None])
def test_a_duration_that_is_near_enough_or_unsaid(metadata: Any) -> None:
    assert judge(read(orjson.dumps({**transcript(TWO), "metadata": metadata}), CLIP)).voices == 2


def test_a_clip_that_was_heard_in_part_is_told_with_how_much() -> None:
    part = orjson.dumps({**transcript(()), "metadata": {"duration": 12.25}})
    with pytest.raises(AnalysisError, match=r"^Deepgram heard only 12\.2 of 60\.0 s$"):
        read(part, CLIP)


def test_a_vendor_that_is_never_sure_hides_nobody() -> None:
    unsure = tuple((start, end, speaker, 0.0) for start, end, speaker, _ in TWO)
    verdict = judge(read(orjson.dumps(transcript(unsure)), CLIP))
    assert (verdict.outcome, verdict.confidence) == (Outcome.MULTIPLE_VOICES, 0.5)
