"""Every proctor sees every event once, in order and without gaps, across all its connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from undertone_client.simulate.record import ProctorRecord, Record, WindowKey

# A server that sends everything twice is one fault.
MOST: Final = 5


def violations(record: Record) -> Iterator[str]:
    """Of one meeting."""
    for proctor in record.proctors:
        yield from _of_proctor(record, proctor)
    if record.not_ended is not None:
        yield f"the meeting could not be ended: {record.not_ended}"
    for event in record.different[:1]:
        yield f"event {event} was told to one proctor otherwise than to another"


def _of_proctor(record: Record, proctor: ProctorRecord) -> Iterator[str]:
    name = f"proctor {proctor.number}"
    for wrong in proctor.tap.wrong[:MOST]:
        yield f"{name}: {wrong}"
    if len(proctor.tap.wrong) > MOST:
        yield f"{name}: and {len(proctor.tap.wrong) - MOST} more events out of their order"
    for fault in proctor.server_faults:
        yield f"{name}: the server broke the protocol: {fault}"
    if proctor.fault is not None:
        yield f"{name}: its channel ended: {proctor.fault}"
        return
    for snapshot in proctor.snapshots:
        yield f"{name}: was not given the events up to {snapshot.last_id}, but a snapshot in their place"
    if record.end_called and not proctor.told_of_end:
        yield f"{name}: was not told that the meeting ended"
    if proctor.out_of_order:
        yield f"{name}: was handed events out of order, the first of them event {proctor.out_of_order[0]}"
    missed = sorted(id_ for id_ in record.events if id_ >= proctor.first_id and id_ not in proctor.received_at)
    if missed:
        yield f"{name}: missed {len(missed)} events, the first of them event {missed[0]}"
    yield from _doubled(name, "verdict", proctor.judged)
    yield from _doubled(name, "storing", proctor.stored)


def _doubled(name: str, what: str, counted: dict[WindowKey, int]) -> Iterator[str]:
    for (participant, stream, window), count in counted.items():
        if count > 1:
            yield f"{name}: the {what} of window {window} of {participant}, stream {stream}, was told {count} times"
