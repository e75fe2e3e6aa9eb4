"""Whose window is it: leases that are kept, lost and given back, and workers that die with one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import anyio
import psutil
import pytest

from tests.serving import ROOT
from tests.worker.lab import WITHIN_S, Lab, until_judged

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_a_long_analysis_keeps_its_lease(lab: Lab) -> None:
    await lab.window("slow 2", 0)
    await until_judged(lab, 1, lab.loop(lease_s=0.6, renew_s=0.1), lab.loop(lease_s=0.6, renew_s=0.1))
    row = await lab.exam.row(0)
    assert (row["attempts"], row["lease"]) == (1, 1)


async def test_a_lease_that_is_somebody_elses_ends_the_work_on_it(lab: Lab) -> None:
    await lab.window("slow 600", 0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lab.loop(renew_s=0.1).run)
        await lab.leased()
        await lab.exam.sql("update windows set lease = lease + 1, leased_until = now() + interval '1 hour'")
        await lab.exam.candidate("bob")
        await lab.window("one", 0, "bob")
        await lab.judged(1)
        tasks.cancel_scope.cancel()
    assert [event["participant"] for event in await lab.exam.events()] == ["bob"]


async def test_a_loop_that_is_told_to_stop_finishes_what_it_has(lab: Lab) -> None:
    await lab.window("slow 1", 0)
    await lab.window("one", 1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lab.loop().run)
        await lab.leased()
        tasks.cancel_scope.cancel()
    assert (await lab.exam.row(0))["outcome"] == "clean"
    row = await lab.exam.row(1)
    assert (row["outcome"], row["attempts"], row["leased_by"]) == (None, 0, None)


async def test_what_is_not_finished_in_time_is_given_back_untried(lab: Lab) -> None:
    await lab.window("slow 600", 0)
    with anyio.fail_after(WITHIN_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lab.loop(drain_s=0.3).run)
            await lab.leased()
            tasks.cancel_scope.cancel()
    row = await lab.exam.row(0)
    assert (row["outcome"], row["attempts"], row["leased_by"]) == (None, 0, None)


async def test_a_worker_that_is_killed_leaves_its_window_to_the_next(lab: Lab, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    await lab.window(f"meet {here} {there}", 0)
    command = [sys.executable, "-m", "tests.worker.lab", lab.url, str(tmp_path), "2"]
    with subprocess.Popen(command, cwd=ROOT) as worker:
        with anyio.fail_after(WITHIN_S):
            while not here.exists():
                await anyio.sleep(0.02)
        (analyzer,) = psutil.Process(worker.pid).children()
        worker.send_signal(signal.SIGKILL)
    with anyio.fail_after(5):
        while psutil.pid_exists(analyzer.pid) and analyzer.status() != psutil.STATUS_ZOMBIE:
            await anyio.sleep(0.02)
    assert (await lab.exam.row(0))["outcome"] is None
    there.touch()
    await until_judged(lab, 1)
    row = await lab.exam.row(0)
    assert (row["outcome"], row["attempts"], row["lease"]) == ("clean", 2, 2)
    assert await lab.exam.kinds() == ["window_judged"]


async def test_a_clip_that_kills_its_workers_fails_visibly(lab: Lab, tmp_path: Path) -> None:
    """Not the analyzer alone: whoever holds the window dies with it."""
    here = tmp_path / "here"
    await lab.window(f"meet {here} {tmp_path / 'never'}", 0)
    command = [sys.executable, "-m", "tests.worker.lab", lab.url, str(tmp_path), "0.4"]
    for _ in range(3):
        with subprocess.Popen(command, cwd=ROOT) as worker:
            with anyio.fail_after(WITHIN_S):
                while not here.exists():
                    await anyio.sleep(0.02)
            with suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)
        here.unlink()
    await until_judged(lab, 1)
    (event,) = await lab.exam.events()
    assert (event["outcome"], event["reason"]) == ("failed", "the worker died 3 times while analysing it")
