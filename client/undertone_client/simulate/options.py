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
from undertone_client.simulate.schedule import KINDS, Kind
from undertone_client.simulate.strikes import Kill

PREFIX: Final = "UNDERTONE_"
DEFAULT_SERVER: Final = "http://127.0.0.1:8000"
# More voices than that at once are for those who ask for them.
DEFAULT_CANDIDATES: Final = 20

_T = TypeVar("_T")

DESCRIPTION: Final = """\
Stream real MP3 files to a server as candidates do, watch the meetings as proctors do, and say what arrived.

It creates meetings of its own. Each candidate streams its own file, paced by its media time, in real time or faster;
each proctor counts every event. With --faults lines break, tabs reload, buffers overflow and strangers send rubbish,
all drawn from --seed before it begins; with --kill processes of yours die meanwhile. Afterwards every promise is
checked against what was sent: nothing acknowledged is missing, every window is judged, every proctor has every event
once and in order, every clip holds just what was said, and no peer noticed another's rubbish.

The exit code is 0 if all that held, 1 if something did not, 2 if it could not run."""

EPILOG: Final = (
    """\
examples:
  undertone simulate                        the bundled samples in real time, against http://127.0.0.1:8000
  undertone simulate --speed 20             the same in a few seconds
  undertone simulate --candidates 50 --proctors 10 --meetings 5 --duration 600 --audio exams/
  undertone simulate --faults --seed 7 --speed 4 --duration 240 --candidates 10 --proctors 3
  undertone simulate --faults=cut,reload --server https://one.example.org --server https://two.example.org
  undertone simulate --speed 4 --duration 600 --kill pidfile:/run/undertone.pid:every=20s --restart ./start.sh
  undertone simulate --server https://undertone.example.org --json
                                            one JSON object; the API key in UNDERTONE_API_KEY

--faults: each kind strikes a fifth of those it can, and at least one.
"""
    + "".join(f"  {kind:<12}{meaning}\n" for kind, meaning in KINDS.items())
    + """\
Faults of the line sit in a TCP proxy inside this command, between its own clients and the server: they strike a server
anywhere, over TLS too, but not through an HTTP proxy of your own. HTTP calls do not pass through it.

--kill TARGET[:every=30s][:signal=KILL][:for=5s]: TARGET is a PID, or pidfile:PATH, which is read again each time. STOP
is followed by CONT after `for`. Something must start again what was killed: systemd or a container's restart policy, or
--restart "COMMAND", run half a second later (once for all kills, or once for each in their order).

--audio: if the folder has a manifest.jsonl with one object a line, {"file", "seconds", "voices",
"second_voice_seconds", "segments": [[begin_s, end_s, speaker], …]}, it is also checked who was heard.

A stream may bring 20 minutes of sound at any speed, and then four times real time. For longer runs at a higher speed
start the server with UNDERTONE_MAX_SPEED=0. Options that take a value can also be set as UNDERTONE_<OPTION>; the option
wins."""
)


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
        help=f"address; said several times, clients are spread over the nodes (default: {DEFAULT_SERVER})",
    )
    option(
        "api-key", str, None, "what creating a meeting takes, if the server wants one; better in the environment", "KEY"
    )
    option("seed", int, default.seed, "of everything drawn by lot: faults, moments, waits (default: %(default)s)")
    option("faults", _kinds, None, "what goes wrong: all kinds, or some (see below)", "KINDS", nargs="?", const="all")
    parser.add_argument("--kill", action="append", default=[], type=_kill, metavar="TARGET", help="see below")
    parser.add_argument("--restart", action="append", default=[], metavar="COMMAND", help="see below")
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
