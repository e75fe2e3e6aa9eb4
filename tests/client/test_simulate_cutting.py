"""What is expected of the server is itself checked: by counting frames, without the code that cuts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.client.recording import FRAME_BYTES, PER_FRAME, RATE, frames
from undertone.core.window import WindowClosed
from undertone_client.simulate import audio
from undertone_client.simulate.audio import Recording, cut, find, load
from undertone_client.simulate.checks import stored
from undertone_client.simulate.checks.cutting import violations
from undertone_client.simulate.record import CandidateRecord, Gap, ProctorRecord, Record, StreamRecord

FRAMES = 2500  # three windows


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    path = tmp_path_factory.mktemp("cutting") / "a.mp3"
    path.write_bytes(frames(0, FRAMES))
    return load(path)


def stream_of(recording: Recording, base: int = 0, gaps: tuple[Gap, ...] = ()) -> StreamRecord:
    base *= FRAME_BYTES
    return StreamRecord(base, number=1, spoken=len(recording.data) - base, gaps=list(gaps))


def windows_of(recording: Recording, stream: StreamRecord) -> list[WindowClosed]:
    said = recording.data[stream.base : stream.base + stream.spoken]
    return cut(said, [(gap.held, gap.offset, gap.lost_ms) for gap in stream.gaps])


def found(recording: Recording, stream: StreamRecord, windows: list[WindowClosed] | None = None) -> list[str]:
    return list(violations(recording, stream, windows_of(recording, stream) if windows is None else windows))


@pytest.mark.parametrize("base", [0, 700, 2499])
def test_nothing_is_said_of_what_the_cutter_makes(recording: Recording, base: int) -> None:
    assert found(recording, stream_of(recording, base)) == []


def test_nothing_is_said_of_the_samples_repeated() -> None:
    for path in find(None):
        speech = load(path, 200_000)
        assert found(speech, StreamRecord(0, number=1, spoken=len(speech.data))) == []


def test_nothing_is_said_whatever_is_given_up(recording: Recording) -> None:
    random = Random(7)
    for _ in range(300):
        gaps: list[Gap] = []
        at = lost_ms = 0
        for _ in range(random.randint(1, 3)):
            held = random.randint(at, at + random.choice([200, 5_000, 60_000]))
            offset = (held // FRAME_BYTES + random.randint(1, 400)) * FRAME_BYTES
            if offset > (FRAMES - 2) * FRAME_BYTES:
                break
            lost_ms += (offset - held) // FRAME_BYTES * PER_FRAME * 1000 // RATE
            gaps.append(Gap(held, offset, lost_ms))
            at = offset
        assert found(recording, stream_of(recording, gaps=tuple(gaps))) == [], gaps


def test_a_file_that_repeats_may_say_the_same_behind_a_gap_as_before(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(frames(0, 500))
    repeated = load(path, FRAMES * PER_FRAME * 1000 // RATE)
    for held, offset in ((100, 700), (100, 2200), (600, 1300)):
        gap = Gap(held * FRAME_BYTES, offset * FRAME_BYTES, (offset - held) * PER_FRAME * 1000 // RATE)
        assert found(repeated, stream_of(repeated, gaps=(gap,))) == []


def without(recording: Recording, frame: int) -> Callable[[list[WindowClosed]], list[WindowClosed]]:
    """A cutter that leaves a frame out, and says nothing."""

    def spoil(_: list[WindowClosed]) -> list[WindowClosed]:
        return cut(recording.data[: frame * FRAME_BYTES] + recording.data[(frame + 1) * FRAME_BYTES :])

    return spoil


SAMPLES = PER_FRAME


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda windows: windows[1:], "window 1: what is expected of it is not what comes next"),
        (lambda windows: windows[:-1], "to 130000 are expected in no window, and were not given up"),
        (
            lambda windows: [windows[0], windows[2]],
            "window 2: what is expected of it is not what comes next",
        ),
        (
            lambda windows: [windows[0], windows[0]],
            "window 0: what is expected of it is not what comes next",
        ),
        (
            lambda windows: [windows[1], windows[0]],
            "window 1: what is expected of it is not what comes next",
        ),
        (
            lambda windows: [replace(windows[0], clip=windows[0].clip[:-1]), *windows[1:]],
            "window 0: what is expected of it is not what comes next",
        ),
        (
            lambda windows: [replace(windows[0], clip=b"\0" + windows[0].clip[1:]), *windows[1:]],
            "window 0: what is expected of it is not what comes next",
        ),
        (
            lambda windows: [replace(windows[0], duration_ms=windows[0].duration_ms + 52), *windows[1:]],
            "window 0 is expected to last 60081 ms, its frames 60029",
        ),
        (
            lambda windows: [windows[0], replace(windows[1], start_ms=60_500), windows[2]],
            "window 1 is expected at 60500 ms, its frames at 60029 ms",
        ),
        # A window that begins a frame late, as a lead-in counted wrongly would make it.
        (
            lambda windows: [
                windows[0],
                replace(
                    windows[1],
                    lead_in_samples=windows[1].lead_in_samples + SAMPLES,
                    samples=windows[1].samples - SAMPLES,
                    duration_ms=windows[1].duration_ms - 52,
                ),
                windows[2],
            ],
            "window 1: what is expected of it is not what comes next",
        ),
    ],
)
def test_a_cutter_that_errs_is_found_out(
    recording: Recording, spoil: Callable[[list[WindowClosed]], list[WindowClosed]], says: str
) -> None:
    stream = stream_of(recording)
    assert any(says in line for line in found(recording, stream, spoil(windows_of(recording, stream))))


@pytest.mark.parametrize("frame", [0, 1, 700, 1148, 1149, 2498])
def test_a_cutter_that_leaves_a_frame_out_is_found_out(recording: Recording, frame: int) -> None:
    stream = stream_of(recording)
    assert found(recording, stream, without(recording, frame)(windows_of(recording, stream))) != []


def test_windows_of_the_wrong_length_are_found_out(recording: Recording) -> None:
    """Half a minute where nothing cut it short, and more than one."""
    stream = stream_of(recording)
    first, *others = windows_of(recording, stream)
    half = cut(recording.data[: 574 * FRAME_BYTES])[0]
    assert "window 0 is expected to last 29989 ms instead of a minute" in found(recording, stream, [half, *others])
    long = replace(first, clip=recording.data, samples=FRAMES * PER_FRAME, duration_ms=130_612)
    assert found(recording, stream, [long]) == ["window 0 is expected to last 130612 ms instead of a minute"]


def test_what_is_found_is_a_violation_of_the_run(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    candidate = CandidateRecord(1, "Candidate 1", recording)
    candidate.streams = [stream_of(recording)]
    record = Record([candidate], [ProctorRecord(1)])
    before = list(stored.violations(record))
    wrong = windows_of(recording, candidate.streams[0])[1:]
    monkeypatch.setattr(audio, "cut", lambda *_: wrong)
    news = [line for line in stored.violations(record) if line not in before]
    assert news == ["Candidate 1, stream 1: window 1: what is expected of it is not what comes next"]
