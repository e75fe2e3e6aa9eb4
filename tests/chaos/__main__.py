"""`make chaos`: so many seeded schedules, a line each and a total; `FIRST=17 N=1` plays one again."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.schedules import play_all


def main() -> int:
    """0 if every schedule held."""
    parser = argparse.ArgumentParser("make chaos")
    parser.add_argument("--schedules", type=int, default=6)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=3, help="how many are played side by side, each in its own house")
    asked = parser.parse_args()
    # Told to stop, it leaves no process of its houses behind: what a SystemExit passes closes them.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = Path(tempfile.mkdtemp(prefix="undertone-chaos-"))
    folder.chmod(0o711)
    began = time.monotonic()
    violated = []
    seeds = range(asked.first, asked.first + asked.schedules)
    for played in play_all(folder, seeds, min(asked.jobs, len(seeds))):
        print(played.line(), flush=True)
        for line in played.violations:
            print(f"          {line}", flush=True)
        if played.violations:
            violated.append(played.seed)
    took_s = time.monotonic() - began
    print(f"{asked.schedules} schedules in {took_s:.0f} s: {len(violated)} of them did not hold")
    if violated:
        print(f"logs, databases and clips stay in {folder}; one again: make chaos FIRST={violated[0]} N=1")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
