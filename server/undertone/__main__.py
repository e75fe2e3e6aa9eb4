"""The command line. Every module that costs something is imported by the command that needs it.

Analysis processes run this file again, under another name: nothing may happen at import.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from undertone.config import Settings

# Exit codes: 1 it failed, 2 it was told something it can't do (as argparse), 130 stopped at once.
FAILED: Final = 1
MISUSED: Final = 2
STOPPED: Final = 130

DESCRIPTION: Final = """\
Undertone hears the second voice in an exam candidate's room and pushes it to the proctors.

Start with `undertone serve`, which needs nothing else, and then, beside it, `undertone simulate`.
Each command has its own --help."""

SERVE: Final = """\
Serve candidates and proctors, and analyse what they send.

examples:
  undertone serve                             on http://127.0.0.1:8000, data in ./.undertone
  undertone serve --port 0 --data /srv/exams  a free port, data elsewhere
  UNDERTONE_SECRET=… UNDERTONE_API_KEY=… undertone serve --host 0.0.0.0
                                              for other machines; both are required then
  undertone serve --workers 0                 no analysis here: `undertone worker` does it elsewhere"""

WORKER: Final = """\
Analyse windows as they come, with the database and the clips of the servers.

examples:
  undertone worker                            beside a server with the same ./.undertone
  UNDERTONE_DATABASE_URL=postgresql://… UNDERTONE_CLIPS=/mnt/clips undertone worker --workers 8"""

ADMIN: Final = """\
new-epoch: say this after restoring the database from a backup. The events since the backup are gone and their numbers
will be given out again; with a new epoch every proctor is told, and starts from the state as it is.

examples:
  undertone admin new-epoch                   all meetings
  undertone admin new-epoch --meeting 5f2c…   one of them"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # These two have their own options and need no settings of the server.
    if arguments[:1] == ["simulate"]:
        from undertone_client.simulate import main as simulate

        return simulate(arguments[1:])
    if arguments[:1] == ["analyze"]:
        from undertone.analyze import run as analyze

        return analyze(arguments[1:])
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.command is None:
        parser.print_help()
        return 0
    return _run(asked)


def _run(asked: argparse.Namespace) -> int:
    """The settings, then the command. What went wrong is told in a line or two, a bug of ours with its traceback."""
    from undertone.config import ConfigError, Settings, unknown_variables
    from undertone.process import log, set_up_logging, told_plainly

    try:
        names = {field.name for field in dataclasses.fields(Settings)}
        settings = Settings.read(os.environ, {name: value for name, value in vars(asked).items() if name in names})
        set_up_logging(settings.log_level)
        for line in unknown_variables(os.environ):
            log.warning("%s", line)
        command: Callable[[Settings, argparse.Namespace], int] = asked.run
        return command(settings, asked)
    except ConfigError as error:
        for line in str(error).splitlines():
            print(f"undertone: {line}", file=sys.stderr)  # noqa: T201
        return MISUSED
    except KeyboardInterrupt:
        return STOPPED
    except Exception as error:  # noqa: BLE001  # the last place that can say what happened
        plain = told_plainly(error)
        log.critical("stopped: %s", plain or "a part of this process failed", exc_info=None if plain else error)
        return FAILED


def _serve(settings: Settings, _: argparse.Namespace) -> int:
    from undertone.serve import run

    return run(settings)


def _worker(settings: Settings, _: argparse.Namespace) -> int:
    from undertone.work import run

    return run(settings)


def _new_epoch(settings: Settings, asked: argparse.Namespace) -> int:
    from undertone.admin import new_epoch

    return new_epoch(settings, asked.meeting)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "undertone", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"undertone {version('undertone')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _command(commands, "serve", "serve candidates and proctors", SERVE, _serve)
    _command(commands, "worker", "analyse windows on this machine", WORKER, _worker)
    # For the list of commands alone: their own parsers take over before this one looks.
    commands.add_parser("analyze", help="analyse files as the server would", add_help=False)
    commands.add_parser("simulate", help="candidates and proctors against a server", add_help=False)
    admin = commands.add_parser("admin", help="after restoring a backup")
    actions = admin.add_subparsers(dest="action", metavar="ACTION", required=True)
    epoch = _command(actions, "new-epoch", "number the events anew", ADMIN, _new_epoch, settings="admin")
    epoch.add_argument("--meeting", help="the id of one meeting; without it all")
    return parser


def _command(
    commands: Any,  # what argparse returns from add_subparsers is private
    name: str,
    summary: str,
    description: str,
    run: Callable[[Settings, argparse.Namespace], int],
    settings: str | None = None,
) -> argparse.ArgumentParser:
    """A command that takes the settings as options; which of them, config.py says."""
    from undertone.config import PREFIX, options_of, private_variables

    secrets = private_variables()
    width = max(len(variable) for variable, _ in secrets) + 2
    private = "\n".join(f"  {variable:<{width}}{meaning}" for variable, meaning in secrets)
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=f"Every option can also be set as {PREFIX}<OPTION>; the option wins. Only so, as options show in `ps`:\n"
        f"{private}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    for option, meaning, default in options_of(settings or name):
        text = f"{meaning} (default: {default})".replace("%", "%%")
        parser.add_argument(option, metavar="VALUE", help=text)
    return parser


if __name__ == "__main__":
    sys.exit(main())
