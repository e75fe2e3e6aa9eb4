"""When another attempt is made, and when: no clock, no chance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone.diarize.deepgram import retries


def test_which_statuses_pass_and_which_are_the_operators() -> None:
    assert [status for status in range(100, 600) if retries.passes(status)] == [408, 422, 429, *range(500, 600)]
    assert [status for status in range(100, 600) if retries.refused(status)] == [401, 402, 403, 404]


@given(st.integers(1, 40), st.floats(0, 1))
def test_pauses_are_spread_from_nothing_to_twice_the_one_before_within_bounds(attempts: int, spread: float) -> None:
    pause = retries.pause(attempts, spread, None)
    most = min(retries.LONGEST_PAUSE_S, retries.FIRST_PAUSE_S * 2 ** (attempts - 1))
    assert pause == spread * most


@given(st.integers(1, 40), st.floats(0, 1), st.floats(0, 1e6))
def test_never_before_what_the_vendor_asks_for(attempts: int, spread: float, after: float) -> None:
    assert after <= retries.pause(attempts, spread, after) <= after + retries.LONGEST_PAUSE_S


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"err_code":"INVALID_AUTH","err_msg":"Invalid credentials."}', "INVALID_AUTH, Invalid credentials."),
        (b'{"category":"INVALID_JSON","message":"No.","details":"line 7"}', "INVALID_JSON, No., line 7"),
        (b'{"error_code":"Service Unavailable"}', "Service Unavailable"),
        (b'{"err_msg": 7}', ""),
        (b"[]", ""),
        (b"<html>", ""),
        (b"\xff", ""),
        (b'{"err_msg":"' + b"x" * 500 + b'"}', "x" * 120),
    ],
)
def test_what_the_vendor_says_itself(body: bytes, said: str) -> None:
    assert retries.words(body) == said
    assert retries.reason(500, body) == f"Deepgram could not answer (500{': ' + said if said else ''})"
