"""Who really speaks: the manifest beside the files, and what must be heard of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from undertone_client.simulate.audio import SAMPLES, find
from undertone_client.simulate.truth import BadManifest, Truth, read

# Ada speaks most of two minutes, Bob for 12 s of the first, and 4 s of them across the second half minute.
SEGMENTS = [(0.0, 20.0, "ada"), (20.0, 28.0, "bob"), (28.0, 58.0, "ada"), (58.0, 62.0, "bob"), (62.0, 120.0, "ada")]


def truth(**more: object) -> Truth:
    return Truth(file="a.mp3", seconds=120.0, voices=2, second_voice_seconds=12.0, **more)  # type: ignore[arg-type]


def test_the_bundled_samples_have_their_truth() -> None:
    truths = read(SAMPLES)
    assert {name: each.voices for name, each in truths.items()} == {"one-voice.mp3": 1, "two-voices.mp3": 2}
    assert truths.keys() == {path.name for path in find(None)}
    assert truths["two-voices.mp3"].clearly_two(0, 60)
    assert not truths["one-voice.mp3"].clearly_two(0, 60)


def test_a_folder_without_a_manifest_says_nothing_and_a_file_has_the_one_beside_it(tmp_path: Path) -> None:
    assert read(tmp_path) == {}
    (tmp_path / "manifest.jsonl").write_text('{"file": "a.mp3", "seconds": 1, "voices": 1}\n\n')
    assert read(tmp_path) == read(tmp_path / "a.mp3") == {"a.mp3": Truth(file="a.mp3", seconds=1, voices=1)}


@pytest.mark.parametrize("line", ["voices: 2", '{"file": "a.mp3"}', '{"file": "a.mp3", "seconds": 1, "voices": "two"}'])
def test_a_line_that_can_not_be_read_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "manifest.jsonl"
    path.write_text('{"file": "b.mp3", "seconds": 1, "voices": 1}\n' + line)
    with pytest.raises(BadManifest, match=r"manifest\.jsonl, line 2: "):
        read(tmp_path)


@pytest.mark.parametrize(
    ("begin_s", "end_s", "seconds"),
    [
        (0, 60, 10),  # up to the end of the window, not of the segment
        (60, 120, 2),
        (0, 120, 12),
        (30, 50, 0),
        (24, 26, 2),
        (120, 180, 10),  # the file comes round again
        (110, 150, 8),  # across its end
        (0, 360, 36),
    ],
)
def test_segments_are_counted_where_they_lie(begin_s: float, end_s: float, seconds: float) -> None:
    assert truth(segments=SEGMENTS).second_voice(begin_s, end_s) == pytest.approx(seconds)


def test_who_speaks_longest_is_the_candidate_whoever_is_named_first() -> None:
    turned = [(begin, end, "bob" if speaker == "ada" else "ada") for begin, end, speaker in reversed(SEGMENTS)]
    assert truth(segments=turned).second_voice(0, 120) == pytest.approx(12)


@pytest.mark.parametrize(("begin_s", "end_s", "seconds"), [(0, 60, 0), (0, 120, 12), (0, 119.5, 12), (0, 240, 24)])
def test_without_segments_only_whole_rounds_are_known(begin_s: float, end_s: float, seconds: float) -> None:
    assert truth().second_voice(begin_s, end_s) == seconds


def test_one_voice_has_no_second_whatever_is_written_beside_it() -> None:
    alone = Truth(file="a.mp3", seconds=60, voices=1, second_voice_seconds=20, segments=[(0, 30, "a"), (30, 60, "b")])
    assert alone.second_voice(0, 60) == 0
    assert not alone.clearly_two(0, 60)


@pytest.mark.parametrize(
    ("begin_s", "end_s", "level_db", "clearly"),
    [
        (0, 60, None, True),
        (0, 60, -6.0, True),
        (0, 60, -12.0, False),  # too quiet to be sure of
        (60, 120, None, False),  # 2 s are too little
        (0, 58, None, False),  # no whole window
    ],
)
def test_only_what_nobody_can_miss_must_be_heard(
    begin_s: float, end_s: float, level_db: float | None, clearly: bool
) -> None:
    assert truth(segments=SEGMENTS, second_level_db=level_db).clearly_two(begin_s, end_s) == clearly
