"""`make accuracy ENGINE=…`: any engine judged as the local one is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.diarize.speech import TWO_VOICES
from tests.standins.deepgram import KEY, Deepgram, deepgram, error_body
from tests.standins.serving import Answers
from training import audio
from training.accuracy import __main__ as command
from training.accuracy import dev, engines

# From the samples' manifest: the second voice has these stretches, the first the rest.
SECOND = ((3.9, 11.8), (25.7, 30.8), (35.9, 38.5), (43.9, 48.4))


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deepgram]:
    """A corpus of four recordings, and Deepgram for what hears them."""
    corpus = tmp_path / dev.CORPUS
    corpus.mkdir()
    with (corpus / "manifest.jsonl").open("w") as manifest:
        for number in range(4):
            shutil.copy(TWO_VOICES, corpus / f"{number}.mp3")
            print(json.dumps(entry(number)), file=manifest)
    monkeypatch.setattr(audio, "SHARED", tmp_path)
    with deepgram() as standin:
        for name, value in (("API_KEY", KEY), ("URL", standin.url), ("CONCURRENCY", "2")):
            monkeypatch.setenv(f"UNDERTONE_DEEPGRAM_{name}", value)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("UNDERTONE_PORT", "none of its business")
        standin.said = ((0.4, 3.8, 0, 0.9), *((start, end, 1, 0.8) for start, end in SECOND), (51.0, 59.0, 0, 0.9))
        yield standin


def entry(number: int) -> dict[str, object]:
    person = {"sex": "F", "corpus": "samples", "lang": "en"}
    return {
        "file": f"{number}.mp3",
        "class": "two",
        "seconds": 60.0,
        "speakers": [{"id": "a", "role": "main", **person}, {"id": "b", "role": "second", **person}],
        "per_speaker_seconds": {"a": 39.9, "b": 20.1},
        "condition": {},
        "segments": [[0.0, 3.9, "a"], *([start, end, "b"] for start, end in SECOND), [48.4, 60.0, "a"]],
        "second_level_db": 0.0,
        "second_snr_db": 30.0,
        "noise": [],
    }


def test_every_window_is_heard_by_the_engine_and_judged(standin: Deepgram) -> None:
    single, sessions = engines.judged("deepgram", engines.chosen(None))
    assert [one.truth.name for one in single] == ["0-0", "1-0", "2-0", "3-0"]
    assert all(one.alarm and one.second and one.verdict.engine == "deepgram" for one in single)
    assert sessions == {}
    assert len(standin.asked) == 4
    assert standin.most_at_once <= 2


def test_windows_that_failed_are_told_and_left_out(standin: Deepgram, capsys: pytest.CaptureFixture[str]) -> None:
    standin.will(Answers(200, b'{"key":"known"}'), Answers(400, error_body("Bad Request", "no audio")))
    single, _ = engines.judged("deepgram", engines.chosen(2))
    assert len(single) == 1
    assert "1 windows could not be analysed" in capsys.readouterr().out


def test_the_command(standin: Deepgram, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["accuracy", "--engine", "deepgram", "--recordings", "1"])
    assert command.main() == 0
    told = capsys.readouterr().out
    assert "1 windows and 0 sessions of speech-dev, heard by deepgram" in told
    assert "FALSE ALARMS" in told
    assert "RECALL" in told
    assert "diarization error rate" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--engine", "parrot"), "--engine=parrot: unknown engine 'parrot'"),
        (("--engine", "sherpa"), "UNDERTONE_SHERPA_SEGMENTATION"),
        (("--engine", "deepgram", "--simulated"), "heard by local alone"),
    ],
)
def test_what_can_t_be_measured_is_told(
    standin: Deepgram,
    arguments: tuple[str, ...],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["accuracy", *arguments])
    with pytest.raises(SystemExit):
        command.main()
    assert told in capsys.readouterr().err
