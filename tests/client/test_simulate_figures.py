"""How long it took, from the records of a run."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.client.simulated import SPOKEN_AT, a_good_run, a_recording
from undertone_client.simulate.figures import (
    BOUNDS_MS,
    Latency,
    first_to_last,
    latency,
    spoken_to_pushed,
    spoken_to_stored,
    written_to_received,
)


def test_the_ways_are_timed_from_the_last_byte_of_a_window(tmp_path: Path) -> None:
    record = a_good_run(a_recording(tmp_path))
    assert spoken_to_stored(record) == [40, 40]
    assert sorted(spoken_to_pushed(record)) == [300, 300, 305, 305]
    assert first_to_last(record) == [5] * 4  # the first one itself is no sample
    written_ms = 1_767_225_600_000  # 2026-01-01
    received = written_to_received(record, written_ms - SPOKEN_AT)
    assert sorted(received) == [40, 45, 300, 305, 1040, 1045, 1300, 1305]


@given(st.lists(st.integers(0, 10_000), min_size=1))
def test_percentiles_are_samples_by_the_nearest_rank(samples: list[int]) -> None:
    figures = latency(samples)
    assert figures is not None
    ordered = sorted(samples)
    assert figures.max_ms == ordered[-1]
    for percent, value in ((50, figures.p50_ms), (90, figures.p90_ms), (99, figures.p99_ms)):
        assert value in samples
        assert sum(sample <= value for sample in samples) * 100 >= percent * len(samples)
        assert sum(sample < value for sample in samples) * 100 < percent * len(samples)


def test_no_samples_have_no_percentiles() -> None:
    assert latency([]) is None
    bars = [1] + [0] * len(BOUNDS_MS)
    assert latency([5]) == Latency(count=1, p50_ms=5, p90_ms=5, p99_ms=5, max_ms=5, histogram=bars)
