"""The language of `diarizer`: what it says, and what is told to whoever says something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone.diarize.specification import KNOWN, Specification, Term, parse


@pytest.mark.parametrize(
    ("text", "terms", "engines"),
    [
        ("local", [Term("local")], ["local"]),
        ("Deepgram", [Term("deepgram")], ["deepgram"]),
        ("deepgram,local", [Term("deepgram"), Term("local")], ["deepgram", "local"]),
        (
            " deepgram , sherpa,local ",
            [Term("deepgram"), Term("sherpa"), Term("local")],
            ["deepgram", "sherpa", "local"],
        ),
        ("local+deepgram", [Term("local", "deepgram")], ["local", "deepgram"]),
        ("local + deepgram,sherpa", [Term("local", "deepgram"), Term("sherpa")], ["local", "deepgram", "sherpa"]),
        ("local+deepgram,deepgram", [Term("local", "deepgram"), Term("deepgram")], ["local", "deepgram"]),
    ],
)
def test_what_is_said(text: str, terms: list[Term], engines: list[str]) -> None:
    specification = parse(text)
    assert (specification.terms, list(specification.engines)) == (tuple(terms), engines)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("parrot", "unknown engine 'parrot': known are local, deepgram, sherpa"),
        ("local,parrot", "unknown engine 'parrot'"),
        ("local+parrot", "unknown engine 'parrot'"),
        ("local;deepgram", "unknown engine 'local;deepgram'"),
        ("(local,deepgram)+sherpa", "unknown engine '(local'"),
        ("", "is missing"),
        (",", "is missing"),
        ("local,", "is missing"),
        ("+deepgram", "is missing"),
        ("local++deepgram", "is missing"),
        ("local+deepgram+sherpa", "'local+deepgram+sherpa': one engine confirms another"),
        ("local+local", "can't confirm itself"),
        ("local,deepgram,local", "'local' is asked twice"),
        ("local,local+deepgram", "'local' is asked twice"),
    ],
)
def test_what_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError) as wrong:  # noqa: PT011  # the text is what is tested
        parse(text)
    assert told in str(wrong.value)
    assert "\n" not in str(wrong.value)


@given(st.lists(st.sampled_from([*KNOWN, "+", ",", " ", "x"]), max_size=9).map("".join))
def test_what_is_understood_is_said_in_one_way(text: str) -> None:
    try:
        specification = parse(text)
    except ValueError:
        return
    assert isinstance(specification, Specification)
    assert parse(str(specification)) == specification
