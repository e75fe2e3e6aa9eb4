"""One schedule: drawn from its seed, played against a house, judged by the harness's checker and by the auditor."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

import numpy as np

from tests.audio import encode
from tests.chaos import inside
from tests.chaos.house import House, open_house
from undertone_client import harness
from undertone_client.simulate import options, simulation
from undertone_client.simulate.audio import SAMPLES
from undertone_client.simulate.simulation import Simulated
from undertone_client.simulate.watcher import Silent

CANDIDATES: Final = 20
PROCTORS: Final = 5
MEETINGS: Final = 2
# 80 s of sound are two windows, the second of them shorter, in 8 s; all have begun after another 2 s.
DURATION_MS: Final = 80_000
SPEED: Final = 10.0
# Most say nothing, as in an exam: a window of speech takes 0.3 to 0.7 s of a core, and of silence 0.05 s.
FILES: Final = 10
QUIET_FILES: Final = FILES - 2
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


def play(house: House, audio: Path, seed: int) -> Played:
    """One schedule from its beginning to its verdict."""
    return asyncio.run(_play(house, audio, seed))


async def _play(house: House, audio: Path, seed: int) -> Played:
    began = time.monotonic()
    seen = await observe(house, audio, seed)
    audited = await inside.audit(house, seen)
    return Played(seed, seen.report, time.monotonic() - began, audited)


async def observe(
    house: House, audio: Path, seed: int, candidates: int = CANDIDATES, proctors: int = PROCTORS
) -> Simulated:
    """A run with all that was seen in it."""
    house.mend()
    asked = options.check(
        options.Options(
            servers=tuple(house.servers),
            candidates=candidates,
            proctors=proctors,
            meetings=MEETINGS,
            speed=SPEED,
            audio=audio,
            duration_ms=DURATION_MS,
            seed=seed,
            faults=tuple(harness.KINDS),
            kills=house.kills(seed),
        )
    )
    return await simulation.observe(asked, Silent(), simulation.cast(asked))


def play_all(folder: Path, seeds: Sequence[int], jobs: int) -> Iterator[Played]:
    """Each seed in the house that is free next; the houses stand side by side. As they end, not by number."""
    audio = folder / "audio"
    audio.mkdir()
    record_audio(audio)
    waiting, ended = SimpleQueue[int](), SimpleQueue[Played]()
    for seed in seeds:
        waiting.put(seed)

    def keep(number: int) -> None:
        own = folder / f"house-{number}"
        own.mkdir(mode=0o711)
        with open_house(own) as house, contextlib.suppress(Empty):
            while True:
                ended.put(play(house, audio, waiting.get_nowait()))

    with ThreadPoolExecutor(jobs) as keepers:
        keeping = [keepers.submit(keep, number) for number in range(1, jobs + 1)]
        try:
            for _ in seeds:
                yield _next(ended, keeping)
        finally:
            with contextlib.suppress(Empty):
                while True:  # nobody looks any more: what is being played is the last
                    waiting.get_nowait()


def _next(ended: SimpleQueue[Played], keeping: Sequence[Future[None]]) -> Played:
    """Raises what one of the houses fell over."""
    while True:
        with contextlib.suppress(Empty):
            return ended.get(timeout=1)
        for each in keeping:
            if each.done():
                each.result()
