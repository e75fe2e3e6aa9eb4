"""Files as candidates speak them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client.recording import FRAME_BYTES, OTHER_FORMAT, PER_FRAME, RATE, frame, frames, numbers_in
from undertone_client.simulate.audio import SAMPLES, NoAudio, cut, find, load


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


# --- what the server must make of a stream


def whole(count: int) -> bytes:
    return frames(0, count)


def test_a_stream_without_gaps_is_cut_as_its_recording(tmp_path: Path) -> None:
    recording = load(written(tmp_path, "a.mp3", whole(2500)))
    windows = cut(recording.data)
    assert [(each.start_ms, each.duration_ms) for each in windows] == [
        (each.start_ms, each.duration_ms) for each in recording.windows
    ]
    assert [number for each in windows for number in numbers_in(each)] == list(range(2500))


def test_a_gap_closes_the_window_and_media_time_moves_on() -> None:
    """The server had 500 frames and 20 bytes when 100 frames were lost."""
    lost_ms = 100 * PER_FRAME * 1000 // RATE
    windows = cut(whole(2000), [(500 * FRAME_BYTES + 20, 600 * FRAME_BYTES, lost_ms)])
    assert [numbers_in(each)[:: len(numbers_in(each)) - 1] for each in windows] == [[0, 499], [600, 1748], [1749, 1999]]
    assert [each.window for each in windows] == [0, 1, 2]
    assert [each.lead_in_samples > 0 for each in windows] == [False, False, True]  # behind a gap nothing is known
    assert windows[1].start_ms == pytest.approx(600 * PER_FRAME * 1000 / RATE, abs=2)


def test_gaps_follow_each_other_and_what_they_lose_is_cumulative() -> None:
    frame_ms = PER_FRAME * 1000 / RATE
    gaps = [
        (100 * FRAME_BYTES, 200 * FRAME_BYTES, round(100 * frame_ms)),
        (300 * FRAME_BYTES, 600 * FRAME_BYTES, round(400 * frame_ms)),
    ]
    windows = cut(whole(700), gaps)
    assert [numbers_in(each) for each in windows] == [
        list(range(100)),
        list(range(200, 300)),
        list(range(600, 700)),
    ]
    for each in windows:
        assert each.start_ms == pytest.approx(numbers_in(each)[0] * frame_ms, abs=2)


def test_a_gap_before_anything_arrived_leaves_no_window() -> None:
    [window] = cut(whole(300), [(0, 200 * FRAME_BYTES, 10_448)])
    assert numbers_in(window) == list(range(200, 300))
    assert window.window == 0


def test_a_server_that_was_killed_knows_the_last_stored_window_whole() -> None:
    """`held` is then what `stored` named: before that window's end by the lead-in of the next."""
    first = cut(whole(1500))[0]
    held = first.resume.offset
    assert held < len(numbers_in(first)) * FRAME_BYTES
    windows = cut(whole(1500), [(held, 1300 * FRAME_BYTES, 7_900)])
    assert windows[0] == first
    assert numbers_in(windows[1]) == list(range(1300, 1500))
