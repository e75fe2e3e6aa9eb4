"""`undertone analyze --engine …`: chains and engines over a network, from the command."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.diarize.speech import encoded
from tests.standins.deepgram import KEY, Deepgram, deepgram, error_body
from tests.standins.serving import Answers
from undertone.analyze import run


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deepgram]:
    with deepgram() as standin:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("UNDERTONE_DEEPGRAM_API_KEY", KEY)
        monkeypatch.setenv("UNDERTONE_DEEPGRAM_URL", standin.url)
        standin.said = ((1.0, 5.0, 0, 0.9), (6.0, 9.0, 1, 0.8))
        yield standin


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A window and a bit each, of a dead microphone."""
    folder = tmp_path_factory.mktemp("audio")
    sound = encoded(np.zeros(16_000 * 70, np.float32), 16_000, kbps=24)
    paths = [folder / f"{name}.mp3" for name in "abc"]
    for path in paths:
        path.write_bytes(sound)
    return [str(path) for path in paths]


def called(*argv: str) -> tuple[int, list[dict[str, Any]], str]:
    out, err = io.StringIO(), io.StringIO()
    code = run(["--json", *argv], out, err)
    return code, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


def test_files_are_heard_by_deepgram_and_told_in_order(standin: Deepgram, files: list[str]) -> None:
    code, lines, err = called("--engine", "deepgram", *files)
    assert (code, err) == (0, "")
    assert [(line["file"], line["window"]) for line in lines] == [(file, window) for file in files for window in (0, 1)]
    assert {(line["outcome"], line["engine"], line["reason"]) for line in lines} == {
        ("multiple_voices", "deepgram", None)
    }
    assert len(standin.asked) == 6


def test_a_file_that_deepgram_does_not_take_is_named_and_stops_no_other(standin: Deepgram, files: list[str]) -> None:
    known = Answers(200, b"{}")
    standin.will(known, Answers(400, error_body("Bad Request", "Bad Request: failed to process audio")))
    code, lines, err = called("--engine", "deepgram", "--jobs", "1", *files)
    assert code == 1
    (named,) = {*files} - {line["file"] for line in lines}
    assert err.startswith(f"{named}: Deepgram does not take the clip (400")


@pytest.mark.slow
def test_a_chain_says_who_answered_and_who_failed(standin: Deepgram, files: list[str]) -> None:
    standin.will(Answers(200, b"{}"))
    standin.always = Answers(402, error_body("ASR_PAYMENT_REQUIRED", "No credits."))
    code, lines, _ = called("--engine", "deepgram,local", "--jobs", "1", files[0])
    assert code == 0
    assert {(line["outcome"], line["engine"]) for line in lines} == {("silent", "local")}
    assert all("deepgram failed: Deepgram has no credit left" in line["reason"] for line in lines)


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        ("parrot", "--engine=parrot: unknown engine 'parrot': known are local, deepgram, sherpa"),
        ("local+", "--engine=local+: the name of an engine is missing"),
        ("sherpa", "needs UNDERTONE_SHERPA_SEGMENTATION"),
    ],
)
def test_an_engine_that_can_t_be_used_is_told_at_once(files: list[str], engine: str, told: str) -> None:
    code, lines, err = called("--engine", engine, *files)
    assert (code, lines) == (2, [])
    assert told in err


def test_a_wrong_key_is_told_at_once(standin: Deepgram, files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERTONE_DEEPGRAM_API_KEY", "dg_wrong")
    code, lines, err = called("--engine", "deepgram", *files)
    assert (code, lines) == (2, [])
    assert "UNDERTONE_DEEPGRAM_API_KEY: Deepgram refuses" in err
