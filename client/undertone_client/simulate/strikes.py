"""Processes of the caller's own that are killed or stopped while the run goes on, at moments drawn from the seed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

DEFAULT_EVERY_S: Final = 30.0
DEFAULT_FOR_S: Final = 5.0
RESTART_AFTER_S: Final = 0.5
# The moments of one kill differ by so much of its period, so that they drift against windows and pings.
JITTER: Final = 0.4


@dataclass(frozen=True, slots=True)
class Kill:
    """A process to strike every so many seconds.

    `target`: its PID, a pidfile that is read again each time, or a function that says the PID. `restart`: a shell
    command or a function that starts it again after it was killed; without one somebody else does (systemd, a
    container's restart policy). A SIGSTOP is followed by SIGCONT after `for_s`. `servers` are those whose connections
    may end by it (of a worker, none; of a node, its own): all, where nothing is said.
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
        """Of the process as it is now. ValueError or OSError where there is none."""
        if isinstance(self.target, int):
            return self.target
        if isinstance(self.target, Path):
            return int(self.target.read_text().split()[0])
        return self.target()


@dataclass(frozen=True, slots=True, order=True)
class Strike:
    """One moment, in wall time from when the first candidate began to speak; `kill` is the place in the list."""

    at_ms: int
    kill: int


@dataclass(frozen=True, slots=True)
class Outage:
    """What a strike did: from when to when the process was away, in ms of wall time as the strike's."""

    at_ms: int
    until_ms: int | None  # None: somebody else starts it again, and nobody says when
    servers: Sequence[str] | None


def draw(seed: int, kills: Sequence[Kill], span_ms: int) -> tuple[Strike, ...]:
    """When which is struck: the same seed, the same moments. Nothing in the last tenth, so that it shows."""
    strikes = []
    for place, kill in enumerate(kills):
        random = Random(f"strikes {seed} {place}")  # noqa: S311 - a test's lot, to be drawn again
        at_s = kill.every_s * random.uniform(1 - JITTER, 1)
        while at_s * 1000 < span_ms * 0.9:
            strikes.append(Strike(round(at_s * 1000), place))
            at_s += kill.every_s * random.uniform(1 - JITTER, 1 + JITTER)
    return tuple(sorted(strikes))


def read(text: str) -> Kill:
    """`PID` or `pidfile:PATH`, then `:every=30s`, `:signal=KILL`, `:for=5s`. ValueError says what would be right."""
    rest = text.removeprefix("pidfile:")
    target, *options = rest.split(":")
    said: dict[str, str] = dict(option.partition("=")[::2] for option in options)
    wrong = said.keys() - {"every", "signal", "for"}
    if wrong or not target or (rest == text and not target.isdecimal()):
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


async def carry_out(
    kills: Sequence[Kill],
    strikes: Sequence[Strike],
    began: float,
    tell: Callable[[str], None],
    note: Callable[[Outage], None],
) -> None:
    """Every strike at its moment; `began` is the monotonic clock's. Whatever was stopped goes on at the end.

    `note` is told of each when it is over.
    """
    async with asyncio.TaskGroup() as tasks:
        for place, kill in enumerate(kills):
            own = [strike for strike in strikes if strike.kill == place]
            tasks.create_task(_strike(kill, own, began, tell, note))


async def _strike(
    kill: Kill,
    strikes: Sequence[Strike],
    began: float,
    tell: Callable[[str], None],
    note: Callable[[Outage], None],
) -> None:
    for strike in strikes:
        await asyncio.sleep(max(0.0, began + strike.at_ms / 1000 - time.monotonic()))
        at_ms = _ms_since(began)
        try:
            pid = kill.pid()
            os.kill(pid, kill.signal)
        except (OSError, ValueError) as error:
            tell(f"{kill.signal.name} {kill}: {error}")
            continue
        tell(f"{kill.signal.name} {kill}")
        if kill.signal == signal.SIGSTOP:
            try:
                await asyncio.sleep(kill.for_s)
            finally:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGCONT)
        elif kill.restart is not None:
            await asyncio.shield(asyncio.ensure_future(_restart(kill.restart)))
        # A command only begins to start it: until when, it does not say.
        known = kill.signal == signal.SIGSTOP or callable(kill.restart)
        note(Outage(at_ms, _ms_since(began) if known else None, kill.servers))


def _ms_since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)


async def _restart(restart: str | Callable[[], object]) -> None:
    await asyncio.sleep(RESTART_AFTER_S)
    if callable(restart):
        await asyncio.to_thread(restart)
        return
    # It outlives the run: a server that was started again is still the caller's.
    await asyncio.create_subprocess_shell(
        restart, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, start_new_session=True
    )
