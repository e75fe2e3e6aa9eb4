"""What is drawn from a seed: the same each time, for everybody in turn, and only while it can disturb."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone_client.simulate import strikes
from undertone_client.simulate.schedule import IN_THE_TAB, KINDS, Client, Schedule, draw
from undertone_client.simulate.strikes import Kill, Outage, Strike


def drawn(seed: int, candidates: int = 20, proctors: int = 5, span_ms: int = 12_000) -> Schedule:
    kinds = tuple(KINDS)
    return draw(seed, candidates=candidates, proctors=proctors, span_ms=span_ms, speed=10, kinds=kinds, rubbish_sorts=3)


@given(st.integers(), st.integers(1, 50), st.integers(1, 20), st.integers(100, 10_000_000))
def test_the_same_seed_gives_the_same_schedule(seed: int, candidates: int, proctors: int, span_ms: int) -> None:
    schedule = drawn(seed, candidates, proctors, span_ms)
    assert schedule == drawn(seed, candidates, proctors, span_ms)
    assert [fault.at_ms for fault in schedule.faults] == sorted(fault.at_ms for fault in schedule.faults)
    for fault in schedule.faults:
        if fault.client is not None:
            begins_ms = schedule.offsets_ms[fault.client.number - 1] if fault.client.role == "candidate" else 0
            assert begins_ms <= fault.at_ms < begins_ms + span_ms


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
    assert draw(1, candidates=3, proctors=1, span_ms=1000, speed=1).faults == ()


def test_a_kill_is_said_in_one_word(tmp_path: Path) -> None:
    assert strikes.read("4711") == Kill(target=4711)
    said = strikes.read("pidfile:/run/undertone.pid:every=20s:signal=stop:for=2.5s")
    assert said == Kill(Path("/run/undertone.pid"), every_s=20, signal=signal.SIGSTOP, for_s=2.5)
    pidfile = tmp_path / "pid"
    for pid in (17, 18):  # read anew each time
        pidfile.write_text(f"{pid}\n")
        assert Kill(pidfile).pid() == pid


@pytest.mark.parametrize("text", ["", "name", "12:every=never", "12:signal=FLY", "12:often", "pidfile:", "12:for=-1s"])
def test_a_kill_that_makes_no_sense_says_what_would(text: str) -> None:
    with pytest.raises(ValueError, match=r"needed|no signal|no seconds"):
        strikes.read(text)


def test_strikes_come_by_the_seed_and_stop_before_the_end() -> None:
    kills = (Kill(1, every_s=3), Kill(2, every_s=5))
    moments = strikes.draw(7, kills, 60_000)
    assert moments == strikes.draw(7, kills, 60_000)
    assert moments != strikes.draw(8, kills, 60_000)
    assert {strike.kill for strike in moments} == {0, 1}
    assert all(0 < strike.at_ms < 54_000 for strike in moments)


async def carried_out(kill: Kill) -> Outage:
    outages: list[Outage] = []
    await strikes.carry_out([kill], [Strike(100, 0)], time.monotonic(), lambda _: None, outages.append)
    [outage] = outages
    return outage


@pytest.mark.anyio
async def test_a_strike_says_from_when_to_when_the_process_was_away() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            stopped = await carried_out(Kill(process.pid, signal=signal.SIGSTOP, for_s=0.2, servers=["one"]))
            killed = await carried_out(Kill(process.pid, restart=lambda: time.sleep(0.3)))
        finally:
            process.kill()
    assert stopped.at_ms >= 100
    assert stopped.until_ms is not None
    assert stopped.until_ms - stopped.at_ms >= 200
    assert stopped.servers == ["one"]
    assert killed.until_ms is not None
    assert killed.until_ms - killed.at_ms >= 300
    assert killed.servers is None


@pytest.mark.anyio
async def test_nobody_says_when_what_somebody_else_starts_is_back() -> None:
    with subprocess.Popen(["sleep", "60"]) as process, subprocess.Popen(["sleep", "60"]) as other:
        try:
            assert (await carried_out(Kill(process.pid))).until_ms is None
            assert (await asyncio.wait_for(carried_out(Kill(other.pid, restart="true")), 10)).until_ms is None
        finally:
            process.kill()
            other.kill()
