"""The command: from options to an exit code."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Sequence
from itertools import cycle, islice
from typing import Final

import httpx
from rich.console import Console

from undertone.core.errors import Unauthorized, UndertoneError
from undertone.core.events import Anomaly
from undertone.core.requests import MeetingCreated
from undertone_client.connection import Meetings
from undertone_client.connection.address import http_url, is_loopback
from undertone_client.simulate import audio, clips, figures, show
from undertone_client.simulate.checks import losses
from undertone_client.simulate.options import DEFAULT_CANDIDATES, Options, parse
from undertone_client.simulate.record import CandidateRecord, Record
from undertone_client.simulate.run import Run, TooFast

NOTHING_LOST: Final = 0
LOST: Final = 1
COULD_NOT_RUN: Final = 2
STOPPED: Final = 130

MAX_LINKS: Final = 5  # each is an audited look at evidence: enough to hear one


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `undertone simulate`; returns its exit code."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    console = Console(stderr=True)
    try:
        report = asyncio.run(_simulate(options, console))
    except KeyboardInterrupt:
        return STOPPED
    except (UndertoneError, httpx.HTTPError, ValueError) as error:
        console.print(
            f"undertone simulate: {_explained(error, options)}", markup=False, highlight=False, soft_wrap=True
        )
        return COULD_NOT_RUN
    if options.json:
        show.as_json(report)
    else:
        show.as_text(report, Console())
    return LOST if report.losses else NOTHING_LOST


async def _simulate(options: Options, console: Console) -> show.Report:
    server = http_url(options.server)
    candidates = _cast(options)
    record = Record(candidates, options.proctors)
    async with Meetings(server, options.api_key) as meetings:
        meeting = await meetings.create("undertone simulate")
        console.print(
            f"meeting {server}/meetings/{meeting.data.id}: {len(candidates)} candidates, {options.proctors} proctors, "
            f"{record.windows} windows to come",
            highlight=False,
            soft_wrap=True,
        )
        began = time.monotonic()
        with show.Live(record, console) as live:
            await _unwrapped(Run(server, meetings, meeting, record, live, options.seed).run(options.speed))
        wall_s = time.monotonic() - began
        return await _report(options, server, meetings, meeting, record, wall_s)


def _cast(options: Options) -> list[CandidateRecord]:
    """Each candidate its own file; when there are more candidates than files, they come round again."""
    files = audio.find(options.audio)
    wanted = options.candidates or min(len(files), DEFAULT_CANDIDATES)
    recordings = [audio.load(path, options.duration_ms) for path in files[:wanted]]
    return [
        CandidateRecord(number, f"Candidate {number}", recording)
        for number, recording in enumerate(islice(cycle(recordings), wanted), 1)
    ]


async def _report(
    options: Options, server: str, meetings: Meetings, meeting: MeetingCreated, record: Record, wall_s: float
) -> show.Report:
    # What was seen is told also when the server has gone meanwhile.
    unread: list[str] = []
    try:
        await meetings.end(meeting.data.id, meeting.admin_id)
    except (UndertoneError, httpx.TransportError) as error:
        unread.append(f"the meeting could not be ended: {error or type(error).__name__}")
    anomalies = list(record.anomalies.values())
    unplayable = await clips.faults(meetings, meeting.data.id, meeting.admin_id, anomalies)
    heard = [
        show.Heard(
            id=anomaly.id,
            kind=anomaly.kind,
            candidate=anomaly.participant.name,
            windows=anomaly.count,
            summary=anomaly.summary,
            listen=await _listen(meetings, meeting, anomaly) if place < MAX_LINKS else None,
        )
        for place, anomaly in enumerate(anomalies)
    ]
    latency = {
        "spoken → stored": figures.latency(figures.spoken_to_stored(record)),
        "spoken → pushed": figures.latency(figures.spoken_to_pushed(record)),
        "first → every proctor": figures.latency(figures.first_to_last(record)),
    }
    if is_loopback(server):  # elsewhere the server's clock is another one
        offset_ms = (time.time_ns() - time.monotonic_ns()) // 1_000_000
        latency["written → received"] = figures.latency(figures.written_to_received(record, offset_ms))
    return show.Report(
        server=server,
        meeting=meeting.data.id,
        admin_id=meeting.admin_id,
        speed=options.speed,
        wall_seconds=round(wall_s, 2),
        spoken_seconds=round(sum(candidate.spoken_ms for candidate in record.candidates) / 1000, 2),
        candidates=[show.spoke(record, candidate) for candidate in record.candidates],
        proctors=options.proctors,
        events=len(record.events),
        windows=len(record.stored),
        judged=len(record.judged),
        anomalies=heard,
        clips=sum(len(anomaly.evidence) for anomaly in anomalies) - len(unplayable),
        latency=latency,
        losses=[*losses(record), *unplayable, *unread],
    )


async def _listen(meetings: Meetings, meeting: MeetingCreated, anomaly: Anomaly) -> str | None:
    """An address that plays its first clip. None if there is none: what is wrong with a clip is told elsewhere."""
    if not anomaly.evidence:
        return None
    try:
        return (await meetings.clip_link(meeting.data.id, anomaly.evidence[0].clip, meeting.admin_id)).url
    except (UndertoneError, httpx.TransportError):
        return None


async def _unwrapped(run: Awaitable[None]) -> None:
    """A task group wraps what its tasks raise; the first of it is what there is to say."""
    try:
        await run
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from group


def _explained(error: Exception, options: Options) -> str:
    if isinstance(error, TooFast):
        return (
            f"the server refuses sound at {options.speed:g} times real time: {error}. "
            "Start it with UNDERTONE_MAX_SPEED=0, or simulate with less --speed or --duration."
        )
    if isinstance(error, Unauthorized):
        return f"{error}. Creating a meeting takes the server's API key: say it in UNDERTONE_API_KEY."
    if isinstance(error, httpx.TransportError):
        return f"no answer from {options.server} ({error or type(error).__name__}): is `undertone serve` running there?"
    return str(error)
