"""No stored audio is lost: what was acknowledged is there, and what the server finished is what was sent."""

from __future__ import annotations

from collections.abc import Iterator

from undertone_client.simulate import audio
from undertone_client.simulate.checks import cutting
from undertone_client.simulate.record import CandidateRecord, Record, StreamRecord

# Losses are told in whole milliseconds, each rounded by itself.
ROUNDED_MS = 2


def violations(record: Record) -> Iterator[str]:
    """Of one meeting."""
    for candidate in record.candidates:
        if candidate.fault is not None:
            yield f"{candidate.name}: ended early: {candidate.fault}"
        elif not candidate.finished:
            yield f"{candidate.name}: never finished"
        for fault in candidate.server_faults:
            yield f"{candidate.name}: the server broke the protocol: {fault}"
        for stream in candidate.streams:
            for line in _of_stream(record, candidate, stream):
                yield f"{candidate.name}, stream {stream.number}: {line}"
            if stream.number is not None:
                yield from _missing(record, candidate, stream)


def _of_stream(record: Record, candidate: CandidateRecord, stream: StreamRecord) -> Iterator[str]:
    yield from stream.out_of_order
    for fallen in stream.fallen:
        yield f"byte {fallen.stored} was acknowledged, and then the server had it only up to byte {fallen.held}"
    if stream.number is None:
        return
    if stream.finished is not None and stream.finished.offset != stream.spoken:
        yield f"sent {stream.spoken} bytes, and the server finished at {stream.finished.offset}"
    for window in range(stream.windows):
        if (candidate.participant, stream.number, window) not in record.stored:
            yield f"window {window} was acknowledged, and never told to be stored"
    if stream.may_be_cut_short:
        return
    data = candidate.recording.data[stream.base : stream.base + stream.spoken]
    expected = audio.cut(data, [(gap.held, gap.offset, gap.lost_ms) for gap in stream.gaps])
    yield from cutting.violations(candidate.recording, stream, expected)
    told = {key[2]: record.stored[key] for key in record.stored if key[:2] == (candidate.participant, stream.number)}
    if stream.finished is not None and stream.finished.windows != len(expected):
        yield f"{len(expected)} windows were spoken, {stream.finished.windows} stored"
    for number in sorted(told):
        if number >= len(expected):
            yield f"window {number} was stored, but only {len(expected)} were spoken"
            continue
        took, was = told[number].duration_ms, expected[number].duration_ms
        # A stream that was broken off ends in a short window, wherever the server had it.
        short = stream.finished is None and number == max(told)
        if took != was and not (short and took < was):
            yield f"window {number} lasts {took} ms, not {was}"
    if stream.finished is not None:
        for number in sorted(set(range(len(expected))) - told.keys()):
            yield f"window {number} was never told to be stored"


def _missing(record: Record, candidate: CandidateRecord, stream: StreamRecord) -> Iterator[str]:
    """Sound that never arrived: said by the candidate, and told to the proctors in full."""
    lost_ms = stream.gaps[-1].lost_ms if stream.gaps else 0
    if lost_ms and not candidate.small_buffer:
        yield f"{candidate.name}, stream {stream.number}: {lost_ms} ms had to be dropped before the server took them"
    told_ms = sum(
        missing.lost_ms
        for participant, missing in record.missing
        if (participant, missing.stream) == (candidate.participant, stream.number)
    )
    if stream.may_be_cut_short:
        return
    missing_ms = _missing_ms(candidate, stream)
    if stream.finished is not None and abs(told_ms - missing_ms) > ROUNDED_MS * max(1, len(stream.gaps)):
        yield (
            f"{candidate.name}, stream {stream.number}: {missing_ms} ms never reached the server, "
            f"and the proctors were told of {told_ms} ms"
        )


def _missing_ms(candidate: CandidateRecord, stream: StreamRecord) -> int:
    """How much lies between the windows. A gap counts from where the stream was to be resumed, and the window that the
    server had whole by then reaches beyond that, by the lead-in of the next."""
    if not stream.gaps:
        return 0
    data = candidate.recording.data[stream.base : stream.base + stream.spoken]
    missing_ms = end_ms = 0
    for window in audio.cut(data, [(gap.held, gap.offset, gap.lost_ms) for gap in stream.gaps]):
        missing_ms += window.start_ms - end_ms
        end_ms = window.start_ms + window.duration_ms
    return missing_ms
