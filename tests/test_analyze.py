"""`undertone analyze`: lines as promised, files that can't be read, order, exit codes."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

from tests.diarize.speech import ONE_VOICE, TWO_VOICES, encoded
from undertone.analyze import Report, analyze, as_text, run, windows
from undertone.choices import ear
from undertone.config import Settings

pytestmark = pytest.mark.slow  # seconds of the real engine

KEYS = [
    *("file", "window", "start", "seconds", "voices", "multiple_voices", "outcome", "other_seconds", "confidence"),
    *("turns", "engine", "reason"),
]


def report(file: Path) -> Report:
    """One file through the default engine."""

    async def heard() -> Report:
        return await analyze(str(file), ear(Settings(), 1))

    return anyio.run(heard)


def called(*argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return run(argv, out, err), out.getvalue(), err.getvalue()


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def silence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two windows and a bit of a dead microphone: quick to analyse."""
    file = tmp_path_factory.mktemp("audio") / "silence.mp3"
    file.write_bytes(encoded(np.zeros(16_000 * 130, np.float32), 16_000, kbps=24))
    return file


@pytest.fixture(scope="module")
def few_words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of one voice."""
    file = tmp_path_factory.mktemp("audio") / "words.mp3"
    file.write_bytes(ONE_VOICE.read_bytes()[:80_000])
    return file


def test_one_line_a_window(silence: Path) -> None:
    code, out, err = called("--json", "--jobs", "1", str(silence))
    assert (code, err) == (0, "")
    found = lines(out)
    assert all(list(line) == KEYS for line in found)
    assert [line["window"] for line in found] == [0, 1, 2]
    assert [line["start"] for line in found] == pytest.approx([0, 60, 120], abs=0.08)
    assert math.fsum(line["seconds"] for line in found) == pytest.approx(130, abs=0.2)
    assert {line["file"] for line in found} == {str(silence)}
    assert {line["outcome"] for line in found} == {"silent"}


def test_what_a_line_says_of_two_voices() -> None:
    code, out, _ = called("--json", "--jobs", "1", str(TWO_VOICES))
    first = lines(out)[0]
    assert code == 0
    assert first["multiple_voices"] is True
    assert first["outcome"] == "multiple_voices"
    assert first["voices"] == 2
    assert first["other_seconds"] == pytest.approx(20.1, abs=2.5)
    assert 0.5 <= first["confidence"] <= 1
    others = math.fsum(end - start for start, end, speaker in first["turns"] if speaker == 1)
    assert others == pytest.approx(first["other_seconds"], abs=0.01)


def test_files_in_order_whatever_is_quicker(few_words: Path, silence: Path) -> None:
    code, out, _ = called("--json", "--jobs", "2", str(few_words), str(silence))
    assert code == 0
    assert [line["file"] for line in lines(out) if line["window"] == 0] == [str(few_words), str(silence)]
    assert [line["outcome"] for line in lines(out) if line["window"] == 0] == ["clean", "silent"]


def test_a_file_that_cannot_be_read_stops_no_other(silence: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.mp3"
    text.write_text("not audio at all\n" * 8000)
    short = tmp_path / "short.mp3"
    short.write_text("not audio at all\n")
    wave = tmp_path / "speech.wav"
    wave.write_bytes(b"RIFF" + bytes(4) + b"WAVEfmt " + bytes(1000))
    empty = tmp_path / "empty.mp3"
    empty.write_bytes(b"")
    missing = tmp_path / "missing.mp3"
    files = [text, short, wave, empty, missing, silence]
    code, out, err = called("--json", "--jobs", "1", *map(str, files))
    assert code == 1
    assert {line["file"] for line in lines(out)} == {str(silence)}
    told = err.splitlines()
    assert [line.split(": ")[0] for line in told] == [str(file) for file in files[:-1]]
    assert "64 KiB" in told[0]
    assert "no MP3 frame" in told[1]
    assert "a WAV file" in told[2]
    assert "no MP3 frame" in told[3]
    assert "No such file" in told[4]


def test_readable_lines(silence: Path) -> None:
    _, out, _ = called("--jobs", "1", str(silence))
    first = out.splitlines()[0]
    assert first.startswith(str(silence))
    assert "00:00–01:00" in first
    assert "silent" in first
    assert "muted or dead" in first


def test_what_a_coder_adds_behind_the_last_minute_is_told_in_milliseconds(silence: Path) -> None:
    minute = report(silence).lines[0]
    tail = dataclasses.replace(minute, window=1, start_ms=60_000, duration_ms=48)
    assert "  00:00–01:00  " in as_text(minute)
    assert "  01:00.000–01:00.048  " in as_text(tail)


def test_tags_and_covers_are_no_audio(silence: Path, tmp_path: Path) -> None:
    cover = b"\x89PNG\r\n\x1a\n" + np.random.default_rng(1).bytes(90_000)
    size = len(cover)
    header = b"ID3\x04\x00\x00" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
    tagged = tmp_path / "tagged.mp3"
    tagged.write_bytes(header + cover + silence.read_bytes() + b"TAG" + b" " * 125)
    plain, found = report(silence), report(tagged)
    assert found.failure is None
    assert [(line.start_ms, line.duration_ms) for line in found.lines] == [
        (line.start_ms, line.duration_ms) for line in plain.lines
    ]


def test_a_change_of_format_begins_anew_and_time_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "changing.mp3"
    quiet = np.zeros(16_000 * 5, np.float32)
    file.write_bytes(encoded(quiet, 16_000) + encoded(np.zeros(44_100 * 5, np.float32), 44_100))
    found = list(windows(file))
    assert [number for number, _, _ in found] == [0, 1]
    assert [start for _, start, _ in found] == pytest.approx([0, 5100], abs=150)
    assert [window.format.sample_rate for _, _, window in found] == [16_000, 44_100]
    found_in_all = report(file)
    assert (len(found_in_all.lines), found_in_all.failure) == (2, None)


def test_an_unknown_engine_is_told(silence: Path) -> None:
    code, out, err = called("--engine", "parrot", str(silence))
    assert (code, out) == (2, "")
    assert "known are local" in err


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(["--help"])
    told = capsys.readouterr().out
    assert stopped.value.code == 0
    for word in (
        "examples:",
        "--json",
        "--engine",
        "--jobs",
        "other_seconds",
        "exit code",
        "2 if an option or a setting is wrong",
    ):
        assert word in told


def test_a_file_named_twice_is_told_twice(silence: Path) -> None:
    _, out, _ = called("--json", "--jobs", "2", str(silence), str(silence))
    assert len(lines(out)) == 6
