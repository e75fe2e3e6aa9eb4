"""The diarization error rate and the boundaries, on recordings short enough to count by hand."""

from __future__ import annotations

import pytest

pytest.importorskip("scipy", reason="the train extra is not installed")

from training.accuracy.turns import Boundary, Error, boundaries, error, joined

TRUTH = [(0.0, 4.0, 0), (4.0, 6.0, 1), (7.0, 10.0, 0)]


def parts(of: Error) -> tuple[float, float, float, float]:
    return of.missed, of.made_up, of.confused, of.speech


def test_what_is_said_as_it_was_is_no_error_whatever_the_speakers_are_called() -> None:
    renamed = [(start, end, 5 - who) for start, end, who in TRUTH]
    assert parts(error(TRUTH, renamed, 10)) == pytest.approx((0, 0, 0, 9))


def test_missed_made_up_and_confused_speech() -> None:
    said = [(1.0, 4.0, 0), (4.0, 5.0, 1), (5.0, 6.0, 0), (6.0, 10.0, 0)]
    assert parts(error(TRUTH, said, 10)) == pytest.approx((1, 1, 1, 9))


def test_all_given_to_one_speaker_confuses_the_other() -> None:
    assert parts(error(TRUTH, [(0.0, 10.0, 0)], 10)) == pytest.approx((0, 1, 2, 9))
    assert parts(error(TRUTH, [], 10)) == pytest.approx((9, 0, 0, 9))


def test_overlapped_speech_counts_for_both() -> None:
    truth = [(0.0, 5.0, 0), (2.0, 3.0, 1)]
    assert parts(error(truth, [(0.0, 5.0, 0)], 5)) == pytest.approx((1, 0, 0, 6))


def test_within_the_collar_nothing_counts() -> None:
    late = [(start + 0.2, end + 0.2, who) for start, end, who in TRUTH]
    assert parts(error(TRUTH, late, 10))[:3] != pytest.approx((0, 0, 0))
    # Half a second goes around 4.0, where speech is on both sides; a quarter at each of the other four boundaries.
    assert parts(error(TRUTH, late, 10, collar=0.25)) == pytest.approx((0, 0, 0, 9 - 0.5 - 4 * 0.25))


def test_boundaries_are_late_or_early_by_seconds() -> None:
    said = [(0.0, 4.1, 3), (4.1, 5.8, 8), (7.0, 10.0, 3)]
    found, unfound = boundaries(TRUTH, said, 10, 0.3)
    assert unfound == 0
    assert [one.starts for one in found] == [True, False]
    assert [one.late for one in found] == pytest.approx([0.1, -0.2])


def test_a_turn_of_which_nothing_is_told_is_counted() -> None:
    truth = [*TRUTH, (6.5, 6.9, 1)]
    found, unfound = boundaries(truth, [(0.0, 4.0, 0), (4.0, 6.0, 1), (7.0, 10.0, 0)], 10, 0.3)
    assert unfound == 1
    assert found == [Boundary(0.0, starts=True), Boundary(0.0, starts=False)]


def test_a_turn_at_the_edge_of_the_window_has_one_boundary() -> None:
    truth = [(0.0, 2.0, 1), (2.0, 9.0, 0)]
    found, _ = boundaries(truth, [(0.0, 2.2, 1), (2.2, 9.0, 0)], 9, 0.3)
    assert [one.starts for one in found] == [False]


def test_longer_pauses_part_a_turn() -> None:
    spoken = [(0.0, 1.0, 0), (1.2, 2.0, 0), (2.5, 3.0, 0), (1.0, 1.2, 1)]
    assert joined(spoken, 0, 0.3) == [(0.0, 2.0), (2.5, 3.0)]
    assert joined(spoken, 0, 1.0) == [(0.0, 3.0)]
