"""The websocket test harness inside somebody's own tests: what `undertone simulate` does, as a call.

    from undertone_client import harness

    report = harness.run("http://127.0.0.1:8000", candidates=5, faults=True, seed=1)
    assert not report.violations, report.replay

`run` is the plain call, `simulate` the one to await. Both create meetings of their own, stream real speech to the
server and return a `Report`; they raise what keeps them from running (no server, no key, no audio).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, Unpack

from undertone_client.connection.address import each
from undertone_client.simulate import options, simulation
from undertone_client.simulate.checks import Promise
from undertone_client.simulate.report import Report
from undertone_client.simulate.schedule import KINDS, Kind
from undertone_client.simulate.strikes import Kill
from undertone_client.simulate.watcher import Silent, Watcher

__all__ = ["KINDS", "Asked", "Kill", "Kind", "Promise", "Report", "run", "simulate"]

# Ten times real time: a test should not last for an exam.
SPEED = 10.0


class Asked(TypedDict, total=False):
    """What a run can be told, each as the option of `undertone simulate` by its name."""

    api_key: str | None
    candidates: int | None
    proctors: int | None
    meetings: int
    speed: float  # SPEED
    duration_s: float | None
    audio: Path | str | None
    seed: int
    faults: bool | Sequence[Kind]  # True: all kinds; or some; none by default
    kills: Sequence[Kill]
    watcher: Watcher | None


async def simulate(server: str | Sequence[str], **asked: Unpack[Asked]) -> Report:
    """One run against a server, or the nodes of one. See `Asked`, and `undertone simulate --help`."""
    run = _options(each(server), asked)
    return await simulation.simulate(run, asked.get("watcher") or Silent(), simulation.cast(run))


def run(server: str | Sequence[str], **asked: Unpack[Asked]) -> Report:
    """As `simulate`, for code without an event loop."""
    return asyncio.run(simulate(server, **asked))


def _options(servers: tuple[str, ...], asked: Asked) -> options.Options:
    """The options of one run. TypeError for a name that there is not, ValueError for what does not go together."""
    unknown = asked.keys() - Asked.__annotations__.keys()
    if unknown:
        raise TypeError(f"{min(unknown)!r} is no option; there are {', '.join(Asked.__annotations__)}")
    default = options.Options(servers, speed=SPEED)
    audio, duration_s = asked.get("audio"), asked.get("duration_s")
    return options.check(
        options.Options(
            servers=servers,
            api_key=asked.get("api_key"),
            candidates=asked.get("candidates"),
            proctors=asked.get("proctors"),
            meetings=asked.get("meetings", default.meetings),
            speed=asked.get("speed", default.speed),
            audio=None if audio is None else Path(audio),
            duration_ms=None if duration_s is None else round(duration_s * 1000),
            seed=asked.get("seed", default.seed),
            faults=_faults(asked.get("faults", False)),
            kills=tuple(asked.get("kills", ())),
        )
    )


def _faults(asked: bool | Sequence[Kind]) -> tuple[Kind, ...]:
    if isinstance(asked, bool):
        return tuple(KINDS) if asked else ()
    return options.kinds(",".join(asked)) if asked else ()
