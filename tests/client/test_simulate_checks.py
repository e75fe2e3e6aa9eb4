"""What the harness says of a run: nothing when all is well, and the right line for everything that is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client.recording import frames
from undertone.core.events import (
    Anomaly,
    AnomalyMoved,
    AudioMissing,
    Event,
    Evidence,
    Person,
    WindowJudged,
    WindowStored,
)
from undertone.core.messages import Finished
from undertone.core.window import WindowCutter
from undertone_client.session import Snapshot
from undertone_client.simulate.audio import Recording, find, load
from undertone_client.simulate.checks import delivery
from undertone_client.simulate.checks import judged as judging
from undertone_client.simulate.checks import stored as storing
from undertone_client.simulate.checks.evidence import fault_of
from undertone_client.simulate.figures import (
    BOUNDS_MS,
    Latency,
    first_to_last,
    latency,
    spoken_to_pushed,
    spoken_to_stored,
    written_to_received,
)
from undertone_client.simulate.record import CandidateRecord, Gap, ProctorRecord, Record, StreamRecord

ADA = Person(id="p1", name="Candidate 1")
SPOKEN_AT = 1_000_000


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    path = tmp_path / "a.mp3"
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


def losses(record: Record) -> list[str]:
    return [*storing.violations(record), *judging.violations(record), *delivery.violations(record)]


def test_nothing_is_said_of_a_good_run(recording: Recording) -> None:
    record = a_good_run(recording)
    assert losses(record) == []
    assert record.settled()


def drop_event(record: Record) -> None:
    del record.proctors[1].received_at[3]


def double_verdict(record: Record) -> None:
    record.proctors[0].judged["p1", 1, 0] = 2


def swap(record: Record) -> None:
    proctor = record.proctors[0]
    proctor.last_id = 2
    record.received(proctor, record.events[4], 0)


def lose_bytes(record: Record) -> None:
    record.candidates[0].streams[0].finished = Finished(offset=77_948, windows=2)


def lose_window(record: Record) -> None:
    record.candidates[0].streams[0].finished = Finished(offset=78_000, windows=1)
    del record.stored["p1", 1, 1]


def no_verdict(record: Record) -> None:
    del record.judged["p1", 1, 1]


def failed(record: Record) -> None:
    body = judged(4, 1, record.candidates[0].recording, "failed").body
    assert isinstance(body, WindowJudged)
    record.judged["p1", 1, 1] = body


def shorten(record: Record) -> None:
    record.stored["p1", 1, 0] = WindowStored(stream=1, window=0, start_at="", duration_ms=59_000)


def test_a_window_may_end_early_where_its_stream_was_away_for_a_minute(recording: Recording) -> None:
    """Where, only the server knows."""
    record = a_good_run(recording)
    shorten(record)
    stream = record.candidates[0].streams[0]
    for away_ms, violations in ((50_000, 1), (61_000, 0)):
        stream.closed(SPOKEN_AT)
        stream.closed(SPOKEN_AT + 1000)
        stream.back(SPOKEN_AT + away_ms)
        assert len(list(storing.violations(record))) == violations


def test_a_gap_counts_from_the_lead_in_and_the_proctors_are_told_from_the_end_of_the_window(
    recording: Recording,
) -> None:
    record = a_good_run(recording)
    candidate = record.candidates[0]
    candidate.small_buffer = True
    [first] = WindowCutter().feed(recording.data[:70_000])
    candidate.streams[0].gaps = [Gap(first.resume.offset, 72_800, 20_000)]
    whole_ms = recording.media_ms_at(first.resume.offset) + 20_000 - first.duration_ms
    assert whole_ms < 19_999
    for id_, lost_ms, violations in ((5, whole_ms, 0), (6, 20, 1)):
        body = AudioMissing(stream=1, start_ms=first.duration_ms, lost_ms=lost_ms)
        event = Event(id=id_, kind="audio_missing", at="2026-01-01T00:00:00.000Z", participant=ADA, body=body)
        record.received(record.proctors[0], event, 0)
        assert sum("never reached" in line for line in storing.violations(record)) == violations


def end_early(record: Record) -> None:
    record.candidates[0].fault = "TakenOver: a newer tab"


def never_finish(record: Record) -> None:
    record.candidates[0].streams[0].finished = None


def end_channel(record: Record) -> None:
    record.proctors[1].fault = "Revoked: out"


def snapshot(record: Record) -> None:
    record.missed(record.proctors[0], Snapshot("e", 9, (), ()), 0)


def fall_back(record: Record) -> None:
    record.candidates[0].streams[0].ready(1, 40_000)


def go_back(record: Record) -> None:
    record.candidates[0].streams[0].stored(0, 78_000, 0)


def drop_sound(record: Record) -> None:
    record.candidates[0].streams[0].gaps = [Gap(10_400, 20_800, 10_448)]


def tell_otherwise(record: Record) -> None:
    record.proctors[1].last_id = 1
    record.received(record.proctors[1], judged(2, 0, record.candidates[0].recording, "silent"), 0)


def missing_audio(record: Record) -> None:
    body = AudioMissing(stream=1, start_ms=20_000, lost_ms=500)
    event = Event(id=5, kind="audio_missing", at="2026-01-01T00:00:00.000Z", participant=ADA, body=body)
    for proctor in record.proctors:
        record.received(proctor, event, 0)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (drop_event, "proctor 2: missed 1 events, the first of them event 3"),
        (double_verdict, "proctor 1: the verdict of window 0 of p1, stream 1, was told 2 times"),
        (swap, "proctor 1: events out of order, the first of them event 4"),
        (lose_bytes, "Candidate 1, stream 1: sent 78000 bytes, and the server finished at 77948"),
        (lose_window, "Candidate 1, stream 1: 2 windows were spoken, 1 stored"),
        (no_verdict, "Candidate 1, stream 1: window 1 has no verdict"),
        (failed, "Candidate 1, stream 1: window 1 could not be analysed: three attempts"),
        (shorten, "Candidate 1, stream 1: window 0 lasts 59000 ms, not 60029"),
        (end_early, "Candidate 1: ended early: TakenOver: a newer tab"),
        (never_finish, "Candidate 1: never finished"),
        (end_channel, "proctor 2: its channel ended: Revoked: out"),
        (snapshot, "proctor 1: was not given the events up to 9, but a snapshot in their place"),
        (
            fall_back,
            "Candidate 1, stream 1: byte 78000 was acknowledged, and then the server had it only up to byte 40000",
        ),
        (go_back, "Candidate 1, stream 1: window 0 was acknowledged after window 1"),
        (drop_sound, "Candidate 1, stream 1: 10448 ms had to be dropped before the server took them"),
        (tell_otherwise, "event 2 was told to one proctor otherwise than to another"),
        (missing_audio, "Candidate 1, stream 1: 0 ms never reached the server, and the proctors were told of 500 ms"),
    ],
)
def test_each_loss_is_named(recording: Recording, spoil: Callable[[Record], None], says: str) -> None:
    record = a_good_run(recording)
    spoil(record)
    assert says in losses(record)


def test_it_is_not_over_before_every_proctor_has_every_verdict(recording: Recording) -> None:
    record = a_good_run(recording)
    extra = Event(id=5, kind="meeting_ended", at="2026-01-01T00:00:00.000Z", participant=None, body=None)
    record.received(record.proctors[0], extra, 0)
    assert not record.settled()
    record.received(record.proctors[1], extra, 0)
    assert record.settled()
    del record.judged["p1", 1, 1]
    assert not record.settled()


def test_the_ways_are_timed_from_the_last_byte_of_a_window(recording: Recording) -> None:
    record = a_good_run(recording)
    assert spoken_to_stored(record) == [40, 40]
    assert sorted(spoken_to_pushed(record)) == [300, 300, 305, 305]
    assert sorted(first_to_last(record)) == [0] * 4 + [5] * 4
    written_ms = 1_767_225_600_000  # 2026-01-01
    received = written_to_received(record, written_ms - SPOKEN_AT)
    assert sorted(received) == [40, 45, 300, 305, 1040, 1045, 1300, 1305]


@given(st.lists(st.integers(0, 10_000), min_size=1))
def test_percentiles_are_samples_by_the_nearest_rank(samples: list[int]) -> None:
    figures = latency(samples)
    assert figures is not None
    ordered = sorted(samples)
    assert figures.max_ms == ordered[-1]
    for percent, value in ((50, figures.p50_ms), (90, figures.p90_ms), (99, figures.p99_ms)):
        assert value in samples
        assert sum(sample <= value for sample in samples) * 100 >= percent * len(samples)
        assert sum(sample < value for sample in samples) * 100 < percent * len(samples)


def test_no_samples_have_no_percentiles() -> None:
    assert latency([]) is None
    bars = [1] + [0] * len(BOUNDS_MS)
    assert latency([5]) == Latency(count=1, p50_ms=5, p90_ms=5, p99_ms=5, max_ms=5, histogram=bars)


@pytest.fixture(scope="module")
def clip() -> bytes:
    """Ten seconds of real speech, with two frames in front."""
    return load(next(path for path in find(None) if path.name == "one-voice.mp3"), 10_052).data


def evidence(clip_ms: int, lead_in_ms: int = 52, turns: list[tuple[int, int, int]] | None = None) -> Evidence:
    return Evidence(
        clip="c",
        lead_in_ms=lead_in_ms,
        start_at="2026-01-01T00:00:00.000Z",
        duration_ms=clip_ms - lead_in_ms,
        voices=2,
        other_ms=1000,
        confidence=0.9,
        turns=[(0, 5000, 0), (5000, 7000, 1)] if turns is None else turns,
    )


def test_a_clip_that_plays_has_no_fault(clip: bytes) -> None:
    assert fault_of(clip, evidence(10_057)) is None


@pytest.mark.parametrize(
    ("spoil", "described", "says"),
    [
        (lambda clip: clip[:40_000], evidence(10_057), "instead of 10057 ms"),
        (lambda clip: clip, evidence(11_000), "instead of 11000 ms"),
        (lambda clip: clip, evidence(10_057, turns=[(0, 20_000, 0)]), "lies outside"),
        (lambda clip: clip, evidence(10_057, turns=[(500, 400, 0)]), "lies outside"),
        (lambda _: b"", evidence(10_057), "its frames last 0 ms"),
        (lambda _: b'{"code": "not_found"}', evidence(10_057), "its frames last 0 ms"),
    ],
)
def test_a_clip_that_does_not_play_says_why(
    clip: bytes, spoil: Callable[[bytes], bytes], described: Evidence, says: str
) -> None:
    fault = fault_of(spoil(clip), described)
    assert fault is not None
    assert says in fault


def test_an_anomaly_is_kept_as_it_was_told_last(recording: Recording) -> None:
    record = a_good_run(recording)
    for id_, count in ((5, 1), (6, 2)):
        anomaly = Anomaly(
            id="a1",
            kind="multiple_voices",
            state="open",
            participant=ADA,
            opened_at="",
            last_at="",
            count=count,
            summary="another voice",
            evidence=[],
        )
        event = Event(id=id_, kind="anomaly_grew", at="", participant=ADA, body=AnomalyMoved(anomaly=anomaly))
        assert record.received(record.proctors[0], event, 0)
        assert not record.received(record.proctors[1], event, 0)
    assert record.anomalies["a1"].count == 2
