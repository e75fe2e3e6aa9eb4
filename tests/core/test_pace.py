"""Anchoring a stream in wall-clock time, and how fast it may come."""

from hypothesis import given
from hypothesis import strategies as st

from undertone.core.pace import CREDIT_MS, LATE_FOR_MS, Anchor, Credit

T0 = 1_700_000_000_000


def test_the_smallest_arrival_minus_media_time_is_the_anchor() -> None:
    anchor = Anchor(None, T0)
    for media_ms, arrival_ms in [(1000, T0 + 3000), (2000, T0 + 3500), (3000, T0 + 6000)]:
        assert anchor.arrived(media_ms, arrival_ms) is None
    assert anchor.at_ms == T0 + 1500


def test_nothing_was_recorded_before_the_participant_existed() -> None:
    anchor = Anchor(None, T0)
    anchor.arrived(60_000, T0 + 1000)  # sixty times real time: a file
    assert anchor.at_ms == T0


def test_a_stream_that_stays_late_is_anchored_anew_and_told_by_how_much() -> None:
    anchor = Anchor(T0, T0)
    late_ms = 20_000
    told = [anchor.arrived(media, T0 + media + late_ms) for media in range(0, 2 * LATE_FOR_MS, 250)]
    assert [ms for ms in told if ms] == [late_ms]
    assert anchor.at_ms == T0 + late_ms


def test_a_backlog_that_catches_up_is_not_lateness() -> None:
    anchor = Anchor(T0, T0)
    now_ms, media_ms = T0 + 600_000, 0
    while media_ms < now_ms - T0 - 1000:  # resent at twice real time, ten minutes behind
        assert anchor.arrived(media_ms, now_ms) is None
        media_ms, now_ms = media_ms + 500, now_ms + 250
    assert anchor.at_ms == T0


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 2000)), min_size=1, max_size=200))
def test_the_anchor_never_lies_before_the_floor_nor_after_an_arrival(steps: list[tuple[int, int]]) -> None:
    anchor = Anchor(None, T0)
    media_ms, now_ms = 0, T0
    for media_step, time_step in steps:
        media_ms, now_ms = media_ms + media_step, now_ms + time_step
        anchor.arrived(media_ms, now_ms)
        assert anchor.at_ms is not None
        assert T0 <= anchor.at_ms <= max(T0, now_ms - media_ms)


def test_twenty_minutes_come_at_once_and_then_four_times_real_time() -> None:
    credit = Credit(4, at_ms=T0)
    credit.spend(CREDIT_MS)
    wait_ms = credit.wait_ms(T0)
    assert wait_ms > 0
    assert credit.wait_ms(T0 + wait_ms) == 0
    assert 59_000 < credit.left_ms < 61_000  # a minute's worth when it comes back, not a message's


def test_real_time_never_waits_and_no_limit_is_none() -> None:
    credit, free = Credit(4, at_ms=T0), Credit(0)
    for second in range(7200):
        assert credit.wait_ms(T0 + second * 1000) == 0
        credit.spend(1000)
        assert free.wait_ms(T0) == 0
        free.spend(1_000_000)
