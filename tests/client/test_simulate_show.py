"""What a person sees of a run, on narrow and on wide terminals."""

from __future__ import annotations

import io
import re
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from tests.client.simulated import a_recording
from undertone_client.simulate.checks import Promise
from undertone_client.simulate.figures import latency
from undertone_client.simulate.live import LAST_SHOWN, Live
from undertone_client.simulate.options import Options
from undertone_client.simulate.record import CandidateRecord
from undertone_client.simulate.report import Heard, Meeting, Report, Spoke
from undertone_client.simulate.show import MAX_ROWS, MAX_VIOLATIONS, MAX_WIDTH, OUTCOMES, as_text


def spoke(number: int, outcomes: dict[str, int], connections: int = 3) -> Spoke:
    return Spoke(
        name=f"Candidate {number}",
        file=f"a recording with a name that is long {number}.mp3",
        meeting="m",
        participant=f"p{number}",
        seconds=3600,
        streams=connections,
        windows=60,
        outcomes=outcomes,
        connections=connections,
    )


def promise(title: str, violations: int = 0, tried: bool = True) -> Promise:
    lines = [f"proctor {number}: missed something that takes more than one line " * 2 for number in range(violations)]
    return Promise(name=title, title=title, looked_at="1,234 looked at", violations=lines, tried=tried)


def a_report(promises: list[Promise], candidates: list[Spoke] | None = None) -> Report:
    heard = Heard(
        id="a",
        kind="multiple_voices",
        candidate="Candidate 1",
        windows=12,
        summary="another voice in 12 windows, most recently for about 21 s at 01:03, confidence 1.00",
        listen="http://127.0.0.1:8000/meetings/m/clips/c?signature=" + "x" * 100,
    )
    return Report(
        servers=["http://127.0.0.1:8000"],
        meetings=[Meeting(id="m", admin_id="a" * 43)],
        seed=7,
        replay="undertone simulate --candidates 10 --proctors 3 --speed 4 --duration 240 --seed 7 --faults",
        speed=4,
        wall_seconds=1234.5,
        spoken_seconds=36_000,
        candidates=candidates or [spoke(1, dict.fromkeys(OUTCOMES, 10)), spoke(10, {"clean": 60})],
        proctors=3,
        events=642,
        windows=600,
        judged=600,
        faults={"cut": 40},
        kills=12,
        anomalies=[heard],
        clips=12,
        latency={"first → every proctor": latency([0, 17, 204, 12_345]), "spoken → stored": None},
        promises=promises,
        violations=[line for each in promises for line in each.violations],
    )


def shown(report: Report, width: int) -> list[str]:
    written = io.StringIO()
    as_text(report, Console(file=written, width=width, force_terminal=False))
    return [line.rstrip() for line in written.getvalue().splitlines()]


HELD, VIOLATED, UNTRIED = promise("This one held"), promise("This one did not", 2), promise("Untried", tried=False)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_nothing_is_wider_than_the_terminal_but_what_is_to_be_copied(width: int) -> None:
    lines = shown(a_report([HELD, VIOLATED, UNTRIED]), width)
    copied = [line for line in lines if re.match(r"(listen|read|again) {2,}", line)]
    assert len(copied) == 3
    assert [line for line in lines if len(line) > min(width, MAX_WIDTH) and line not in copied] == []
    assert copied[-1] == "again   " + a_report([]).replay


@pytest.mark.parametrize("width", [80, 120])
def test_no_number_is_cut_and_all_stand_under_the_end_of_their_head(width: int) -> None:
    few = [spoke(1, {"multiple_voices": 3, "clean": 57}), spoke(10, {"silent": 60})]
    lines = shown(a_report([HELD], few), width)
    [head] = [line for line in lines if line.startswith("candidate")]
    rows = [line for line in lines if re.match(r"1 |10 ", line)]
    assert len(rows) == 2
    for name, numbers in {
        "sound": ["3,600 s", "3,600 s"],
        "streams": ["3", "3"],
        "lines": ["3", "3"],
        "windows": ["60", "60"],
        "voices": ["3", "·"],
        "silent": ["·", "60"],
        "clean": ["57", "·"],
    }.items():
        end = head.index(name) + len(name)
        for row, number in zip(rows, numbers, strict=True):
            assert row[:end].endswith(f" {number}"), (name, row)


def test_what_did_not_hold_comes_first_and_with_what_was_wrong() -> None:
    lines = shown(a_report([HELD, UNTRIED, VIOLATED]), 80)
    marked = [line for line in lines if line[:1] in ("✔", "✘", "–")]
    assert [line[:1] for line in marked] == ["✘", "✔", "–"]
    assert marked[0].endswith("2 violations")
    at = lines.index(marked[0])
    assert lines[at + 1].startswith("     proctor 0: missed something")
    assert lines[at + 3].startswith("     proctor 1: missed something")
    assert any(line.startswith("2 violations  36,000 s of sound in 1,234.5 s") for line in lines)
    assert any(line.startswith("everything held  ") for line in shown(a_report([HELD]), 80))


def test_of_many_only_the_first_are_shown_and_the_rest_counted() -> None:
    lines = shown(a_report([promise("This one did not", MAX_VIOLATIONS + 5)]), 120)
    assert "     and 5 more; --json has them all" in lines
    candidates = [spoke(number, {"clean": 1}) for number in range(1, MAX_ROWS + 1)] + [spoke(99, {"unclear": 1})]
    lines = shown(a_report([HELD], candidates), 120)
    assert f"1 of {MAX_ROWS + 1} candidates: those with something to report" in "\n".join(lines)
    assert [line for line in lines if line.startswith("99 ")]
    assert not [line for line in lines if line.startswith("2 ")]


def test_what_was_not_disturbed_needs_no_columns_for_it() -> None:
    text = "\n".join(shown(a_report([HELD], [spoke(1, {"clean": 1}, connections=1)]), 80))
    assert "streams" not in text
    assert "lines" not in text


# --- while it runs


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_display_stays_inside_the_terminal_and_keeps_its_height(tmp_path: Path, width: int) -> None:
    written = io.StringIO()
    console = Console(file=written, width=width, height=40, force_terminal=True, color_system=None)
    options = Options(candidates=1, proctors=12, meetings=3, speed=4, seed=7)
    display = Live(options, [CandidateRecord(1, "Candidate 1", a_recording(tmp_path))], console)
    for number in range(20):
        display.happened(f"{number}: something with [brackets] that takes more than one line " * 3)
    display.phase("the candidates speak")
    display.spoken(39_000)
    display.stored()
    console.print(display._renderable())
    lines = [line.rstrip() for line in written.getvalue().splitlines()]
    assert [line for line in lines if len(line) > width] == []
    assert len(lines) == 7 + LAST_SHOWN
    assert lines[-1].lstrip().partition("s  ")[2].startswith("19: something with [brackets]")
    assert lines[2].endswith("39 of 78 s of sound")
    assert lines[3].endswith("1 of 2 windows")


def test_without_a_terminal_each_thing_is_one_line(tmp_path: Path) -> None:
    written = io.StringIO()
    console = Console(file=written, width=80, force_terminal=False)
    with Live(Options(), [CandidateRecord(1, "Candidate 1", a_recording(tmp_path))], console) as display:
        display.happened("x" * 300)
        display.spoken(1000)
    assert re.fullmatch(rf" +\d+\.\d s  {'x' * 300}\n", written.getvalue())


def test_kinds_of_faults_that_struck_nobody_are_named() -> None:
    report = msgspec.structs.replace(a_report([HELD]), left_out=["overflow", "slow"])
    assert any("no room for overflow, slow" in line for line in shown(report, 120))
    assert not any("no room" in line for line in shown(a_report([HELD]), 120))
