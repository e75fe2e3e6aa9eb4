"""Waiting between attempts."""

from __future__ import annotations

from random import Random
from statistics import mean

from hypothesis import given
from hypothesis import strategies as st

from undertone_client.session import Backoff
from undertone_client.session.backoff import FIRST_MS, LONGEST_MS, STEADY_MS


@given(st.integers(), st.integers(1, 200))
def test_waits_stay_below_a_ceiling_that_doubles(seed: int, attempts: int) -> None:
    backoff = Backoff(Random(seed))
    for attempt in range(attempts):
        assert 0 <= backoff.failed(0) <= min(LONGEST_MS, FIRST_MS * 2**attempt)


def test_the_first_retry_is_spread_too() -> None:
    firsts = [Backoff(Random(seed)).failed(0) for seed in range(1000)]
    assert min(firsts) < FIRST_MS // 20
    assert max(firsts) > FIRST_MS * 19 // 20
    assert abs(mean(firsts) - FIRST_MS / 2) < FIRST_MS / 20


def test_the_same_seed_waits_the_same() -> None:
    one, other = Backoff(Random(7)), Backoff(Random(7))
    assert [one.failed(0) for _ in range(10)] == [other.failed(0) for _ in range(10)]


@given(st.integers(), st.integers(0, 10**7))
def test_the_server_is_left_alone_as_long_as_it_asks(seed: int, retry_after_ms: int) -> None:
    assert Backoff(Random(seed)).failed(0, retry_after_ms) >= retry_after_ms


def _ceiling(backoff: Backoff, now_ms: int) -> int:
    """The wait if the dice fall as high as they can."""
    backoff._random = Highest()
    return backoff.failed(now_ms)


class Highest(Random):
    def randint(self, a: int, b: int) -> int:
        return b


def test_a_connection_that_lasted_starts_afresh() -> None:
    backoff = Backoff(Random(1))
    for _ in range(5):
        backoff.failed(0)
    backoff.ready(1_000)
    assert _ceiling(backoff, 1_000 + STEADY_MS) == FIRST_MS


def test_a_server_that_takes_and_drops_is_not_hammered() -> None:
    backoff = Backoff(Random(1))
    for attempt in range(5):
        backoff.ready(attempt)
        backoff.failed(attempt + 1)
    assert _ceiling(backoff, 10) == LONGEST_MS
