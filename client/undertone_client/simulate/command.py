"""The command: from arguments to an exit code."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Final

import httpx
from rich.console import Console

from undertone.core.errors import Unauthorized, UndertoneError
from undertone_client.simulate import live, show
from undertone_client.simulate.options import Options, parse
from undertone_client.simulate.report import Report
from undertone_client.simulate.simulation import cast, check_kills, simulate
from undertone_client.simulate.speaker import TooFast

HELD: Final = 0
VIOLATED: Final = 1
COULD_NOT_RUN: Final = 2
STOPPED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `undertone simulate`; returns its exit code."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    console = Console(stderr=True)
    try:
        report = asyncio.run(_simulate(options, console))
    except KeyboardInterrupt:
        return STOPPED
    except (UndertoneError, httpx.HTTPError, ValueError) as error:
        console.print(
            f"undertone simulate: {_explained(error, options)}", markup=False, highlight=False, soft_wrap=True
        )
        return COULD_NOT_RUN
    if options.json:
        show.as_json(report)
    else:
        show.as_text(report, Console())
    return HELD if report.held else VIOLATED


async def _simulate(options: Options, console: Console) -> Report:
    candidates = cast(options)
    check_kills(options, candidates)
    with live.Live(options, candidates, console) as watcher:
        return await simulate(options, watcher, candidates)


def _explained(error: Exception, options: Options) -> str:
    if isinstance(error, TooFast):
        return (
            f"the server refuses sound at {options.speed:g} times real time: {error}. "
            "Start it with UNDERTONE_MAX_SPEED=0, or simulate with less --speed or --duration."
        )
    if isinstance(error, Unauthorized):
        return f"{error}. Creating a meeting takes the server's API key: say it in UNDERTONE_API_KEY."
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return f"{options.servers[0]} is not trusted: {error}. SSL_CERT_FILE=… names the authority of a private one."
    if isinstance(error, httpx.TransportError):
        why = error or type(error).__name__
        return f"no answer from {options.servers[0]} ({why}): is `undertone serve` running there?"
    return str(error)
