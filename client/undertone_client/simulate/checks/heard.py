"""Two voices are heard and one is left alone, where it is known who speaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from undertone_client.simulate import audio
from undertone_client.simulate.record import CandidateRecord, Record
from undertone_client.simulate.truth import Truth


def known(record: Record, truths: Mapping[str, Truth]) -> int:
    """Of how many candidates it is known who speaks."""
    return sum(candidate.recording.name in truths for candidate in record.candidates)


def violations(record: Record, truths: Mapping[str, Truth]) -> Iterator[str]:
    """Of one meeting."""
    accused = {anomaly.participant.id for anomaly in record.anomalies.values()}
    found = {anomaly.participant.id for anomaly in record.anomalies.values() if anomaly.kind == "multiple_voices"}
    for candidate in record.candidates:
        truth = truths.get(candidate.recording.name)
        if truth is None:
            continue
        if truth.voices <= 1 and candidate.participant in accused:
            yield f"{candidate.name} ({truth.file}) spoke alone, and an anomaly says otherwise"
        if truth.voices > 1 and candidate.participant not in found and _unmistakable(record, candidate, truth):
            yield f"{candidate.name} ({truth.file}) was not alone, and no anomaly says so"


def _unmistakable(record: Record, candidate: CandidateRecord, truth: Truth) -> bool:
    """Whether one judged window holds the second voice clearly."""
    recording = candidate.recording
    for stream in candidate.streams:
        data = recording.data[stream.base : stream.base + stream.spoken]
        from_ms = recording.media_ms_at(stream.base)
        for window in audio.cut(data, [(gap.held, gap.offset, gap.lost_ms) for gap in stream.gaps]):
            key = (candidate.participant, stream.number or 0, window.window)
            judged = record.judged.get(key)
            begin_ms = from_ms + window.start_ms
            whole = judged is not None and judged.duration_ms == window.duration_ms
            if whole and truth.clearly_two(begin_ms / 1000, (begin_ms + window.duration_ms) / 1000):
                return True
    return False
