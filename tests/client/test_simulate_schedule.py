"""What is drawn from a seed: the same each time, for everybody in turn, and only while it can disturb."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from undertone_client.simulate.schedule import IN_THE_TAB, KINDS, Client, Schedule, draw


def drawn(seed: int, candidates: int = 20, proctors: int = 5, span_ms: int = 12_000) -> Schedule:
    kinds = tuple(KINDS)
    spans_ms = [span_ms] * candidates
    return draw(seed, spans_ms=spans_ms, proctors=proctors, speed=10, kinds=kinds, rubbish_sorts=3)


@given(st.integers(), st.integers(1, 50), st.integers(1, 20), st.integers(100, 10_000_000))
def test_the_same_seed_gives_the_same_schedule(seed: int, candidates: int, proctors: int, span_ms: int) -> None:
    schedule = drawn(seed, candidates, proctors, span_ms)
    assert schedule == drawn(seed, candidates, proctors, span_ms)
    assert [fault.at_ms for fault in schedule.faults] == sorted(fault.at_ms for fault in schedule.faults)
    for fault in schedule.faults:
        if fault.client is not None:
            begins_ms = schedule.offsets_ms[fault.client.number - 1] if fault.client.role == "candidate" else 0
            assert begins_ms <= fault.at_ms < begins_ms + span_ms


def test_different_seeds_give_different_schedules() -> None:
    schedules = {(drawn(seed).offsets_ms, drawn(seed).faults) for seed in range(200)}
    assert len(schedules) == 200


def test_many_seeds_strike_every_kind_and_everybody() -> None:
    assert len({drawn(seed).faults for seed in range(20)}) == 20
    faults = [fault for seed in range(50) for fault in drawn(seed).faults]
    assert {fault.kind for fault in faults} == set(KINDS)
    everybody = {Client("candidate", n) for n in range(1, 21)} | {Client("proctor", n) for n in range(1, 6)}
    assert {fault.client for fault in faults if fault.client} == everybody


def test_a_line_has_one_fault_at_a_time() -> None:
    for seed in range(50):
        until: dict[Client | None, int] = {}
        for fault in drawn(seed).in_the_line:
            assert fault.kind not in IN_THE_TAB
            assert fault.at_ms >= until.get(fault.client, 0)
            until[fault.client] = fault.at_ms + fault.for_ms


def test_without_kinds_nothing_goes_wrong() -> None:
    assert draw(1, spans_ms=[1000] * 3, proctors=1, speed=1).faults == ()


def test_what_goes_wrong_with_one_kind_is_only_that_kind() -> None:
    schedule = draw(1, spans_ms=[10_000] * 10, proctors=4, speed=1, kinds=("cut",))
    assert {fault.kind for fault in schedule.faults} == {"cut"}
    assert len(schedule.faults) == 3  # a fifth of those it can strike
    assert schedule.in_the_line == schedule.faults


def test_every_sort_of_rubbish_is_sent_once() -> None:
    schedule = draw(1, spans_ms=[10_000], proctors=1, speed=1, kinds=("rubbish",), rubbish_sorts=15)
    assert sorted(fault.value for fault in schedule.faults) == list(range(15))
    assert {fault.client for fault in schedule.faults} == {None}


def test_only_whose_buffer_is_to_overflow_has_a_small_one() -> None:
    schedule = drawn(3)
    struck = {fault.client.number for fault in schedule.faults if fault.kind == "overflow" and fault.client}
    assert schedule.small_buffers == struck
    assert 0 < len(struck) < 20


@given(st.integers(), st.integers(1, 6), st.integers(1, 3), st.integers(100, 100_000))
def test_a_kind_that_strikes_nobody_is_named(seed: int, candidates: int, proctors: int, span_ms: int) -> None:
    schedule = drawn(seed, candidates, proctors, span_ms)
    assert {fault.kind for fault in schedule.faults} == set(KINDS) - set(schedule.left_out)


def test_two_candidates_suffer_every_kind_if_they_speak_for_long_enough() -> None:
    assert [drawn(seed, 2, 1, 120_000).left_out for seed in range(100)] == [()] * 100
    assert any(drawn(seed, 1, 1, 2_000).left_out for seed in range(100))


def test_who_speaks_for_less_suffers_only_while_it_speaks() -> None:
    spans_ms = [20_000, 2_000, 5_000]
    struck = set()
    for seed in range(50):
        schedule = draw(seed, spans_ms=spans_ms, proctors=1, speed=10, kinds=tuple(KINDS))
        for fault in schedule.faults:
            if fault.client is not None and fault.client.role == "candidate":
                begins_ms = schedule.offsets_ms[fault.client.number - 1]
                assert begins_ms <= fault.at_ms < begins_ms + spans_ms[fault.client.number - 1]
                struck.add(fault.client.number)
    assert struck == {1, 2, 3}
