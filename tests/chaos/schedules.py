"""One schedule: drawn from its seed, played against the house, judged by the harness's checker."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tests.audio import encode
from tests.chaos.house import House
from undertone_client import harness
from undertone_client.simulate.audio import SAMPLES

CANDIDATES: Final = 20
PROCTORS: Final = 5
MEETINGS: Final = 2
# 80 s of sound are two windows, the second of them shorter, in 8 s; all have begun after another 2 s.
DURATION_S: Final = 80.0
SPEED: Final = 10.0
# Most say nothing, as in an exam: a window of speech takes 0.3 to 0.7 s of a core, and of silence 0.05 s.
QUIET_FILES: Final = 8
RATE: Final = 48_000


@dataclass(frozen=True)
class Played:
    """One schedule, and what came of it."""

    seed: int
    report: harness.Report
    seconds: float
    audited: list[str]

    @property
    def violations(self) -> list[str]:
        return [*self.report.violations, *self.audited]

    def line(self) -> str:
        """What a person reads of it."""
        report = self.report
        outcome = "held" if not self.violations else f"VIOLATED {len(self.violations)}: {self.violations[0]}"
        faults, kills = sum(report.faults.values()), report.kills
        return (
            f"seed {self.seed:<4} {self.seconds:5.1f} s  {faults:3} faults  {kills:2} kills  "
            f"{report.windows:3} windows  {len(report.anomalies)} anomalies  {outcome}"
        )


def record_audio(folder: Path) -> Path:
    """The bundled speech, once each, and rooms in which nobody speaks; with who speaks in them."""
    for name in ("one-voice.mp3", "two-voices.mp3"):
        shutil.copy(SAMPLES / name, folder)
    lines = (SAMPLES / "manifest.jsonl").read_text()
    for number in range(QUIET_FILES):
        name = f"quiet-{number}.mp3"
        # Each its own faint noise, far below what counts as sound: no two have the same bytes.
        noise = np.random.default_rng(number).standard_normal((1, RATE * 60)).astype(np.float32) * 1e-5
        (folder / name).write_bytes(b"".join(encode(noise, RATE, 64_000)))
        lines += json.dumps({"file": name, "seconds": 60.0, "voices": 0}) + "\n"
    (folder / "manifest.jsonl").write_text(lines)
    return folder


async def audit(house: House, report: harness.Report) -> list[str]:
    """What the database and the disk say of the meetings of a run: the place for checks that look inside."""
    return []


def play(house: House, audio: Path, seed: int) -> Played:
    """One schedule from its beginning to its verdict."""
    house.mend()
    began = time.monotonic()
    report = harness.run(
        house.servers,
        candidates=CANDIDATES,
        proctors=PROCTORS,
        meetings=MEETINGS,
        speed=SPEED,
        duration_s=DURATION_S,
        audio=audio,
        seed=seed,
        faults=True,
        kills=house.kills(seed),
    )
    audited = asyncio.run(audit(house, report))
    return Played(seed, report, time.monotonic() - began, audited)
