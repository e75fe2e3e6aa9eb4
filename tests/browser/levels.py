"""`python -m tests.browser.levels FOLDER`: what the check before the exam says of real speech, by kind of recording.

Cuts of 5 s are judged by the constants of client/browser/src/recorder/level.ts: the 95th centile of the levels of 20 ms
is the speech, the 10th the pauses.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.browser.processing.mixtures import Samples, decode

CONSTANTS: Final = Path(__file__).parents[2] / "client" / "browser" / "src" / "recorder" / "level.ts"
RATE: Final = 16_000
CUT_S: Final = 5
# Somebody who was asked to read does so for half of the time at least; where nobody speaks, everything counts.
SPEECH_S: Final = 2.5
SPOKEN: Final = ("single_full", "single_levels", "single_reverb", "single_noise", "single_spontaneous")
UNSPOKEN: Final = ("silence", "noise_only")


def constants() -> dict[str, float]:
    """NO_SOUND_DBFS, QUIET_DBFS and NOISY_DB."""
    found = re.findall(r"export const (\w+_DBF?S?) = (-?\d+);", CONSTANTS.read_text())
    return {name: float(value) for name, value in found}


def measured(samples: Samples) -> tuple[float, float]:
    """(speech, pauses) in dBFS."""
    frames = samples[: samples.size // 320 * 320].reshape(-1, 320)
    levels = 10 * np.log10(frames.var(axis=1) + 1e-12)
    return float(np.percentile(levels, 95)), float(np.percentile(levels, 10))


def verdict(speech: float, pauses: float, by: dict[str, float]) -> str:
    if speech < by["NO_SOUND_DBFS"]:
        return "no sound"
    if speech < by["QUIET_DBFS"]:
        return "too quiet"
    return "noisy" if speech - pauses < by["NOISY_DB"] else "good"


def cuts(entry: dict[str, Any], samples: Samples) -> Iterator[Samples]:
    for begin in range(0, 60 - CUT_S + 1, CUT_S):
        end = begin + CUT_S
        spoken = sum(max(0.0, min(e, end) - max(b, begin)) for b, e, _ in entry["segments"])
        if spoken >= SPEECH_S or entry["class"] in UNSPOKEN:
            yield samples[begin * RATE : end * RATE]


def kind(entry: dict[str, Any]) -> str:
    if entry["class"] != "single_noise":
        return str(entry["class"])
    (snr,) = entry["snr_db"].values()
    return f"single_noise, {min((20, 10, 5), key=lambda step: abs(step - snr))} dB"


def main(folder: Path) -> None:
    by = constants()
    figures: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for line in (folder / "manifest.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry["class"] in (*SPOKEN, *UNSPOKEN):
            figures[kind(entry)] += map(measured, cuts(entry, decode(folder / entry["file"], RATE)))
    print("| recordings | cuts | speech, dBFS | above the pauses, dB | verdicts |\n|---|---|---|---|---|")
    for name, found in sorted(figures.items()):
        speech, above = (np.array(each) for each in zip(*((s, s - p) for s, p in found), strict=True))
        spans = (" … ".join(f"{value:.0f}" for value in np.percentile(each, [5, 50, 95])) for each in (speech, above))
        told = ", ".join(f"{what} {n}" for what, n in Counter(verdict(s, p, by) for s, p in found).most_common())
        print(f"| {name} | {len(found)} | {' | '.join(spans)} | {told} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
