"""The load itself, small and fast: it runs to its end, finds nothing lost, and would say so if there were."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.load import report
from tests.bench.load.figures import a_second, percentiles, slope
from tests.bench.load.plan import Orders, Plan, Post, ProctorSeen, Seen
from tests.bench.load.run import run
from tests.bench.load.speech import Speech
from tests.bench.load.stored import wrong_of_proctors


@pytest.mark.slow
def test_a_small_load_survives_the_kill(data_dir: Path) -> None:
    plan = Plan(candidates=20, proctors=4, meetings=2, minutes=0.5, together=False, speed=12)
    done = run(plan, data_dir, print)
    told = "\n".join(report.lines(done))
    assert done.found.wrong == [], told
    assert done.found.windows == 20 * len(done.speech.windows)
    assert {len(each.ready_at) for each in done.seen.candidates} == {2}, told
    assert {len(each.ready_at) for each in done.seen.proctors} == {2}, told
    assert "nothing was lost" in told


def test_the_speech_is_cut_as_the_server_cuts_it() -> None:
    speech = Speech(130)
    assert [window.spoken for window in speech.windows] == [250, 500, len(speech.frames)]
    assert [window.over for window in speech.windows] == [251, 501, len(speech.frames)]
    assert speech.windows[0].resume < 480_000  # the lead-in of the next is kept
    assert len({window.fingerprint for window in speech.windows}) == 3


def test_a_slope_is_found_in_what_swings() -> None:
    seconds = list(range(600))
    fit = slope(seconds, [1000 + second * 2 + second % 10 for second in seconds])
    assert fit is not None
    assert abs(fit.a_minute - 120) < fit.give_or_take + 0.1
    assert fit.give_or_take < 1
    assert slope(seconds[:30], seconds[:30]) is None


def test_figures_are_of_the_nearest_rank() -> None:
    assert percentiles([0.001, 0.002, 0.003, 0.4]) == "p50   2.0   p90   400   p99   400   max   400   of 4"
    assert a_second([10.5, 10.9, 12.1], 10) == [(0, 2), (1, 0), (2, 1)]


def test_a_missed_or_repeated_event_is_found() -> None:
    plan = Plan(candidates=0, proctors=1, meetings=1, minutes=1, together=False)
    orders = Orders(plan, 0, [], [Post("m", "secret")])
    good = ProctorSeen(first_id=3, last_id=9, events=7)

    def wrong(proctor: ProctorSeen) -> int:
        return len(wrong_of_proctors(orders, Seen([], [proctor], [], 0.24, 0, 0), {"m": 9}))

    assert wrong(good) == 0
    assert wrong(replace(good, events=6)) == 1
    assert wrong(replace(good, last_id=8)) == 1
    assert wrong(replace(good, repeated=1)) == 1
