"""What the database and the disk say of a schedule: the harness's record in the words of the auditor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Final

from tests.chaos.house import House
from tests.end_to_end import audit as auditor
from tests.end_to_end.audit import Piece, Received, Sent
from undertone_client.simulate.record import CandidateRecord, StreamRecord
from undertone_client.simulate.run import Happened, Room
from undertone_client.simulate.simulation import Simulated

# What sweepers and leases put right is right by then: a node that died is missed for 15 s and looked for every 5 s, its
# candidates' parts are taken up in 60 s, and a worker's lease runs for 20 s. What is wrong for longer stays wrong.
RIGHT_WITHIN_S: Final = 60.0
LOOK_EVERY_S: Final = 3.0
# As far as the main data of a window's first frames reaches back, and they with it.
LEAD_IN_BYTES: Final = 16 * 1024


async def audit(house: House, seen: Simulated, within_s: float = RIGHT_WITHIN_S) -> list[str]:
    """Everything that does not hold of the meetings of a run, once it has had its time."""
    until = time.monotonic() + within_s
    while True:
        found = [str(finding) for room in seen.rooms for finding in await _audit(house, room, seen.happened)]
        if not found or time.monotonic() > until:
            return found
        await asyncio.sleep(LOOK_EVERY_S)


async def _audit(house: House, room: Room, happened: Happened) -> list[auditor.Finding]:
    return await auditor.audit(
        house.postgres.dsn,
        house.folder,
        list(sent(room)),
        list(received(room)),
        meeting=room.meeting.data.id,
        strangers=[answer.participant for answer in happened.answers],
    )


def sent(room: Room) -> Iterator[Sent]:
    """Every stream that a candidate of the meeting began."""
    for candidate in room.record.candidates:
        known = {stream.number: stream for stream in candidate.streams if stream.number is not None}
        for number in range(1, max(known, default=0) + 1):
            stream = known.get(number)
            # A tab that never heard `ready` began a stream it did not know of: not one byte was sent into it.
            yield _sent(room, candidate, number, StreamRecord(0) if stream is None else stream)


def _sent(room: Room, candidate: CandidateRecord, number: int, stream: StreamRecord) -> Sent:
    finished = stream.finished
    return Sent(
        room.meeting.data.id,
        candidate.participant,
        number,
        list(_pieces(candidate, stream)),
        acknowledged=stream.stored_offset,
        finished=None if finished is None else (finished.offset, finished.windows),
    )


def _pieces(candidate: CandidateRecord, stream: StreamRecord) -> Iterator[Piece]:
    data = candidate.recording.data[stream.base : stream.base + stream.spoken]
    begin = lost_ms = 0
    for gap in stream.gaps:
        yield Piece(data[begin : gap.held], begin, lost_ms, data[gap.held : gap.held + LEAD_IN_BYTES])
        begin, lost_ms = gap.offset, gap.lost_ms
    yield Piece(data[begin:], begin, lost_ms)


def received(room: Room) -> Iterator[Received]:
    """What the proctors of the meeting were told, to the last event that any of them had when the run was over."""
    last = max(room.record.events, default=0)
    for proctor in room.record.proctors:
        for place, view in enumerate(proctor.views, 1):
            had = max((event.id for event in view.events), default=view.after)
            until = last if place == len(proctor.views) else had
            yield Received(room.meeting.data.id, f"{proctor.number}", view.after, view.events, until)
