"""What `undertone simulate` can be told."""

from __future__ import annotations

from pathlib import Path

import pytest

from undertone_client.simulate.options import Options, parse


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
