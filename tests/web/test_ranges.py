"""Range requests, as RFC 9110 section 14 wants them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone.web.ranges import Range, Unsatisfiable, read_range


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-", 0, 1000),
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=990-5000", 990, 1000),
        ("bytes=-1", 999, 1000),
        ("bytes=-5000", 0, 1000),
        ("bytes= 10-19", 10, 20),
    ],
)
def test_one_range(header: str, start: int, end: int) -> None:
    asked = read_range(header, 1000)
    assert asked == Range(start, end, 1000)
    assert asked is not None
    assert asked.content_range == f"bytes {start}-{end - 1}/1000"


@pytest.mark.parametrize(
    "header", [None, "", "bytes=", "bytes=-", "bytes=2-1", "bytes=0-1,5-6", "items=0-1", "bytes=a-b"]
)
def test_what_is_no_range_of_ours_is_ignored(header: str | None) -> None:
    assert read_range(header, 1000) is None


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-1001", "bytes=-0"])
def test_a_range_without_a_byte_is_unsatisfiable(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        read_range(header, 1000)


@given(st.text(alphabet="bytes=-,0123456789 "), st.integers(0, 10**7))
def test_a_range_lies_within_the_clip(header: str, size: int) -> None:
    try:
        asked = read_range(header, size)
    except Unsatisfiable:
        return
    assert asked is None or 0 <= asked.start < asked.end <= size
