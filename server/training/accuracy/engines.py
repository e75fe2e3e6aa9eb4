"""`make accuracy ENGINE=…`: speech-dev through any engine or chain, as `undertone analyze` would hear it.

A recording's windows in order, the profile handed on; recordings side by side, as many as the engine takes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Final

import anyio

from training import audio
from training.accuracy import dev
from training.accuracy.sittings import Sessions
from training.accuracy.windows import Judged
from training.audio import Entry
from undertone.analyze import engine_settings
from undertone.choices import check_engines, ear
from undertone.core.verdict import judge
from undertone.work import cores
from undertone.worker.ears import AnalysisFailed, Ear

_SHOWN: Final = 5  # of the reasons why windows failed


def chosen(count: int | None) -> list[Entry]:
    """So many recordings, spread over the corpus; None: all."""
    entries = audio.manifest(dev.CORPUS)
    if count is None or count >= len(entries):
        return entries
    return [entries[place * len(entries) // count] for place in range(count)]


def judged(engine: str, entries: Sequence[Entry]) -> tuple[list[Judged], Sessions]:
    """The single windows, and the sessions. Windows that failed are told and left out. Raises ConfigError."""
    settings = engine_settings(engine, os.environ)
    check_engines(settings)

    async def hear() -> tuple[list[tuple[Entry, list[Judged]]], Counter[str]]:
        listening = ear(settings, cores())
        try:
            return await _heard(listening, entries)
        finally:
            with anyio.CancelScope(shield=True):
                await listening.close()

    found, failures = anyio.run(hear)
    if failures:
        print(f"{failures.total()} windows could not be analysed and are left out")
        for reason, count in failures.most_common(_SHOWN):
            print(f"  {count:4d}  {reason}")
    return dev.sorted_out(found)


async def _heard(listening: Ear, entries: Sequence[Entry]) -> tuple[list[tuple[Entry, list[Judged]]], Counter[str]]:
    found: list[list[Judged]] = [[] for _ in entries]
    failures: Counter[str] = Counter()
    places = anyio.CapacityLimiter(listening.capacity)

    async def one(number: int) -> None:
        profile: bytes | None = None
        async with places:
            for truth, clip in dev.clips(entries[number]):
                try:
                    heard = await listening.analyse(clip, profile)
                except AnalysisFailed as failed:
                    failures[failed.reason] += 1
                    continue
                profile = heard.profile or profile
                found[number].append(Judged(truth, heard, judge(heard)))

    async with anyio.create_task_group() as tasks:
        for number in range(len(entries)):
            tasks.start_soon(one, number)
    return list(zip(entries, found, strict=True)), failures
