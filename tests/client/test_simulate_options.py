"""What `undertone simulate` can be told."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from undertone_client.simulate.options import Options, parse
from undertone_client.simulate.schedule import KINDS


def test_nothing_said_is_the_tour() -> None:
    assert parse([], {}) == Options()
    assert Options().servers == ("http://127.0.0.1:8000",)


def test_every_option_can_also_be_said_by_the_environment_and_the_option_wins() -> None:
    said = {
        "UNDERTONE_CANDIDATES": "5",
        "UNDERTONE_PROCTORS": "2",
        "UNDERTONE_SPEED": "2.5",
        "UNDERTONE_AUDIO": "/exams",
        "UNDERTONE_DURATION": "90",
        "UNDERTONE_SERVER": "https://undertone.example.org",
        "UNDERTONE_API_KEY": "0123456789abcdef",
        "UNDERTONE_SEED": "7",
        "UNDERTONE_JSON": "1",
    }
    by_environment = parse([], said)
    assert by_environment == Options(
        servers=("https://undertone.example.org",),
        api_key="0123456789abcdef",
        candidates=5,
        proctors=2,
        speed=2.5,
        audio=Path("/exams"),
        duration_ms=90_000,
        seed=7,
        json=True,
    )
    arguments = [
        *(
            "--server",
            by_environment.servers[0],
            "--api-key",
            "0123456789abcdef",
            "--candidates",
            "5",
            "--proctors",
            "2",
        ),
        *("--speed", "2.5", "--audio", "/exams", "--duration", "90", "--seed", "7", "--json"),
    ]
    assert parse(arguments, {}) == by_environment
    assert parse(["--speed", "8"], said).speed == 8


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--candidates", "0"], "whole number"),
        (["--proctors", "two"], "whole number"),
        (["--speed", "-1"], "from 0 on"),
        (["--speed", "nan"], "from 0 on"),
        (["--duration", "inf"], "from 0 on"),
        (["--fast"], "unrecognized"),
    ],
)
def test_a_wrong_option_says_what_would_be_right(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse(arguments, {})
    assert stopped.value.code == 2
    assert says in capsys.readouterr().err


def test_a_wrong_environment_is_told_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([], {"UNDERTONE_SPEED": "fast"})
    assert "fast" in capsys.readouterr().err


# --- what --help teaches


def help_text(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as stopped:
        parse(["--help"], {})
    assert stopped.value.code == 0
    return capsys.readouterr().out


def test_help_fits_a_terminal_and_names_every_fault(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = help_text(capsys, monkeypatch)
    assert [line for line in said.splitlines() if len(line) > 80] == []
    for kind, meaning in KINDS.items():
        assert re.search(rf"^  {kind} +{re.escape(meaning)}$", said, re.MULTILINE)


def test_every_example_of_help_is_a_command_that_can_be_given(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = help_text(capsys, monkeypatch).replace("\\\n", " ")
    examples = re.findall(r"^  undertone simulate(.*)$", said, re.MULTILINE)
    assert len(examples) == 8
    for example in examples:
        words = re.split(r" {3,}(?=[^- ])| > ", example)[0]
        parse(shlex.split(words), {})


def test_the_command_that_plays_it_again_is_the_same_run() -> None:
    said = [
        *("--server", "https://one.example.org", "--server", "https://two.example.org", "--candidates", "5"),
        *("--proctors", "2", "--meetings", "2", "--speed", "2.5", "--audio", "a folder", "--duration", "90"),
        *("--seed", "7", "--faults=cut,slow", "--kill", "pidfile:/run/a b.pid:every=9s", "--restart", "x 'y z'"),
        *("--kill", "17:signal=STOP:for=2s", "--restart", "true"),
    ]
    options = parse(said, {})
    assert parse(shlex.split(options.command())[2:], {}) == options
