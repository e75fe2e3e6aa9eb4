"""How long it took: percentiles of the ways from a mouth to a proctor's eye."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

import msgspec

from undertone_client.simulate.record import Record

PERCENTILES: Final = (50, 90, 99, 100)
# From a loopback's milliseconds to a node that was away: thirds of decades, as eyes compare them.
BOUNDS_MS: Final = (5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds by the nearest rank; `count` samples."""

    count: int
    p50_ms: int
    p90_ms: int
    p99_ms: int
    max_ms: int
    histogram: list[int]  # samples up to each of BOUNDS_MS, and the rest


def latency(samples: Sequence[int]) -> Latency | None:
    """None without samples."""
    if not samples:
        return None
    ordered = sorted(samples)
    p50, p90, p99, longest = (ordered[-(-len(ordered) * percent // 100) - 1] for percent in PERCENTILES)
    edges = [bisect_right(ordered, bound) for bound in BOUNDS_MS]
    histogram = [after - before for before, after in pairwise([0, *edges, len(ordered)])]
    return Latency(count=len(ordered), p50_ms=p50, p90_ms=p90, p99_ms=p99, max_ms=longest, histogram=histogram)


def spoken_to_stored(record: Record) -> list[int]:
    """From a window's last byte handed over until its `stored` arrived, at the candidate."""
    return [
        at - stream.spoken_at[window]
        for candidate in record.candidates
        for stream in candidate.streams
        for window, at in stream.stored_at.items()
        if window in stream.spoken_at
    ]


def spoken_to_pushed(record: Record) -> list[int]:
    """From a window's last byte handed over until its verdict arrived, at each proctor."""
    spoken = {
        (candidate.participant, stream.number, window): at
        for candidate in record.candidates
        for stream in candidate.streams
        for window, at in stream.spoken_at.items()
    }
    samples = []
    for event_id, event in record.events.items():
        key = record.window_of(event)
        if event.kind != "window_judged" or key not in spoken:
            continue
        samples += [
            proctor.received_at[event_id] - spoken[key]
            for proctor in record.proctors
            if event_id in proctor.received_at
        ]
    return samples


def first_to_last(record: Record) -> list[int]:
    """From the first proctor that received an event to each of the others."""
    samples = []
    for event_id in record.events:
        times = sorted(proctor.received_at[event_id] for proctor in record.proctors if event_id in proctor.received_at)
        samples += [at - times[0] for at in times[1:]]
    return samples


def written_to_received(record: Record, clock_offset_ms: int) -> list[int]:
    """From when the database wrote an event until each proctor had it. Only true where both clocks are one.

    `clock_offset_ms` is the wall clock minus the monotonic one.
    """
    samples = []
    for event_id, event in record.events.items():
        written_ms = round(datetime.fromisoformat(event.at).timestamp() * 1000)
        samples += [
            at + clock_offset_ms - written_ms
            for proctor in record.proctors
            if (at := proctor.received_at.get(event_id)) is not None
        ]
    return samples
