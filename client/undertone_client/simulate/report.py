"""The whole run in figures: what --json prints and an embedding test reads."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import httpx
import msgspec

from undertone.core.errors import UndertoneError
from undertone.core.events import Anomaly
from undertone_client.connection.address import http_url, is_loopback
from undertone_client.simulate import figures
from undertone_client.simulate.checks import Promise, evidence, judge
from undertone_client.simulate.figures import Latency
from undertone_client.simulate.options import Options
from undertone_client.simulate.record import CandidateRecord, Record
from undertone_client.simulate.run import Happened, Room
from undertone_client.simulate.service import Service
from undertone_client.simulate.strikes import Strike
from undertone_client.simulate.truth import Truth

MAX_LINKS: Final = 5  # each is an audited look at evidence: enough to hear one


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """An anomaly as it stood in the end, and an address that plays its first clip for five minutes."""

    id: str
    kind: str
    candidate: str
    windows: int
    summary: str
    listen: str | None


class Spoke(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate."""

    name: str
    file: str
    meeting: str
    participant: str
    seconds: float
    streams: int
    windows: int
    outcomes: dict[str, int]
    connections: int


class Meeting(msgspec.Struct, frozen=True, kw_only=True):
    """One meeting, and the secret that reads it again."""

    id: str
    admin_id: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole run; `violations` is empty if everything held, and `replay` is the command line that runs it again."""

    servers: list[str]
    meetings: list[Meeting]
    seed: int
    replay: str
    speed: float
    wall_seconds: float
    spoken_seconds: float
    candidates: list[Spoke]
    proctors: int
    events: int
    windows: int
    judged: int
    faults: dict[str, int]  # that were carried out
    kills: int  # that landed
    anomalies: list[Heard]
    clips: int
    latency: dict[str, Latency | None]
    promises: list[Promise]
    violations: list[str]
    left_out: list[
        str
    ] = []  # kinds of faults that were asked for, and that nobody suffered: too few clients or seconds

    @property
    def held(self) -> bool:
        return not self.violations


async def make(
    options: Options,
    service: Service,
    rooms: Sequence[Room],
    happened: Happened,
    struck: Sequence[Strike],
    truths: Mapping[str, Truth],
    wall_s: float,
) -> Report:
    """Judge the run: fetches and compares every clip. What was seen is told also when the server has gone meanwhile."""
    records = [room.record for room in rooms]
    anomalies = [(room, anomaly) for room in rooms for anomaly in room.record.anomalies.values()]
    fetched = sum(len(anomaly.evidence) for _, anomaly in anomalies)
    wrong = [line for room in rooms for line in await evidence.faults(service, room)]
    promises = judge(rooms, happened, struck, truths, (fetched, wrong))
    heard = [
        Heard(
            id=anomaly.id,
            kind=anomaly.kind,
            candidate=anomaly.participant.name,
            windows=anomaly.count,
            summary=anomaly.summary,
            listen=await _listen(service, room, anomaly) if place < MAX_LINKS else None,
        )
        for place, (room, anomaly) in enumerate(anomalies)
    ]
    speakers = [(candidate, room) for room in rooms for candidate in room.record.candidates]
    return Report(
        servers=[http_url(server) for server in options.servers],
        meetings=[Meeting(id=room.meeting.data.id, admin_id=room.meeting.admin_id) for room in rooms],
        seed=options.seed,
        replay=options.command(),
        speed=options.speed,
        wall_seconds=round(wall_s, 2),
        spoken_seconds=round(sum(each.spoken_ms for record in records for each in record.candidates) / 1000, 2),
        candidates=[_spoke(room, candidate) for candidate, room in sorted(speakers, key=lambda each: each[0].number)],
        proctors=sum(len(record.proctors) for record in records),
        events=sum(len(record.events) for record in records),
        windows=sum(len(record.stored) for record in records),
        judged=sum(len(record.judged) for record in records),
        faults=dict(Counter(fault.kind for fault in happened.faults)),
        left_out=[kind for kind in options.faults if kind not in {fault.kind for fault in happened.faults}],
        kills=happened.struck.landed,
        anomalies=heard,
        clips=fetched - len(wrong),
        latency=_latencies(records, is_loopback(options.servers[0])),
        promises=promises,
        violations=[line for promise in promises for line in promise.violations],
    )


def _latencies(records: Sequence[Record], one_clock: bool) -> dict[str, Latency | None]:
    ways = {
        "spoken → stored": [sample for record in records for sample in figures.spoken_to_stored(record)],
        "spoken → pushed": [sample for record in records for sample in figures.spoken_to_pushed(record)],
        "first → other proctors": [sample for record in records for sample in figures.first_to_last(record)],
    }
    if one_clock:  # elsewhere the server's clock is another one
        offset_ms = (time.time_ns() - time.monotonic_ns()) // 1_000_000
        ways["written → received"] = [
            sample for record in records for sample in figures.written_to_received(record, offset_ms)
        ]
    return {way: figures.latency(samples) for way, samples in ways.items()}


def _spoke(room: Room, candidate: CandidateRecord) -> Spoke:
    outcomes: Counter[str] = Counter(
        judged.outcome
        for (participant, _, _), judged in room.record.judged.items()
        if participant == candidate.participant
    )
    return Spoke(
        name=candidate.name,
        file=candidate.recording.name,
        meeting=room.meeting.data.id,
        participant=candidate.participant,
        seconds=round(candidate.spoken_ms / 1000, 1),
        streams=len(candidate.streams),
        windows=sum(participant == candidate.participant for participant, _, _ in room.record.stored),
        outcomes=dict(outcomes),
        connections=candidate.connections,
    )


async def _listen(service: Service, room: Room, anomaly: Anomaly) -> str | None:
    """An address that plays its first clip. None if there is none: what is wrong with a clip is told elsewhere."""
    if not anomaly.evidence:
        return None
    meeting, clip = room.meeting, anomaly.evidence[0].clip
    try:
        return (await service.call(lambda node: node.clip_link(meeting.data.id, clip, meeting.admin_id))).url
    except (UndertoneError, httpx.TransportError):
        return None
