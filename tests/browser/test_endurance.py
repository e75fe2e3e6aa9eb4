"""How growth is read from an hour's looks; the hour itself is `make endurance`."""

from __future__ import annotations

import pytest

from tests.bench.load.figures import Slope
from tests.browser.endurance import COLUMNS, WARM_UP_S, Look, growth, slopes, windows_due

STEADY, WARMING, LATE, *_ = COLUMNS


def _looks(minutes: int) -> list[Look]:
    """One column grows by 7 KiB a minute, one only at first, one only in the last half hour of an hour."""
    found = []
    for minute in range(minutes):
        kib = dict.fromkeys(COLUMNS, 900.0)
        kib[STEADY] += 7 * minute + minute % 2
        kib[WARMING] += 400 * min(minute, 5)
        kib[LATE] += 3 * max(0, minute - 30)
        found.append(Look(30.0 + 60 * minute, kib, minute))
    return found


def test_what_grows_is_told_from_what_was_only_warming_up() -> None:
    looks = _looks(60)
    steady = growth(looks, STEADY, WARM_UP_S)
    assert steady is not None
    assert steady.a_minute == pytest.approx(7, abs=0.02)
    assert 0 < steady.give_or_take < 0.1
    warm, late = growth(looks, WARMING, WARM_UP_S), growth(looks, LATE, 30 * 60)
    assert warm == Slope(0.0, 0.0)
    assert late is not None
    assert late.a_minute == pytest.approx(3)


def test_each_column_has_its_line_and_a_short_exam_has_no_slopes() -> None:
    [head, steady, warming, *_] = slopes(_looks(60))
    assert head.split() == ["KiB", "a", "minute", "(95", "%)", "after", "5", "minutes", "second", "half"]
    assert steady.startswith(STEADY)
    assert steady.count("+7.0") == 2
    assert warming.split("+0.00 ± 0.00")[0].strip() == WARMING
    assert all(line.count("too short") == 2 for line in list(slopes(_looks(3)))[1:])


def test_a_gap_ends_a_window_early() -> None:
    assert windows_due([], 3_615_000) == 61
    assert windows_due([(90_000, 2_000)], 300_000) == 2 + 4
    assert windows_due([(60_000, 700), (180_700, 500)], 181_300) == 1 + 2 + 1
