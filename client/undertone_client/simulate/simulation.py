"""From options to a report: who comes, what goes wrong, and what was found."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from math import inf

from undertone_client.connection.address import http_url
from undertone_client.simulate import audio, report, schedule, strikes, truth
from undertone_client.simulate.hostile import SORTS
from undertone_client.simulate.options import DEFAULT_CANDIDATES, Options
from undertone_client.simulate.record import CandidateRecord, ProctorRecord, Record
from undertone_client.simulate.report import Report
from undertone_client.simulate.run import Happened, Room, Run
from undertone_client.simulate.schedule import Schedule
from undertone_client.simulate.service import Service
from undertone_client.simulate.watcher import Watcher


def cast(options: Options) -> list[CandidateRecord]:
    """Each candidate its own file; when there are more candidates than files, they come round again. NoAudio."""
    files = audio.find(options.audio)
    wanted = options.candidates or min(len(files), DEFAULT_CANDIDATES)
    recordings = [audio.load(path, options.duration_ms) for path in files[:wanted]]
    return [
        CandidateRecord(number, f"Candidate {number}", recording)
        for number, recording in enumerate(islice(cycle(recordings), wanted), 1)
    ]


def plan(options: Options, candidates: list[CandidateRecord]) -> Schedule:
    """Everything drawn by lot; the same options give the same."""
    speed = options.speed or inf  # then all at once: there are no moments
    return schedule.draw(
        options.seed,
        spans_ms=[round(candidate.recording.duration_ms / speed) for candidate in candidates],
        proctors=options.proctors or options.meetings,
        speed=options.speed,
        kinds=options.faults,
        rubbish_sorts=len(SORTS),
    )


def check_kills(options: Options, candidates: list[CandidateRecord]) -> None:
    """ValueError if one would never be due."""
    span_ms = _speaks_ms(options, plan(options, candidates), candidates)
    strikes.check(options.kills, strikes.draw(options.seed, options.kills, span_ms), span_ms)


def _speaks_ms(options: Options, drawn: Schedule, candidates: list[CandidateRecord]) -> int:
    """How long, in wall time, anybody speaks."""
    return round(
        max(
            offset + each.recording.duration_ms / (options.speed or 100)
            for offset, each in zip(drawn.offsets_ms, candidates, strict=True)
        )
    )


@dataclass(frozen=True, slots=True)
class Simulated:
    """A run: the verdict on it, and all that was seen."""

    report: Report
    rooms: Sequence[Room]
    happened: Happened


async def simulate(options: Options, watcher: Watcher, candidates: list[CandidateRecord]) -> Report:
    """The verdict on a run. Raises what keeps it from running: no server, no key, TooFast."""
    return (await observe(options, watcher, candidates)).report


async def observe(options: Options, watcher: Watcher, candidates: list[CandidateRecord]) -> Simulated:
    """As `simulate`, for somebody who looks further than the report."""
    drawn = plan(options, candidates)
    struck = strikes.draw(options.seed, options.kills, _speaks_ms(options, drawn, candidates))
    proctors = [ProctorRecord(number) for number in range(1, (options.proctors or options.meetings) + 1)]
    folder = audio.SAMPLES if options.audio is None else options.audio
    truths = truth.read(folder)
    async with Service([http_url(server) for server in options.servers], options.api_key, options.seed) as service:
        rooms = []
        for place in range(options.meetings):
            meeting = await service.first.create("undertone simulate")
            record = Record(candidates[place :: options.meetings], proctors[place :: options.meetings])
            rooms.append(Room(meeting, record))
        run = Run(service, rooms, drawn, options.kills, struck, watcher)
        began = time.monotonic()
        await _unwrapped(run.run(options.speed))
        wall_s = time.monotonic() - began
        watcher.phase("every clip is fetched and compared")
        made = await report.make(options, service, rooms, run.happened, struck, truths, wall_s)
        return Simulated(made, rooms, run.happened)


async def _unwrapped(run: Awaitable[None]) -> None:
    """A task group wraps what its tasks raise; the first of it is what there is to say."""
    try:
        await run
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from group
