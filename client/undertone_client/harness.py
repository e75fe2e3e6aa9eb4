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

from undertone_client.connection.address import each
from undertone_client.simulate import options, simulation
from undertone_client.simulate.checks import Promise
from undertone_client.simulate.report import Report
from undertone_client.simulate.schedule import KINDS, Kind
from undertone_client.simulate.strikes import Kill
from undertone_client.simulate.watcher import Silent, Watcher

__all__ = ["KINDS", "Kill", "Kind", "Promise", "Report", "run", "simulate"]


async def simulate(
    server: str | Sequence[str],
    *,
    api_key: str | None = None,
    candidates: int | None = None,
    proctors: int | None = None,
    meetings: int = 1,
    speed: float = 10.0,
    duration_s: float | None = None,
    audio: Path | str | None = None,
    seed: int = 0,
    faults: bool | Sequence[Kind] = False,
    kills: Sequence[Kill] = (),
    watcher: Watcher | None = None,
) -> Report:
    """One run against a server, or the nodes of one. `faults`: all kinds, or some. See `undertone simulate --help`."""
    asked = options.check(
        options.Options(
            servers=each(server),
            api_key=api_key,
            candidates=candidates,
            proctors=proctors,
            meetings=meetings,
            speed=speed,
            audio=None if audio is None else Path(audio),
            duration_ms=None if duration_s is None else round(duration_s * 1000),
            seed=seed,
            faults=(tuple(KINDS) if faults else ()) if isinstance(faults, bool) else options.kinds(",".join(faults)),
            kills=tuple(kills),
        )
    )
    return await simulation.simulate(asked, watcher or Silent(), simulation.cast(asked))


def run(
    server: str | Sequence[str],
    *,
    api_key: str | None = None,
    candidates: int | None = None,
    proctors: int | None = None,
    meetings: int = 1,
    speed: float = 10.0,
    duration_s: float | None = None,
    audio: Path | str | None = None,
    seed: int = 0,
    faults: bool | Sequence[Kind] = False,
    kills: Sequence[Kill] = (),
    watcher: Watcher | None = None,
) -> Report:
    """As `simulate`, for code without an event loop."""
    return asyncio.run(
        simulate(
            server,
            api_key=api_key,
            candidates=candidates,
            proctors=proctors,
            meetings=meetings,
            speed=speed,
            duration_s=duration_s,
            audio=audio,
            seed=seed,
            faults=faults,
            kills=kills,
            watcher=watcher,
        )
    )
