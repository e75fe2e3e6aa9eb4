"""What must hold after a run: each line that `losses` gives names something that was lost, doubled or wrong."""

from __future__ import annotations

from collections.abc import Iterator

from undertone_client.simulate.record import CandidateRecord, ProctorRecord, Record, WindowKey


def losses(record: Record) -> list[str]:
    """Everything that did not hold, in plain words; empty if nothing was lost."""
    found = [line for candidate in record.candidates for line in _of_candidate(candidate)]
    for candidate in record.candidates:
        found += _of_windows(record, candidate)
    for participant, missing in record.missing:
        candidate = record.by_participant[participant]
        found.append(f"{candidate.name}: {missing.lost_ms} ms from {missing.start_ms} ms on never reached the server")
    for proctor in record.proctors:
        found += _of_proctor(record, proctor)
    return found


def _of_candidate(candidate: CandidateRecord) -> Iterator[str]:
    if candidate.fault is not None:
        yield f"{candidate.name}: ended early: {candidate.fault}"
    elif candidate.finished is None:
        yield f"{candidate.name}: never finished"
    elif candidate.finished.offset != len(candidate.recording.data):
        sent, stored = len(candidate.recording.data), candidate.finished.offset
        yield f"{candidate.name}: sent {sent} bytes, and the server finished at {stored}"


def _of_windows(record: Record, candidate: CandidateRecord) -> Iterator[str]:
    if candidate.finished is None:
        return
    expected = candidate.recording.windows
    if candidate.finished.windows != len(expected):
        yield f"{candidate.name}: {len(expected)} windows were spoken, {candidate.finished.windows} stored"
    for number, window in enumerate(expected):
        key = (candidate.participant, 1, number)
        stored, judged = record.stored.get(key), record.judged.get(key)
        if stored is None:
            yield f"{candidate.name}: window {number} was never told to be stored"
        elif stored.duration_ms != window.duration_ms:
            yield f"{candidate.name}: window {number} lasts {stored.duration_ms} ms, not {window.duration_ms}"
        if judged is None:
            yield f"{candidate.name}: window {number} has no verdict"
        elif judged.outcome == "failed":
            yield f"{candidate.name}: window {number} could not be analysed: {judged.reason or 'no reason given'}"


def _of_proctor(record: Record, proctor: ProctorRecord) -> Iterator[str]:
    name = f"proctor {proctor.number}"
    if proctor.fault is not None:
        yield f"{name}: its channel ended: {proctor.fault}"
        return
    for snapshot in proctor.snapshots:
        yield f"{name}: was not given the events up to {snapshot.last_id}, but a snapshot in their place"
    if proctor.out_of_order:
        yield f"{name}: events out of order, the first of them event {proctor.out_of_order[0]}"
    missed = sorted(id_ for id_ in record.events if id_ >= proctor.first_id and id_ not in proctor.received_at)
    if missed:
        yield f"{name}: missed {len(missed)} events, the first of them event {missed[0]}"
    yield from _doubled(name, "verdict", proctor.judged)
    yield from _doubled(name, "storing", proctor.stored)


def _doubled(name: str, what: str, counted: dict[WindowKey, int]) -> Iterator[str]:
    for (participant, stream, window), count in counted.items():
        if count > 1:
            yield f"{name}: the {what} of window {window} of {participant}, stream {stream}, was told {count} times"
