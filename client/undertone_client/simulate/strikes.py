"""Processes of the caller's own that are killed or stopped while the run goes on, at moments drawn from the seed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

DEFAULT_EVERY_S: Final = 30.0
DEFAULT_FOR_S: Final = 5.0
RESTART_AFTER_S: Final = 0.5
# A command that can't be run says so at once.
FAILS_WITHIN_S: Final = 1.0
SIGNALLED: Final = 128  # how a shell says that its command was ended by a signal: 128 and its number
LOOK_EVERY_S: Final = 0.1
INIT: Final = 1
# The moments of one kill differ by so much of its period, so that they drift against windows and pings.
JITTER: Final = 0.4
# After these a process is gone, and the system may give its PID to another one.
ENDING: Final = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT})


@dataclass(frozen=True, slots=True)
class Kill:
    """A process to strike every so many seconds.

    `target`: its PID (which is ended once at most), a pidfile that is read again each time, or a function that says the
    PID. `restart`: a shell command or a function that starts it again after it was killed; without one somebody else
    does (systemd, a container's restart policy). A SIGSTOP is followed by SIGCONT after `for_s`. `servers` are those
    whose connections may end by it (of a worker, none; of a node, its own): all, where nothing is said.
    """

    target: int | Path | Callable[[], int]
    every_s: float = DEFAULT_EVERY_S
    signal: signal.Signals = signal.SIGKILL
    for_s: float = DEFAULT_FOR_S
    restart: str | Callable[[], object] | None = None
    name: str = ""
    servers: Sequence[str] | None = None

    def __str__(self) -> str:
        return self.name or str(self.target)

    def pid(self) -> int:
        """Of the process as it is now. ValueError where there is none.

        0 and -1 are whole groups to `kill(2)`, and 1 is the system's: none of them is a process to be tried.
        """
        try:
            if isinstance(self.target, Path):
                pid = int(self.target.read_text().split()[0])
            else:
                pid = self.target if isinstance(self.target, int) else self.target()
        except Exception as error:
            raise ValueError(f"no PID to be had: {error!r}") from error
        if pid <= INIT:
            raise ValueError(f"{pid} is no process of one's own")
        return pid


@dataclass(frozen=True, slots=True, order=True)
class Strike:
    """One moment, in wall time from when the first candidate began to speak; `kill` is the place in the list."""

    at_ms: int
    kill: int


@dataclass(slots=True)
class Outage:
    """What a strike did: from when to when the process was away, in ms of wall time as the strike's."""

    at_ms: int
    until_ms: int | None  # None: not yet, or somebody else starts it again, and nobody says when
    servers: Sequence[str] | None


def draw(seed: int, kills: Sequence[Kill], span_ms: int) -> tuple[Strike, ...]:
    """When which is struck: the same seed, the same moments. Nothing in the last tenth, so that it shows."""
    strikes = []
    for place, kill in enumerate(kills):
        random = Random(f"strikes {seed} {place}")  # noqa: S311 - a test's lot, to be drawn again
        at_s = kill.every_s * random.uniform(1 - JITTER, 1)
        while at_s * 1000 < span_ms * 0.9:
            strikes.append(Strike(round(at_s * 1000), place))
            if isinstance(kill.target, int) and kill.signal in ENDING:
                break
            at_s += kill.every_s * random.uniform(1 - JITTER, 1 + JITTER)
    return tuple(sorted(strikes))


def check(kills: Sequence[Kill], strikes: Sequence[Strike], span_ms: int) -> None:
    """ValueError if one would not be struck at all: that a run survived it would be a lie."""
    due = {strike.kill for strike in strikes}
    idle = [kill for place, kill in enumerate(kills) if place not in due]
    if idle:
        raise ValueError(
            f"{idle[0]} would never be struck: every {idle[0].every_s:g} s, and the candidates speak for "
            f"{span_ms / 1000:g} s. Say a shorter :every=, a longer --duration or less --speed."
        )


def read(text: str) -> Kill:
    """`PID` or `pidfile:PATH`, then `:every=30s`, `:signal=KILL`, `:for=5s`. ValueError says what would be right."""
    rest = text.removeprefix("pidfile:")
    target, *options = rest.split(":")
    said: dict[str, str] = dict(option.partition("=")[::2] for option in options)
    wrong = said.keys() - {"every", "signal", "for"}
    if wrong or not target or (rest == text and not (target.isdecimal() and int(target) > INIT)):
        raise ValueError(f"{text!r}: PID or pidfile:PATH is needed, then :every=30s, :signal=KILL or :for=5s")
    name = said.get("signal", "KILL").upper().removeprefix("SIG")
    if f"SIG{name}" not in signal.Signals.__members__:
        raise ValueError(f"{text!r}: there is no signal {name}")
    return Kill(
        target=int(target) if rest == text else Path(target),
        every_s=_seconds(text, said.get("every", f"{DEFAULT_EVERY_S}")),
        signal=signal.Signals[f"SIG{name}"],
        for_s=_seconds(text, said.get("for", f"{DEFAULT_FOR_S}")),
    )


def _seconds(text: str, value: str) -> float:
    with contextlib.suppress(ValueError):
        seconds = float(value.removesuffix("s"))
        if 0 < seconds < float("inf"):
            return seconds
    raise ValueError(f"{text!r}: {value!r} are no seconds")


@dataclass
class Done:
    """What became of the strikes: only one that landed is an outage."""

    outages: list[Outage] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @property
    def landed(self) -> int:
        """How many struck a process that was there."""
        return len(self.outages)


async def carry_out(
    kills: Sequence[Kill], strikes: Sequence[Strike], began: float, tell: Callable[[str], None], done: Done
) -> None:
    """Every strike at its moment; `began` is the monotonic clock's. Whatever was stopped goes on at the end."""
    async with asyncio.TaskGroup() as tasks:
        for place, kill in enumerate(kills):
            own = [strike for strike in strikes if strike.kill == place]
            tasks.create_task(_strike_all(kill, own, began, tell, done))


async def _strike_all(
    kill: Kill, strikes: Sequence[Strike], began: float, tell: Callable[[str], None], done: Done
) -> None:
    landed = False
    missed = ""
    started: list[asyncio.Task[None]] = []
    for strike in strikes:
        await asyncio.sleep(max(0.0, began + strike.at_ms / 1000 - time.monotonic()))
        at_ms = _ms_since(began)
        try:
            pid = kill.pid()
            os.kill(pid, kill.signal)
        except (OSError, ValueError) as error:
            missed = f"{kill.signal.name} {kill}: {error}"
            tell(missed)
            continue
        outage = Outage(at_ms, None, kill.servers)
        done.outages.append(outage)
        landed = True
        tell(f"{kill.signal.name} {kill}")
        if kill.signal == signal.SIGSTOP:
            try:
                await asyncio.sleep(kill.for_s)
            finally:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGCONT)
        elif kill.restart is not None:
            command = await asyncio.shield(asyncio.ensure_future(_restart(kill.restart)))
            if command is not None:
                started.append(asyncio.create_task(_expect(command, done)))
        # A command only begins to start it: until when, it does not say.
        if kill.signal == signal.SIGSTOP or callable(kill.restart):
            outage.until_ms = _ms_since(began)
    if started:
        await asyncio.wait(started, timeout=FAILS_WITHIN_S)
    for task in started:
        task.cancel()
    # One that came between two lives of a process is no trouble; a target that never was there is.
    if strikes and not landed:
        done.troubles.append(f"nothing was struck: {missed}")


def _ms_since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)


async def _restart(restart: str | Callable[[], object]) -> subprocess.Popen[bytes] | None:
    await asyncio.sleep(RESTART_AFTER_S)
    if callable(restart):
        await asyncio.to_thread(restart)
        return None
    # It outlives the run: a server that was started again is still the caller's. (asyncio's own would be killed with
    # its event loop.) What it says would run across the display, so where it goes is for the command to say.
    return await asyncio.to_thread(  # noqa: S604 - the caller's own command line
        subprocess.Popen,
        restart,
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


async def _expect(command: subprocess.Popen[bytes], done: Done) -> None:
    """A command that hands a server over ends well; one that is the server runs on, until the next strike."""
    while (code := command.poll()) is None:  # noqa: ASYNC110 - a process has no event
        await asyncio.sleep(LOOK_EVERY_S)
    if 0 < code < SIGNALLED:
        done.troubles.append(f"--restart {command.args!r} ended with exit code {code}")
