"""How much one address may create."""

from __future__ import annotations

import pytest

from undertone.core.errors import RateLimited
from undertone.web import limits
from undertone.web.addresses import counted
from undertone.web.limits import CreationLimit


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_at_once_then_one_by_one() -> None:
    clock = Clock()
    limit = CreationLimit(60, clock)
    for _ in range(60):
        limit.take("10.0.0.1")
    with pytest.raises(RateLimited) as caught:
        limit.take("10.0.0.1")
    assert "60 meetings and participants a minute" in caught.value.detail
    assert caught.value.retry_after_ms is not None
    assert 1000 <= caught.value.retry_after_ms <= 11_001
    limit.take("10.0.0.2")
    clock.now = 1.0
    limit.take("10.0.0.1")
    with pytest.raises(RateLimited):
        limit.take("10.0.0.1")


def test_being_refused_costs_nothing() -> None:
    clock = Clock()
    limit = CreationLimit(1, clock)
    limit.take("a")
    for clock.now in range(1, 60):
        with pytest.raises(RateLimited):
            limit.take("a")
    clock.now = 60.0
    limit.take("a")


def test_zero_is_no_limit() -> None:
    limit = CreationLimit(0)
    for _ in range(1000):
        limit.take("a")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ADDRESSES", 10)
    limit = CreationLimit(1, Clock())
    for number in range(100):
        limit.take(str(number))
    assert len(limit._buckets) == 10
    with pytest.raises(RateLimited):
        limit.take("99")


def test_an_ipv6_customer_counts_once() -> None:
    limit = CreationLimit(1, Clock())
    limit.take("2001:db8:1:2::1")
    with pytest.raises(RateLimited):
        limit.take("2001:db8:1:2:ffff::7")
    limit.take("2001:db8:1:3::1")


@pytest.mark.parametrize(
    ("host", "whom"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_whom_an_address_counts_for(host: str, whom: str) -> None:
    assert counted(host) == whom
