"""What `undertone simulate` can be told, on its command line and by the environment."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from undertone_client.simulate import strikes
from undertone_client.simulate.help import DESCRIPTION, EPILOG
from undertone_client.simulate.schedule import KINDS, Kind
from undertone_client.simulate.strikes import Kill

PREFIX: Final = "UNDERTONE_"
DEFAULT_SERVER: Final = "http://127.0.0.1:8000"
# More voices than that at once are for those who ask for them.
DEFAULT_CANDIDATES: Final = 20

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Options:
    """One run."""

    servers: tuple[str, ...] = (DEFAULT_SERVER,)
    api_key: str | None = None
    candidates: int | None = None  # as many as there are files, up to DEFAULT_CANDIDATES
    proctors: int | None = None  # one a meeting
    meetings: int = 1
    speed: float = 1.0  # times real time; 0: as fast as it goes
    audio: Path | None = None  # the bundled samples
    duration_ms: int | None = None  # as long as each file is
    seed: int = 0
    faults: tuple[Kind, ...] = ()
    kills: tuple[Kill, ...] = ()
    json: bool = False

    def command(self) -> str:
        """The command line that plays just this run again."""
        words = ["undertone", "simulate"]
        default = Options()
        for name, value in (
            *(("server", server) for server in self.servers if self.servers != default.servers),
            ("candidates", self.candidates),
            ("proctors", self.proctors),
            ("meetings", self.meetings if self.meetings != default.meetings else None),
            ("speed", f"{self.speed:g}" if self.speed != default.speed else None),
            ("audio", self.audio),
            ("duration", f"{self.duration_ms / 1000:g}" if self.duration_ms is not None else None),
            ("seed", self.seed),
        ):
            if value is not None:
                words += [f"--{name}", str(value)]
        if self.faults:
            words.append("--faults" if self.faults == tuple(KINDS) else f"--faults={','.join(self.faults)}")
        for kill in self.kills:
            target = f"pidfile:{kill.target}" if isinstance(kill.target, Path) else str(kill)
            words += ["--kill", f"{target}:every={kill.every_s:g}s:signal={kill.signal.name[3:]}:for={kill.for_s:g}s"]
            if isinstance(kill.restart, str):
                words += ["--restart", kill.restart]
        return shlex.join(words)


def kinds(text: str) -> tuple[Kind, ...]:
    """`all`, or some kinds of faults with commas between. ValueError names one that does not exist."""
    if text in ("", "all"):
        return tuple(KINDS)
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in KINDS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no kind of fault; there are {', '.join(KINDS)}")
    return tuple(kind for kind in KINDS if kind in names)


def check(options: Options) -> Options:
    """The options if they go together. ValueError says what would be right."""
    if options.faults and not options.speed:
        raise ValueError("faults have their moments: they need a --speed other than 0")
    if options.proctors is not None and options.proctors < options.meetings:
        raise ValueError(
            f"{options.meetings} meetings need at least as many proctors: one that is not watched is not checked"
        )
    if options.candidates is not None and options.candidates < options.meetings:
        raise ValueError(f"{options.meetings} meetings need at least as many candidates")
    return options


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Options:
    """The options of one run. Exits with 2 and a line that says what would be right."""
    parser = argparse.ArgumentParser(
        "undertone simulate",
        usage="undertone simulate [options]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def option(name: str, read: Callable[[str], _T], default: _T, text: str, metavar: str = "N", **more: Any) -> None:
        said = environment.get(PREFIX + name.upper().replace("-", "_")) or None
        parser.add_argument(
            f"--{name}",
            type=read,
            default=default if said is None else said,  # argparse reads a default that is text as if it were said
            metavar=metavar,
            help=text,
            **more,
        )

    default = Options()
    option("candidates", _count, None, f"how many (default: one a file, at most {DEFAULT_CANDIDATES})")
    option("proctors", _count, None, "how many, spread over the meetings (default: one each)")
    option(
        "meetings", _count, default.meetings, "how many, with the candidates spread over them (default: %(default)s)"
    )
    option("speed", _speed, default.speed, "times real time; 0: as fast as it goes (default: %(default)g)", "X")
    option("audio", Path, default.audio, "folder of MP3 files, or one file (default: the bundled samples)", "PATH")
    option("duration", _seconds, None, "seconds of sound of each candidate; shorter files repeat", "S")
    parser.add_argument(
        "--server",
        action="append",
        metavar="URL",
        help=f"address; once for each node (default: {DEFAULT_SERVER})",
    )
    option(
        "api-key", str, None, "what creating a meeting takes, if the server wants one; better in the environment", "KEY"
    )
    option("seed", int, default.seed, "of everything drawn by lot: faults, moments, waits (default: %(default)s)")
    option("faults", _kinds, None, "what goes wrong: all kinds, or some (see below)", "KINDS", nargs="?", const="all")
    parser.add_argument(
        "--kill", action="append", default=[], type=_kill, metavar="TARGET", help="a process to kill (see below)"
    )
    parser.add_argument("--restart", action="append", default=[], metavar="COMMAND", help="starts it again (see below)")
    parser.add_argument(
        "--json",
        action="store_true",
        default=environment.get(PREFIX + "JSON", "").lower() in ("1", "true", "yes", "on"),
        help="one JSON object on stdout and nothing else",
    )
    asked = parser.parse_args(arguments)
    servers = tuple(asked.server or environment.get(f"{PREFIX}SERVER", "").split()) or default.servers
    kills: list[Kill] = asked.kill
    restarts: list[str] = asked.restart * len(kills) if len(asked.restart) == 1 else asked.restart
    if restarts and len(restarts) != len(kills):
        parser.error(
            f"--restart once, or once for each --kill: {len(kills)} kills and {len(restarts)} restarts were said"
        )
    try:
        return check(
            Options(
                servers=servers,
                api_key=asked.api_key,
                candidates=asked.candidates,
                proctors=asked.proctors,
                meetings=asked.meetings,
                speed=asked.speed,
                audio=asked.audio,
                duration_ms=asked.duration,
                seed=asked.seed,
                faults=asked.faults or (),
                kills=tuple(replace(kill, restart=restart) for kill, restart in zip(kills, restarts, strict=True))
                if restarts
                else tuple(kills),
                json=asked.json,
            )
        )
    except ValueError as error:
        parser.error(str(error))


def _kinds(text: str) -> tuple[Kind, ...]:
    try:
        return kinds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _kill(text: str) -> Kill:
    try:
        return strikes.read(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


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
