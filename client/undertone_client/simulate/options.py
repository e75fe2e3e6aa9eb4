"""What `undertone simulate` can be told, on its command line and by the environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

PREFIX: Final = "UNDERTONE_"
# More voices than that at once are for those who ask for them.
DEFAULT_CANDIDATES: Final = 20

_T = TypeVar("_T")

DESCRIPTION: Final = """\
Stream real MP3 files to a server as candidates do, watch the meeting as proctors do, and say what arrived.

It creates a meeting of its own. Each candidate streams its own file, paced by its media time, in real time or faster;
each proctor counts every event. Afterwards every window must have been stored and judged, every proctor must have every
event once and in order, and every clip of an anomaly must play. The exit code is 0 only if nothing was lost, 1 if
something was, 2 if it could not run."""

EPILOG: Final = """\
examples:
  undertone simulate                        the bundled samples in real time, against http://127.0.0.1:8000
  undertone simulate --speed 20             the same in a few seconds
  undertone simulate --candidates 50 --proctors 10 --duration 600 --audio exams/
  undertone simulate --server https://undertone.example.org --json
                                            one JSON object; the API key in UNDERTONE_API_KEY

A stream may bring 20 minutes of sound at any speed, and then four times real time. For longer runs at a higher speed
start the server with UNDERTONE_MAX_SPEED=0. Every option can also be set as UNDERTONE_<OPTION>; the option wins."""


@dataclass(frozen=True, slots=True)
class Options:
    """One run."""

    server: str = "http://127.0.0.1:8000"
    api_key: str | None = None
    candidates: int | None = None  # as many as there are files, up to DEFAULT_CANDIDATES
    proctors: int = 1
    speed: float = 1.0  # times real time; 0: as fast as it goes
    audio: Path | None = None  # the bundled samples
    duration_ms: int | None = None  # as long as each file is
    seed: int = 0
    json: bool = False


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Options:
    """The options of one run. Exits with 2 and a line that says what would be right."""
    parser = argparse.ArgumentParser(
        "undertone simulate",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def option(name: str, read: Callable[[str], _T], default: _T, text: str, metavar: str = "N") -> None:
        said = environment.get(PREFIX + name.upper().replace("-", "_")) or None
        parser.add_argument(
            f"--{name}",
            type=read,
            default=default if said is None else said,  # argparse reads a default that is text as if it were said
            metavar=metavar,
            help=text,
        )

    default = Options()
    option("candidates", _count, None, f"how many (default: one a file, at most {DEFAULT_CANDIDATES})")
    option("proctors", _count, default.proctors, "how many (default: %(default)s)")
    option("speed", _speed, default.speed, "times real time; 0: as fast as it goes (default: %(default)g)", "X")
    option("audio", Path, default.audio, "folder of MP3 files, or one file (default: the bundled samples)", "PATH")
    option("duration", _seconds, None, "seconds of sound of each candidate; shorter files repeat", "S")
    option("server", str, default.server, "address (default: %(default)s)", "URL")
    option(
        "api-key", str, None, "what creating a meeting takes, if the server wants one; better in the environment", "KEY"
    )
    option(
        "seed", int, default.seed, "of everything drawn by lot: the waits before reconnecting (default: %(default)s)"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        default=environment.get(PREFIX + "JSON", "").lower() in ("1", "true", "yes", "on"),
        help="one JSON object on stdout and nothing else",
    )
    asked = parser.parse_args(arguments)
    return Options(
        server=asked.server,
        api_key=asked.api_key,
        candidates=asked.candidates,
        proctors=asked.proctors,
        speed=asked.speed,
        audio=asked.audio,
        duration_ms=asked.duration,
        seed=asked.seed,
        json=asked.json,
    )


def _count(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r}: a whole number from 1 on is needed")
    return value


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: a number from 0 on is needed")
    return value


def _speed(text: str) -> float:
    return _number(text)


def _seconds(text: str) -> int:
    return round(_number(text) * 1000)
