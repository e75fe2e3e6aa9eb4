"""What is kept of a candidate's voice: small, versioned, and not to be talked over to somebody else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone.diarize.base import Place
from undertone.diarize.local import profile as profiles
from undertone.diarize.local.embedding import normalised
from undertone.diarize.local.profile import (
    LARGEST_BYTES,
    LEAST_SECONDS,
    LEAST_WINDOWS,
    Profile,
    Voice,
    after_silence,
    read,
    write,
)


def voice(seed: int, seconds: float = 6.0, windows: int = 1) -> Voice:
    return Voice(normalised(np.random.default_rng(seed).normal(size=256).astype(np.float32)), seconds, windows)


FULL = Profile(voice(1, 90.5, 12), voice(2, 4.0), voice(3, 1.7))


def same(one: Voice | None, other: Voice | None) -> bool:
    if one is None or other is None:
        return one is other
    alike = float(one.unit @ other.unit) > 0.9999
    return alike and one.windows == other.windows and abs(one.seconds - other.seconds) < 1e-3


@pytest.mark.parametrize(
    "profile",
    [
        Profile(),
        FULL,
        replace(FULL, rival=None),
        replace(FULL, tail=None),
        replace(FULL, tail_end=(2**31 - 1, 2**53)),
        Profile(tail=voice(3)),
        Profile(tail=voice(3), tail_end=(1, 60_000)),
    ],
)
def test_what_is_written_is_read(profile: Profile) -> None:
    kept = write(profile)
    assert len(kept) <= LARGEST_BYTES <= 4096
    again = read(kept)
    assert same(again.voice, profile.voice)
    assert same(again.rival, profile.rival)
    assert same(again.tail, profile.tail)
    assert again.tail_end == profile.tail_end


@pytest.mark.parametrize("stored", [None, b"", b"a voice", bytes(2000), write(FULL)[:-1], write(FULL) + b"\0"])
def test_what_is_no_profile_is_a_new_one(stored: bytes | None) -> None:
    assert read(stored) == Profile()


@given(st.integers(0, len(write(FULL)) - 1), st.integers(1, 255))
def test_a_damaged_one_is_begun_anew(place: int, flip: int) -> None:
    damaged = bytearray(write(FULL))
    damaged[place] ^= flip
    assert read(bytes(damaged)) == Profile()


@given(st.binary(max_size=3000))
def test_garbage_is_never_believed(stored: bytes) -> None:
    assert read(stored) == Profile()


def test_another_versions_or_other_networks_voices_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = write(FULL)
    with monkeypatch.context() as other:
        other.setattr(profiles, "_VERSION", 3)
        assert read(kept) == Profile()
    monkeypatch.setattr(profiles, "_networks", lambda: b"newer one")
    assert read(kept) == Profile()


def test_numbers_that_are_no_voice_are_refused_even_with_a_right_checksum() -> None:
    for broken in (replace(voice(1), seconds=float("nan")), replace(voice(1), unit=voice(1).unit * 3)):
        assert read(write(Profile(broken))) == Profile()


def test_words_before_a_window_without_sound_go_on_in_none_behind_it() -> None:
    kept = read(after_silence(write(FULL)))
    assert kept.tail is None
    assert same(kept.voice, FULL.voice)
    assert after_silence(None) is None
    assert after_silence(b"another engine's") == b"another engine's"


@given(st.integers(1, 3), st.integers(0, 2), st.integers(1, 3), st.integers(0, 2))
def test_words_go_on_only_where_the_window_with_them_ends(stream: int, end: int, next_stream: int, start: int) -> None:
    left = FULL.leaving(Place(stream, 0, 60_000 * end))
    told = read(write(left)).entering(Place(next_stream, 60_000 * start, 60_000 * (start + 1)))
    assert (told.tail is not None) == ((stream, end) == (next_stream, start))
    assert same(told.voice, FULL.voice)
    assert same(told.rival, FULL.rival)


def test_words_of_windows_that_nobody_places_go_on_in_one_another_alone() -> None:
    unplaced = read(write(FULL.leaving(None)))
    assert same(unplaced.entering(None).tail, FULL.tail)
    assert unplaced.entering(Place(1, 0, 60_000)).tail is None


def test_the_first_who_speaks_for_long_enough_is_the_candidate() -> None:
    profile = Profile().heard(voice(1, LEAST_SECONDS), like_voice=False, like_rival=False)
    assert profile.candidate is None, f"one window of {LEAST_WINDOWS}"
    profile = profile.heard(voice(1, 1.0), like_voice=True, like_rival=False)
    assert profile.candidate is not None
    assert (profile.candidate.seconds, profile.candidate.windows) == (LEAST_SECONDS + 1, 2)


def test_a_mean_is_weighted_by_seconds() -> None:
    long, short = voice(1, 30), voice(2, 3)
    both = long.with_more(short)
    assert float(both.unit @ long.unit) > 0.99
    assert (both.seconds, both.windows) == (33, 2)


def test_somebody_who_spoke_first_but_once_does_not_become_the_candidate() -> None:
    profile = Profile().heard(voice(1, 4), like_voice=False, like_rival=False)
    profile = profile.heard(voice(2, 7), like_voice=False, like_rival=False)
    assert profile.candidate is None
    profile = profile.heard(voice(2, 7), like_voice=False, like_rival=True)
    assert profile.candidate is not None
    assert float(profile.candidate.unit @ voice(2).unit) > 0.99
    assert profile.rival is None


def test_two_rivals_do_not_add_up() -> None:
    profile = Profile().heard(voice(1, 4), like_voice=False, like_rival=False)
    for seed in (2, 3, 4):
        profile = profile.heard(voice(seed, 9), like_voice=False, like_rival=False)
    assert profile.candidate is None


def test_an_established_voice_never_gives_way_however_long_another_speaks() -> None:
    known = Profile(voice(1, 20, 3))
    profile = known
    for _ in range(50):
        profile = profile.heard(voice(2, 30), like_voice=False, like_rival=True)
    assert same(profile.voice, known.voice)
    assert profile.rival is None
