"""Simulated windows and exams: the same again, of people and noises that nothing was fitted on, with a true truth."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the train extra is not installed")

from training import sources
from training.accuracy.exams import Sitting
from training.accuracy.judging import PLAN, JudgingStudio

pytestmark = [pytest.mark.shared, pytest.mark.slow]


@pytest.fixture(scope="module")
def studio() -> JudgingStudio:
    return JudgingStudio()


@pytest.mark.parametrize("kind", PLAN)
def test_a_window_comes_again_and_is_of_judging_speakers(studio: JudgingStudio, kind: str) -> None:
    fitted = {voice.name for voice in sources.voices("fit")}
    (truth, samples), (again, same) = studio.window(kind, 3), studio.window(kind, 3)
    assert truth == again
    assert np.array_equal(samples, same)
    assert len(samples) == 60 * 16_000
    assert not fitted & {person.name for person in truth.people}
    assert (truth.second_seconds > 0) == (kind in TWO)
    assert truth.second_seconds == 0 or truth.second_seconds >= 0.5, "nobody could say what is right"


TWO = {
    *("overlap", "short_turns", "telephone_conversation", "two_noise_5_to_10", "far", "two_sparse", "conversation"),
    *("turns", "three"),
}


def test_noise_stands_where_its_name_says(studio: JudgingStudio) -> None:
    for number in range(5):
        truth, _ = studio.window("noise_5_to_10", number)
        assert truth.snr_db is not None
        assert 5 <= truth.snr_db <= 10
        assert truth.noises


def test_exams_come_again_and_hold_what_they_say() -> None:
    voices = [voice for voice in sources.voices("judge") if voice.seconds >= 2.5]
    noises = sources.noises("judge")
    kinds = set()
    for number in range(6):
        sitting = Sitting(voices, noises, number)
        whole = sitting.truth()
        assert 20 <= sitting.exam.minutes <= 60
        assert whole.second_seconds > 0 or not sitting.exam.intrusions
        for intrusion in sitting.exam.intrusions:
            kinds.add(intrusion.kind)
            touched = [int(intrusion.start // 60), int(intrusion.end // 60)]
            parts = [whole.part(minute, minute * 60.0, 60.0) for minute in touched]
            assert all(part.second_seconds > 0 for part in parts)
            if intrusion.kind == "across a border":
                assert touched[0] + 1 == touched[1]
            if intrusion.kind in ("alone", "across a border"):
                assert all(who > 0 for part in parts for _, _, who in part.segments)
    assert len(kinds) >= 2
    again = Sitting(voices, noises, 5)
    assert again.truth() == whole
    assert np.array_equal(again.minute(7), sitting.minute(7))
    coded = Sitting(voices, noises, 10)
    assert np.array_equal(coded.minute(0), coded.minute(0)), "whenever it is asked for"
