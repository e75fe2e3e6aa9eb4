from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone.core.times import parse_rfc3339, retry_after, rfc3339

NOW = datetime(2026, 5, 20, 8, 0, 0, tzinfo=UTC)
INSTANTS = st.datetimes(
    min_value=datetime(1000, 1, 2),  # noqa: DTZ001 (hypothesis adds the zone)
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


def test_it_is_utc_with_milliseconds() -> None:
    summer = timezone(timedelta(hours=2))
    assert rfc3339(datetime(2026, 7, 1, 11, 30, 0, 125_999, summer)) == "2026-07-01T09:30:00.125Z"
    assert rfc3339(datetime(2026, 3, 1, 9, tzinfo=UTC)) == "2026-03-01T09:00:00.000Z"


@given(INSTANTS)
def test_what_was_written_is_read_to_the_millisecond(instant: datetime) -> None:
    read = parse_rfc3339(rfc3339(instant))
    assert timedelta(0) <= instant - read < timedelta(milliseconds=1)
    assert read.tzinfo is UTC


@given(INSTANTS, INSTANTS)
def test_texts_sort_as_instants_do(one: datetime, other: datetime) -> None:
    if one <= other:
        assert rfc3339(one) <= rfc3339(other)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-03-01T09:00:00", "no time zone"),
        ("yesterday", "Invalid isoformat"),
        ("", "Invalid isoformat"),
        ("2026-03-01T25:00:00Z", "hour must be"),
    ],
)
def test_what_is_no_instant_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_rfc3339(text)


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        rfc3339(datetime(2026, 3, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("9" * 40, 999_999_999.0),
        (format_datetime(NOW + timedelta(seconds=9), usegmt=True), 9.0),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), 0.0),
        ("Wed, 20 May 2026 08:00:30 -0000", 30.0),
        ("Wed, 20 May 99999999999999999999 08:00:30 GMT", None),
    ],
)
def test_how_long_a_retry_after_asks_to_wait(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds
