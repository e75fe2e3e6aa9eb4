"""A look at the accuracy on real speech that nothing was fitted on: one window of every class.

Of the classes with one voice the first window, of those with more the one in which the second voice speaks most.
`make accuracy` tells the whole; this keeps a change from breaking it unnoticed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.diarize.speech import minute
from undertone.core.verdict import Outcome, judge
from undertone.diarize.base import Diarizer
from undertone.diarize.engines import load

pytestmark = [pytest.mark.shared, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def one_of_each_class(shared_dir: Path) -> list[dict[str, Any]]:
    lines = (shared_dir / "speech-dev" / "manifest.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    chosen: dict[str, dict[str, Any]] = {}
    for entry in entries:
        best = chosen.get(entry["class"])
        if best is None or entry["second_voice_seconds"] > best["second_voice_seconds"]:
            chosen[entry["class"]] = entry
    del chosen["session"]
    return list(chosen.values())


@pytest.fixture(scope="module")
def engine() -> Diarizer:
    return load("local")


def heard(engine: Diarizer, shared: Path, entries: list[dict[str, Any]]) -> dict[str, Outcome]:
    files = {entry["class"]: shared / "speech-dev" / entry["file"] for entry in entries}
    return {name: judge(engine.diarize(minute(file))).outcome for name, file in files.items()}


def test_one_voice_raises_no_alarm(engine: Diarizer, shared_dir: Path, one_of_each_class: list[dict[str, Any]]) -> None:
    outcomes = heard(engine, shared_dir, [entry for entry in one_of_each_class if not entry["more_than_one"]])
    assert len(outcomes) == 13
    alarms = [name for name, outcome in outcomes.items() if outcome is Outcome.MULTIPLE_VOICES]
    assert len(alarms) <= 1, alarms


def test_second_voices_are_heard(engine: Diarizer, shared_dir: Path, one_of_each_class: list[dict[str, Any]]) -> None:
    outcomes = heard(engine, shared_dir, [entry for entry in one_of_each_class if entry["more_than_one"]])
    assert len(outcomes) == 7
    missed = [name for name, outcome in outcomes.items() if outcome is not Outcome.MULTIPLE_VOICES]
    assert len(missed) <= 1, missed
