"""A clip that was fetched: whether it plays, and whether it is what was said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.recording import FRAME_BYTES, PER_FRAME, RATE, frame
from tests.client.simulated import ADA, a_good_run, a_recording
from undertone.core.events import Evidence
from undertone.core.messages import Finished
from undertone_client.simulate import audio
from undertone_client.simulate.audio import find, load
from undertone_client.simulate.checks.evidence import difference, fault_of
from undertone_client.simulate.record import Gap, Record, StreamRecord


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


# --- byte by byte


def told_of(record: Record, window: int) -> tuple[bytes, Evidence]:
    """The clip and the evidence that a sound server gives of one window of the good run."""
    candidate = record.candidates[0]
    stream = candidate.streams[0]
    gaps = [(gap.held, gap.offset, gap.lost_ms) for gap in stream.gaps]
    cut = audio.cut(candidate.recording.data[: stream.spoken], gaps)[window]
    judged = record.judged["p1", 1, window]
    return cut.clip, Evidence(
        clip="c",
        lead_in_ms=cut.lead_in_samples * 1000 // RATE,
        start_at=judged.start_at,
        duration_ms=judged.duration_ms,
        voices=2,
        other_ms=1000,
        confidence=0.9,
        turns=[],
    )


def changed(evidence: Evidence, **fields: object) -> Evidence:
    return Evidence(**({name: getattr(evidence, name) for name in evidence.__struct_fields__} | fields))


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return a_good_run(a_recording(tmp_path))


@pytest.mark.parametrize("window", [0, 1])
def test_a_clip_that_is_what_was_said_has_no_difference(record: Record, window: int) -> None:
    clip, evidence = told_of(record, window)
    assert difference(record, ADA.id, clip, evidence) is None
    assert (evidence.lead_in_ms > 0) == (window > 0)


def test_one_changed_byte_is_found_and_named(record: Record) -> None:
    clip, evidence = told_of(record, 1)
    for at in (0, 4711, len(clip) - 1):
        wrong = bytearray(clip)
        wrong[at] ^= 1
        said = difference(record, ADA.id, bytes(wrong), evidence)
        assert said == f"byte {at} of {len(clip)} is not what was said in stream 1, window 1"


def test_a_clip_that_starts_a_frame_early_or_late_is_found(record: Record) -> None:
    clip, evidence = told_of(record, 1)
    for other in (frame(0) + clip, clip[FRAME_BYTES:]):
        assert "is not what was said" in (difference(record, ADA.id, other, evidence) or "")


def test_a_clip_that_lacks_its_end_or_goes_on_is_found(record: Record) -> None:
    clip, evidence = told_of(record, 1)
    said = f"byte {len(clip) - FRAME_BYTES} of {len(clip)}"
    assert (difference(record, ADA.id, clip[:-FRAME_BYTES], evidence) or "").startswith(said)
    assert (difference(record, ADA.id, clip + frame(0), evidence) or "").startswith(f"byte {len(clip)} of")


def test_the_clip_of_another_window_is_found(record: Record) -> None:
    first, _ = told_of(record, 0)
    _, evidence = told_of(record, 1)
    assert "is not what was said in stream 1, window 1" in (difference(record, ADA.id, first, evidence) or "")


def test_a_window_that_starts_elsewhere_in_its_clip_is_found(record: Record) -> None:
    clip, evidence = told_of(record, 1)
    right = evidence.lead_in_ms
    assert difference(record, ADA.id, clip, changed(evidence, lead_in_ms=right + 1)) is None  # rounded
    said = difference(record, ADA.id, clip, changed(evidence, lead_in_ms=0))
    assert said == f"its window starts after {right} ms, not 0 ms"


def test_a_stream_that_was_broken_off_may_end_where_the_server_had_it(record: Record) -> None:
    clip, evidence = told_of(record, 1)
    record.candidates[0].streams[0].finished = None
    assert difference(record, ADA.id, clip[: -3 * FRAME_BYTES], evidence) is None
    assert difference(record, ADA.id, clip[FRAME_BYTES:], evidence) is not None


def test_a_clip_after_a_gap_is_what_was_said_after_it(record: Record) -> None:
    """Twenty frames were never sent: the window before them ends there, and the next one begins behind them."""
    stream = record.candidates[0].streams[0]
    lost_ms = 20 * PER_FRAME * 1000 // RATE
    whole, _ = told_of(record, 0)
    stream.gaps = [Gap(100 * FRAME_BYTES, 120 * FRAME_BYTES, lost_ms)]
    before, evidence = told_of(record, 0)
    assert before == whole[: 100 * FRAME_BYTES]
    assert difference(record, ADA.id, before, evidence) is None
    assert difference(record, ADA.id, whole, evidence) is not None
    after, evidence = told_of(record, 1)
    assert after.startswith(frame(120))
    assert difference(record, ADA.id, after, evidence) is None


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda record: record.judged.clear(), "no window that was judged"),
        (lambda record: record.by_participant.clear(), "no window that was judged"),
        (lambda record: record.candidates[0].streams.clear(), "stream 1, which nobody spoke"),
        (lambda record: setattr(record.candidates[0].streams[0], "spoken", 52_000), "window 1, which nobody spoke"),
    ],
)
def test_a_clip_of_nothing_that_was_said_is_found(record: Record, spoil: Callable[[Record], object], says: str) -> None:
    clip, evidence = told_of(record, 1)
    spoil(record)
    assert says in (difference(record, ADA.id, clip, evidence) or "")


def test_of_two_streams_that_begin_at_one_moment_the_clip_is_of_either(record: Record) -> None:
    """Faster than real time that is when the candidate came: the second tab's first window has the first one's time."""
    candidate = record.candidates[0]
    second = StreamRecord(
        300 * FRAME_BYTES, number=2, spoken=1150 * FRAME_BYTES, finished=Finished(offset=0, windows=1)
    )
    candidate.streams.append(second)
    record.judged["p1", 2, 0] = record.judged["p1", 1, 0]
    first, evidence = told_of(record, 0)
    other = audio.cut(candidate.recording.data[second.base :])[0].clip
    assert difference(record, ADA.id, first, evidence) is None
    assert difference(record, ADA.id, other, evidence) is None
    assert difference(record, ADA.id, first[FRAME_BYTES:], evidence) is not None


def test_a_stream_that_was_away_for_a_minute_may_be_cut_anywhere_and_holds_what_was_said(record: Record) -> None:
    clip, evidence = told_of(record, 1)
    record.candidates[0].streams[0].away_ms = 61_000
    assert difference(record, ADA.id, clip[FRAME_BYTES:], evidence) is None
    spliced = clip[: 5 * FRAME_BYTES] + clip[6 * FRAME_BYTES :]
    assert difference(record, ADA.id, spliced, evidence) == "it is nowhere in what was said in stream 1"
