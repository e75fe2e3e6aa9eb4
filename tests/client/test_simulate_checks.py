"""What the harness says of a run: nothing when all is well, and the right line for everything that is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.simulated import ADA, SPOKEN_AT, a_good_run, a_recording, judged
from undertone.core.events import Anomaly, AnomalyMoved, AudioMissing, Event, WindowJudged, WindowStored
from undertone.core.messages import Finished
from undertone.core.window import WindowCutter
from undertone_client.session import Snapshot
from undertone_client.simulate.audio import Recording
from undertone_client.simulate.checks import delivery
from undertone_client.simulate.checks import judged as judging
from undertone_client.simulate.checks import stored as storing
from undertone_client.simulate.record import Gap, Record


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return a_recording(tmp_path)


def ended(id_: int) -> Event:
    return Event(id=id_, kind="meeting_ended", at="2026-01-01T00:00:00.000Z", participant=None, body=None)


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


def leave_out(record: Record) -> None:
    tap = record.proctors[0].tap
    for text in ('{"type":"ready","last_id":4}', '{"type":"event","id":6}'):
        tap.heard(text, None)


def break_channel(record: Record) -> None:
    record.proctors[1].server_faults.append("event 6 after event 4")


def break_stream(record: Record) -> None:
    record.candidates[0].server_faults.append("`stored` of nothing")


def end_untold(record: Record) -> None:
    record.end_called = True
    record.received(record.proctors[0], ended(5), 0)


def not_end(record: Record) -> None:
    record.not_ended = "away"


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
        (leave_out, "proctor 1: event 6 came after event 4: those between were left out"),
        (break_channel, "proctor 2: the server broke the protocol: event 6 after event 4"),
        (break_stream, "Candidate 1: the server broke the protocol: `stored` of nothing"),
        (end_untold, "proctor 2: was not told that the meeting ended"),
        (not_end, "the meeting could not be ended: away"),
        (swap, "proctor 1: was handed events out of order, the first of them event 4"),
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
    record.received(record.proctors[0], ended(5), 0)
    assert not record.settled()
    record.received(record.proctors[1], ended(5), 0)
    assert record.settled()
    del record.judged["p1", 1, 1]
    assert not record.settled()


def test_the_end_is_told_when_every_proctor_has_it(recording: Recording) -> None:
    record = a_good_run(recording)
    told = [record.ended]
    for proctor in record.proctors:
        record.received(proctor, ended(5), 0)
        told.append(record.ended)
    assert told == [False, False, True]


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
