"""Files as candidates speak them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client.recording import FRAME_BYTES, OTHER_FORMAT, PER_FRAME, RATE, frame, frames
from undertone_client.simulate.audio import SAMPLES, NoAudio, find, load


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_the_bundled_samples_are_found_and_can_be_streamed() -> None:
    files = find(None)
    assert [path.parent for path in files] == [SAMPLES] * len(files)
    assert {"one-voice.mp3", "two-voices.mp3"} <= {path.name for path in files}
    for path in files:
        assert 59_000 < load(path).duration_ms < 62_000


def test_files_are_found_in_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.mp3", "a.MP3", "deep/c.mp3", "notes.txt"):
        written(tmp_path, name, b"")
    assert [path.name for path in find(tmp_path)] == ["a.MP3", "b.mp3", "c.mp3"]
    assert find(tmp_path / "b.mp3") == [tmp_path / "b.mp3"]


@pytest.mark.parametrize("place", ["nowhere", "."])
def test_a_place_without_files_is_named(tmp_path: Path, place: str) -> None:
    with pytest.raises(NoAudio, match="no folder with MP3 files"):
        find(tmp_path / place)


def test_messages_come_when_their_last_frame_is_spoken_and_hold_every_byte(tmp_path: Path) -> None:
    recording = load(written(tmp_path, "a.mp3", b"ID3\x04\x00\x00\x00\x00\x00\x03abc" + frames(0, 25)))
    messages = recording.messages()
    assert [due for due, _, _ in messages] == [n * PER_FRAME * 1000 // RATE for n in (10, 20, 25)]
    assert b"".join(recording.data[first:last] for _, first, last in messages) == frames(0, 25)
    assert recording.duration_ms == 25 * PER_FRAME * 1000 // RATE


def test_windows_are_those_the_server_cuts_and_know_their_last_byte(tmp_path: Path) -> None:
    recording = load(written(tmp_path, "a.mp3", frames(0, 2500)))
    assert [window.start_ms for window in recording.windows] == [0, 60_029, 120_006]
    assert [window.end // FRAME_BYTES for window in recording.windows] == [1149, 2297, 2500]
    assert sum(window.duration_ms for window in recording.windows) == recording.duration_ms


@pytest.mark.parametrize(("seconds", "count"), [(10, 191), (200, 3828), (0.001, 2)])
def test_a_duration_shortens_or_repeats(tmp_path: Path, seconds: float, count: int) -> None:
    recording = load(written(tmp_path, "a.mp3", frames(0, 1000)), round(seconds * 1000))
    assert len(recording.ends) == count
    assert recording.data == (frames(0, 1000) * 4)[: count * FRAME_BYTES]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no MP3 frames"),
        (b"RIFF" + bytes(100_000), "WAV"),
        (frames(0, 10) + b"".join(frame(n, OTHER_FORMAT) for n in range(10)), "keeps its format"),
    ],
)
def test_a_file_that_can_not_be_streamed_says_why(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(NoAudio, match=says):
        load(written(tmp_path, "a.mp3", data))


def test_a_file_that_can_not_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(NoAudio, match="No such file"):
        load(tmp_path / "gone.mp3")
