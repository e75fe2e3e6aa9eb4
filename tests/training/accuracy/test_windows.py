"""A window's truth, and that what is kept gives the same verdict as what is heard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the train extra is not installed")

from tests.diarize.speech import TWO_VOICES, minute
from training.accuracy.judging import PLAN
from training.accuracy.windows import Listener, Person, Truth
from undertone.diarize.local import decision, observation
from undertone.diarize.local.decode import decode
from undertone.diarize.local.fbank import Samples

ANN, BOB = Person("ann", "F", "c", "en", 7), Person("bob", "M", "c", "en")
TRUTH = Truth("w-0", "turns", 60.0, (ANN, BOB), ((0.0, 50.0, 0), (50.0, 70.0, 1)), level_db=-6.0, noises=("fan",))


def nothing() -> Samples:
    raise AssertionError("the window should be kept")


def test_a_part_of_a_recording_holds_what_is_said_in_it() -> None:
    whole = replace(TRUTH, name="w", seconds=120.0)
    first, second = whole.part(0, 0.0, 60.0), whole.part(1, 60.0, 60.0)
    assert (first.name, first.segments) == ("w-0", ((0.0, 50.0, 0), (50.0, 60.0, 1)))
    assert (second.name, second.segments) == ("w-1", ((0.0, 10.0, 1),))
    assert (first.second_seconds, second.second_seconds) == (10.0, 10.0)
    assert second.others == (BOB,)
    assert not whole.part(1, 110.0, 10.0).others


def test_too_little_of_a_second_voice_is_not_scored() -> None:
    assert TRUTH.part(1, 69.6, 60.0).edge
    assert not TRUTH.part(1, 69.4, 60.0).edge
    assert not TRUTH.part(1, 80.0, 60.0).edge, "none at all is a window with one voice"


def test_what_is_kept_is_judged_like_what_is_heard(tmp_path: Path) -> None:
    samples: Samples = decode(minute(TWO_VOICES))[: 20 * 16_000]
    kept = Listener(tmp_path)
    fresh = Listener(None).judge(TRUTH, lambda: samples)
    once = kept.judge(TRUTH, lambda: samples)
    again = kept.judge(TRUTH, nothing)
    assert once.heard == again.heard
    assert (once.alarm, once.verdict.voices) == (fresh.alarm, fresh.verdict.voices)
    assert once.probability == pytest.approx(fresh.probability, abs=0.02), "kept in half precision"
    assert kept.recall("w-0") == TRUTH
    assert kept.recall("w-1") is None
    assert kept.agrees(TRUTH, samples)
    assert not kept.agrees(TRUTH, samples[: 10 * 16_000])
    assert not kept.agrees(replace(TRUTH, seconds=59.0), samples)


def test_a_second_look_is_kept_beside_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples: Samples = decode(minute(TWO_VOICES))[: 30 * 16_000]
    kept = Listener(tmp_path)
    sure = kept.judge(TRUTH, lambda: samples)
    monkeypatch.setattr(decision, "_IN_DOUBT", (-100.0, 100.0))
    asked = []

    def sound() -> Samples:
        asked.append(True)
        return samples

    once = kept.judge(TRUTH, sound)
    assert asked == [True]
    assert once.probability != sure.probability
    assert kept.judge(TRUTH, nothing).heard == once.heard
    assert kept.agrees(TRUTH, samples)
    monkeypatch.setattr(observation, "_MOVED", 0.2)
    assert not kept.agrees(TRUTH, samples)
    monkeypatch.undo()
    monkeypatch.setattr(decision, "_IN_DOUBT", (-100.0, 100.0))
    assert once.probability == pytest.approx(Listener(None).judge(TRUTH, lambda: samples).probability, abs=0.02)


def test_silence_is_kept_as_such(tmp_path: Path) -> None:
    quiet = np.zeros(3 * 16_000, np.float32)
    kept = Listener(tmp_path)
    first = kept.judge(TRUTH, lambda: quiet, b"profile")
    again = kept.judge(TRUTH, nothing, b"profile")
    assert first.heard == again.heard
    assert again.heard.silent
    assert again.heard.profile == b"profile"
    assert kept.agrees(TRUTH, quiet)


def test_rare_kinds_have_hundreds_of_windows() -> None:
    rare = ("overlap", "short_turns", "telephone_conversation", "emotion", "cough", "noise_5_to_10")
    assert all(PLAN[kind] >= 300 for kind in rare)
