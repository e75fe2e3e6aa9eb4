"""`make load`: many candidates and proctors on one server in real time, a kill, a restart, and what became of it."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.load import report
from tests.bench.load.plan import CANDIDATES_A_MEETING, Plan
from tests.bench.load.run import Trouble, run

BYTES_A_SECOND = 8_000


def main(arguments: Sequence[str]) -> int:
    """1 if anything was lost, or the run could not be made."""
    plan, folder = _read(arguments)
    folder.mkdir(parents=True, exist_ok=True)
    needed = plan.candidates * plan.spoken_s * BYTES_A_SECOND * 1.1
    free = shutil.disk_usage(folder).free
    if free < needed:
        print(f"{folder} has {free / 1e9:.1f} GB left; the clips take {needed / 1e9:.1f} GB", file=sys.stderr)
        return 1
    takes_s = (plan.spoken_s + plan.starting_s) / plan.speed
    print(f"this takes {takes_s / 60:.1f} minutes and, while it runs, {needed / 1e9:.1f} GB in {folder}")
    began = time.monotonic()
    place = Path(tempfile.mkdtemp(prefix="undertone-load-", dir=folder))
    place.chmod(0o711)  # PostgreSQL's account must be able to pass
    try:
        done = run(plan, place, lambda text: print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True))
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(place)
    for line in report.lines(done):
        print(line)
    return 1 if done.found.wrong else 0


def _read(arguments: Sequence[str]) -> tuple[Plan, Path]:
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("--candidates", type=int, default=1_000)
    parser.add_argument("--proctors", type=int, default=100)
    parser.add_argument("--meetings", type=int, default=0, help=f"0: one for {CANDIDATES_A_MEETING} candidates")
    parser.add_argument("--minutes", type=float, default=10.0, help="between the last one's start and the kill")
    parser.add_argument("--start", choices=("spread", "together"), default="spread", help="over a minute, or a second")
    parser.add_argument("--speed", type=float, default=1.0, help="times real time")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the data goes")
    read = parser.parse_args(arguments)
    plan = Plan(
        candidates=read.candidates,
        proctors=read.proctors,
        meetings=read.meetings or -(-read.candidates // CANDIDATES_A_MEETING),
        minutes=read.minutes,
        together=read.start == "together",
        speed=read.speed,
    )
    return plan, read.folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
