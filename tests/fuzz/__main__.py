"""Coverage-guided fuzzing (atheris, which is libFuzzer): `python -m tests.fuzz [target …] [--seconds N | --runs N]`.

Runs each target in a process of its own, several at a time, and prints for each how many inputs it ran, how fast, how
much of the core they reached, and the slowest input; and the sum of it. The exit code is 1 if one raised what it must
not, hung or took too much memory; that input is then left in `.fuzz/`, where what was learned is kept from run to run.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
SEEDS: Final = HERE / "corpus"
NAMES: Final = ("parser", "cutter", "reservoir", "receiver", "decoders", "tokens")
BINARY: Final = frozenset({"parser", "cutter", "reservoir", "receiver"})
MISSING: Final = "atheris is not installed: it has wheels for Python 3.11 to 3.13 on Linux (x86-64)"

# An input of at most so many bytes: some frames at 64 kbit/s and what stands between them, or any message worth a try.
MAX_BYTES: Final = 2048
# The child asserts that no input takes more than a second of processor; this, by the clock, ends one that never ends.
TIMEOUT_S: Final = 20
MAX_MEGABYTES: Final = 512


@dataclass(frozen=True)
class Outcome:
    """What one process did."""

    target: str
    runs: int
    a_second: int
    slowest_ms: float
    edges: tuple[int, int]  # of the core: reached by the corpus, and in the end
    failure: str

    def __str__(self) -> str:
        first, last = self.edges
        return (
            f"{self.target:<10}{self.runs:>12,} inputs {self.a_second:>7,}/s  slowest {self.slowest_ms:>6.1f} ms"
            f"  coverage {first} → {last}  {self.failure or 'no failure'}"
        )


def fuzz(target: str, seconds: int, runs: int, seed: int, folder: Path) -> Outcome:
    """One target in a process of its own."""
    learned = folder / target
    learned.mkdir(parents=True, exist_ok=True)
    seeds = SEEDS / ("audio" if target in BINARY else "text")
    command = [sys.executable, "-m", "tests.fuzz.child", target, str(learned), str(seeds)]
    command += [f"-runs={runs}" if runs else f"-max_total_time={seconds}", f"-max_len={MAX_BYTES}", f"-seed={seed}"]
    command += [f"-timeout={TIMEOUT_S}", f"-rss_limit_mb={MAX_MEGABYTES}", f"-artifact_prefix={learned}-"]
    command += [
        "-print_final_stats=1",
        f"-dict={HERE / 'corpus' / ('audio.dict' if target in BINARY else 'text.dict')}",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace")
    said = done.stdout + done.stderr
    edges = [int(found) for found in re.findall(r"cov: (\d+)", said)] or [0]
    slowest = [float(found) for found in re.findall(r"^slowest: ([\d.]+) ms", said, re.MULTILINE)]
    failure = "" if done.returncode == 0 else f"FAILED ({done.returncode}):\n{said[-6000:]}"
    executed, a_second = _stat(said, "number_of_executed_units"), _stat(said, "average_exec_per_sec")
    return Outcome(target, executed, a_second, max(slowest, default=0.0), (edges[0], edges[-1]), failure)


def _stat(said: str, name: str) -> int:
    found = re.search(rf"stat::{name}:\s+(\d+)", said)
    return int(found[1]) if found else 0


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("target", nargs="*", help=f"any of {', '.join(NAMES)}; all of them if none is named")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--runs", type=int, default=0, help="inputs for each target, instead of --seconds")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--seed", type=int, default=1, help="another seed tries other inputs")
    parser.add_argument("--folder", type=Path, default=ROOT / ".fuzz", help="where what was learned and found is kept")
    chosen = parser.parse_args(arguments)
    targets = chosen.target or NAMES
    if unknown := set(targets) - set(NAMES):
        parser.error(f"no target is called {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    if importlib.util.find_spec("atheris") is None:
        print(MISSING, file=sys.stderr)
        return 1
    with ThreadPoolExecutor(chosen.jobs) as pool:
        pending = [
            pool.submit(fuzz, target, chosen.seconds, chosen.runs, chosen.seed, chosen.folder) for target in targets
        ]
        outcomes = []
        for each in pending:
            outcomes.append(each.result())
            print(outcomes[-1], flush=True)
    failed = sum(bool(outcome.failure) for outcome in outcomes)
    total, slowest = sum(outcome.runs for outcome in outcomes), max(outcome.slowest_ms for outcome in outcomes)
    print(f"in all    {total:>12,} inputs, slowest {slowest:.1f} ms, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
