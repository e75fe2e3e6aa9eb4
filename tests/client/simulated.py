"""A run of the harness in which all went well, for a test to spoil."""

from __future__ import annotations

from pathlib import Path

from tests.client.recording import frames
from undertone.core.events import Event, Person, WindowJudged, WindowStored
from undertone.core.messages import Finished
from undertone_client.simulate.audio import Recording, load
from undertone_client.simulate.record import CandidateRecord, ProctorRecord, Record, StreamRecord

ADA = Person(id="p1", name="Candidate 1")
SPOKEN_AT = 1_000_000


def a_recording(folder: Path) -> Recording:
    """Two windows of numbered frames."""
    path = folder / "a.mp3"
    path.write_bytes(frames(0, 1500))
    return load(path)


def stored(id_: int, window: int, recording: Recording) -> Event:
    duration_ms = recording.windows[window].duration_ms
    body = WindowStored(stream=1, window=window, start_at="2026-01-01T00:00:00.000Z", duration_ms=duration_ms)
    return Event(id=id_, kind="window_stored", at="2026-01-01T00:00:00.000Z", participant=ADA, body=body)


def judged(id_: int, window: int, recording: Recording, outcome: str = "clean") -> Event:
    body = WindowJudged(
        stream=1,
        window=window,
        start_at="2026-01-01T00:00:00.000Z",
        duration_ms=recording.windows[window].duration_ms,
        outcome=outcome,  # type: ignore[arg-type]
        voices=1,
        confidence=0.9,
        reason="three attempts" if outcome == "failed" else None,
    )
    return Event(id=id_, kind="window_judged", at="2026-01-01T00:00:00.000Z", participant=ADA, body=body)


def a_good_run(recording: Recording, proctors: int = 2) -> Record:
    """Two windows, stored 40 ms and judged 300 ms after their last byte, told to the second proctor 5 ms later."""
    candidate = CandidateRecord(1, ADA.name, recording)
    record = Record([candidate], [ProctorRecord(number) for number in range(1, proctors + 1)])
    record.joined(candidate, ADA.id)
    stream = StreamRecord(0, number=1, spoken=len(recording.data))
    candidate.streams = [stream]
    stream.spoken_at = {0: SPOKEN_AT, 1: SPOKEN_AT + 1000}
    stream.stored(0, recording.windows[0].end, SPOKEN_AT + 40)
    stream.stored(1, len(recording.data), SPOKEN_AT + 1040)
    stream.finished = Finished(offset=len(recording.data), windows=2)
    events = [stored(1, 0, recording), judged(2, 0, recording), stored(3, 1, recording), judged(4, 1, recording)]
    for place, proctor in enumerate(record.proctors):
        for event in events:
            late = 300 if event.kind == "window_judged" else 40
            at = SPOKEN_AT + late + 5 * place + (1000 if event.id > 2 else 0)
            record.received(proctor, event, at)
    return record
