"""The printed tables count what they say they count."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="the train extra is not installed")

from training.accuracy import folds, sittings, tables
from training.accuracy.exams import Intrusion
from training.accuracy.windows import Judged, Person, Truth
from undertone.core.verdict import Diarization, Turn, judge


def window(main: str, *, second: float = 0.0, alarm: bool = False, sex: str = "F", level: float = -6.0) -> Judged:
    """A minute in which `main` speaks, and somebody else for `second` seconds; with or without an alarm."""
    people = (Person(main, sex, f"corpus of {main[0]}", "en"), Person("other", "M", "c", "en"))
    spoken = ((0.0, 30.0, 0), (30.0, 30.0 + second, 1)) if second else ((0.0, 30.0, 0),)
    truth = Truth(main, "turns" if second else "full", 60.0, people, spoken, level_db=level if second else None)
    turns = (Turn(0, 30_000, 0), Turn(30_000, 32_000, 1))
    probability = 0.9 if alarm else 0.1
    heard = Diarization(turns, "local", {1: probability}, second_voice=probability)
    return Judged(truth, heard, judge(heard))


def test_a_line_gives_the_share_by_window_and_by_speaker() -> None:
    judged = [window(f"a{number}", alarm=number < 2) for number in range(4) for _ in range(5)]
    told = tables.line("here", judged)
    assert told.split()[:5] == ["here", "10", "of", "20", "50.0%"]
    assert "29.9% to 70.1%" in told, "Wilson"
    assert told.endswith("; 4)"), "speakers"
    assert tables.line("nothing", []).split() == ["nothing", "0", "of", "0"]


def test_speakers_with_false_alarms_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    tables.speakers([window("ann"), window("ann", alarm=True), window("bob", alarm=True), window("bob", alarm=True)])
    assert "2 of 2 have any; the worst, bob: 2 of 2 windows" in capsys.readouterr().out
    tables.speakers([window("ann")])
    assert "0 of 1 have any\n" in capsys.readouterr().out


def test_recall_is_parted_by_seconds_level_and_pair(capsys: pytest.CaptureFixture[str]) -> None:
    judged = [window("ann", second=3, alarm=True), window("bob", second=8, sex="M"), window("cat", second=8, level=-20)]
    tables.recall(judged)
    lines = {line[:34].strip(): line[34:].split()[:3] for line in capsys.readouterr().out.splitlines()}
    assert lines["2 to 5 s"] == ["1", "of", "1"]
    assert lines["5 to 12 s"] == ["0", "of", "2"]
    assert lines["-40 to -15 dB"] == ["0", "of", "1"]
    assert lines["5 s or more, down to −12 dB"] == ["0", "of", "1"]
    assert lines["a woman and a man"] == ["1", "of", "2"]
    assert lines["two men"] == ["0", "of", "1"]


def test_the_worst_fold_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    judged = [window(f"a{number}") for number in range(8)] + [
        window(f"b{number}", alarm=number > 5) for number in range(8)
    ]
    folds.worst(judged)
    told = capsys.readouterr().out
    assert "false alarms, worst of 2 by corpus\n  corpus of b" in told
    assert "recall" not in told.split("\n", 2)[2]


def test_sessions_count_false_alarms_by_the_hour_and_intrusions(capsys: pytest.CaptureFixture[str]) -> None:
    minutes = [window("ann"), window("ann", alarm=True), window("ann", second=5, alarm=True), window("ann", second=5)]
    intrusions = [Intrusion("beside", 150.0, 155.0, 0.0, 60.0), Intrusion("alone", 210.0, 215.0, 0.0, 2.0)]
    sittings.report({"exam": (minutes, intrusions)})
    told = capsys.readouterr().out
    assert "false alarms           1 in 0.03 hours: 30.000 an hour (95 %, Poisson: 0.760 to 167.149)" in told
    lines = {line[:34].strip(): line[34:].split()[:3] for line in told.splitlines()}
    assert lines["beside"] == ["1", "of", "1"]
    assert lines["alone"] == ["0", "of", "1"]
    assert lines["5 s of the candidate before"] == ["1", "of", "1"]
    assert lines["less of the candidate before"] == ["0", "of", "1"]
