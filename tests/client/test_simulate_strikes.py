"""Processes that are struck: by the seed, for real, and with what came of it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from undertone_client.simulate import strikes
from undertone_client.simulate.strikes import Done, Kill, Strike

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_a_kill_is_said_in_one_word(tmp_path: Path) -> None:
    assert strikes.read("4711") == Kill(target=4711)
    said = strikes.read("pidfile:/run/undertone.pid:every=20s:signal=stop:for=2.5s")
    assert said == Kill(Path("/run/undertone.pid"), every_s=20, signal=signal.SIGSTOP, for_s=2.5)
    pidfile = tmp_path / "pid"
    for pid in (17, 18):  # read anew each time
        pidfile.write_text(f"{pid}\n")
        assert Kill(pidfile).pid() == pid


@pytest.mark.parametrize(
    "text", ["", "name", "12:every=never", "12:signal=FLY", "12:often", "pidfile:", "12:for=-1s", "0", "1", "-1"]
)
def test_a_kill_that_makes_no_sense_says_what_would(text: str) -> None:
    with pytest.raises(ValueError, match=r"needed|no signal|no seconds"):
        strikes.read(text)


def test_strikes_come_by_the_seed_and_stop_before_the_end() -> None:
    kills = (Kill(Path("a.pid"), every_s=3), Kill(Path("b.pid"), every_s=5))
    moments = strikes.draw(7, kills, 60_000)
    assert moments == strikes.draw(7, kills, 60_000)
    assert moments != strikes.draw(8, kills, 60_000)
    assert {strike.kill for strike in moments} == {0, 1}
    assert all(0 < strike.at_ms < 54_000 for strike in moments)


def test_a_pid_is_ended_once_as_it_may_be_somebody_elses_afterwards() -> None:
    ended, stopped = Kill(4711, every_s=1), Kill(4711, every_s=1, signal=signal.SIGSTOP)
    assert len(strikes.draw(7, [ended], 60_000)) == 1
    assert len(strikes.draw(7, [stopped], 60_000)) > 30


def test_a_kill_that_would_never_be_due_can_be_told() -> None:
    kills = [Kill(17, every_s=2), Kill(18, every_s=30)]
    strikes.check(kills, strikes.draw(7, kills, 60_000), 60_000)
    with pytest.raises(ValueError, match="18 would never be struck: every 30 s, and the candidates speak for 6 s"):
        strikes.check(kills, strikes.draw(7, kills, 6_000), 6_000)


@pytest.mark.parametrize("said", ["-1", "0", "1", "", "  ", "undertone"])
def test_what_is_no_process_is_never_struck(tmp_path: Path, said: str) -> None:
    """To `kill`, 0 is the caller's own group and -1 is everything of the user."""
    pidfile = tmp_path / "pid"
    pidfile.write_text(said)
    with pytest.raises(ValueError, match=r"no process of one's own|no PID to be had"):
        Kill(pidfile).pid()


def test_a_function_that_knows_no_pid_says_so_by_what_it_raises() -> None:
    def gone() -> int:
        raise LookupError("stopped")

    with pytest.raises(ValueError, match="stopped"):
        Kill(gone).pid()
    with pytest.raises(ValueError, match="no process of one's own"):
        Kill(lambda: 0).pid()


# --- for real


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(SLEEPER)
    yield process
    process.kill()
    process.wait()


def carried_out(kill: Kill, count: int = 1) -> tuple[Done, list[str]]:
    """So many strikes, one right after the other."""
    done, told = Done(), list[str]()
    moments = [Strike(0, 0)] * count
    asyncio.run(strikes.carry_out([kill], moments, time.monotonic(), told.append, done))
    return done, told


def test_a_process_is_killed(sleeper: subprocess.Popen[bytes]) -> None:
    done, told = carried_out(Kill(sleeper.pid))
    assert sleeper.wait(10) == -signal.SIGKILL
    assert (done.landed, done.troubles, told) == (1, [], [f"SIGKILL {sleeper.pid}"])


def test_a_process_that_is_stopped_goes_on(sleeper: subprocess.Popen[bytes]) -> None:
    seen: list[str] = []
    process = psutil.Process(sleeper.pid)

    async def run() -> None:
        kill = Kill(sleeper.pid, signal=signal.SIGSTOP, for_s=0.5)
        task = asyncio.create_task(strikes.carry_out([kill], [Strike(0, 0)], time.monotonic(), seen.append, Done()))
        while process.status() != psutil.STATUS_STOPPED:
            await asyncio.sleep(0.01)
        await task

    asyncio.run(asyncio.wait_for(run(), 20))
    assert process.status() != psutil.STATUS_STOPPED
    assert sleeper.poll() is None


def test_a_target_that_is_not_there_is_a_trouble_and_no_kill(tmp_path: Path) -> None:
    for target in (tmp_path / "none", tmp_path / "empty", tmp_path / "words"):
        (tmp_path / "empty").touch()
        (tmp_path / "words").write_text("not yet")
        done, told = carried_out(Kill(target), 2)
        assert done.landed == 0
        assert len(told) == 2
        [trouble] = done.troubles
        assert trouble.startswith(f"nothing was struck: SIGKILL {target}: ")


def test_what_a_command_started_again_outlives_the_run(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    pidfile = tmp_path / "pid"
    pidfile.write_text(str(sleeper.pid))
    script = tmp_path / "start.sh"
    script.write_text(f"echo $$ > {pidfile}; exec {sys.executable} -c 'import time; time.sleep(600)'")
    done, told = carried_out(Kill(pidfile, restart=f"sh {script}"))
    assert (done.landed, done.troubles) == (1, [])
    again = psutil.Process(int(pidfile.read_text()))
    try:
        assert again.pid != sleeper.pid
        assert again.status() != psutil.STATUS_ZOMBIE
    finally:
        again.kill()
        again.wait(10)
    assert told == [f"SIGKILL {pidfile}"]


def test_a_function_starts_it_again(sleeper: subprocess.Popen[bytes]) -> None:
    called: list[bool] = []
    carried_out(Kill(sleeper.pid, restart=lambda: called.append(True)))
    assert called == [True]


def test_a_command_that_can_not_be_run_is_a_trouble(sleeper: subprocess.Popen[bytes]) -> None:
    done, _ = carried_out(Kill(sleeper.pid, restart="exit 3"))
    assert done.troubles == ["--restart 'exit 3' ended with exit code 3"]


def test_a_strike_says_from_when_to_when_the_process_was_away(sleeper: subprocess.Popen[bytes]) -> None:
    [stopped] = carried_out(Kill(sleeper.pid, signal=signal.SIGSTOP, for_s=0.2, servers=["one"]))[0].outages
    [killed] = carried_out(Kill(sleeper.pid, restart=lambda: time.sleep(0.3)))[0].outages
    assert stopped.until_ms is not None
    assert stopped.until_ms - stopped.at_ms >= 200
    assert stopped.servers == ["one"]
    assert killed.until_ms is not None
    assert killed.until_ms - killed.at_ms >= 300
    assert killed.servers is None


def test_nobody_says_when_what_somebody_else_starts_is_back(sleeper: subprocess.Popen[bytes]) -> None:
    assert carried_out(Kill(sleeper.pid))[0].outages[0].until_ms is None
    with subprocess.Popen(SLEEPER) as other:
        assert carried_out(Kill(other.pid, restart="true"))[0].outages[0].until_ms is None
