"""Every stored window gets a verdict, or a visible failure; in a test of a sound server a failure is one too many."""

from __future__ import annotations

from collections.abc import Iterator

from undertone_client.simulate.record import Record


def violations(record: Record) -> Iterator[str]:
    """Of one meeting."""
    for key in sorted(record.owed()):
        participant, stream, window = key
        candidate = record.by_participant.get(participant)
        name = f"{participant if candidate is None else candidate.name}, stream {stream}: window {window}"
        judged, stored = record.judged.get(key), record.stored.get(key)
        if judged is None:
            yield f"{name} has no verdict"
            continue
        if judged.outcome == "failed":
            yield f"{name} could not be analysed: {judged.reason or 'no reason given'}"
        if stored is not None and (judged.start_at, judged.duration_ms) != (stored.start_at, stored.duration_ms):
            yield f"{name} was judged as another window than was stored"
