"""Every target takes its seeds and thousands of inputs grown from them, and the fuzzer would tell if one did not."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.__main__ import BINARY, MISSING, NAMES, ROOT, SEEDS, main
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

RUNS = 2_000


def test_every_target_can_be_asked_for() -> None:
    assert set(TARGETS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_target_takes_its_seeds(name: str) -> None:
    files = sorted((SEEDS / ("audio" if name in BINARY else "text")).iterdir())
    assert files
    for file in files:
        TARGETS[name](file.read_bytes())


def test_the_seeds_are_those_that_are_written() -> None:
    assert {path.name for path in (SEEDS / "audio").iterdir()} == set(seeds())


@pytest.mark.slow
def test_inputs_grown_from_the_seeds_break_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--runs", str(RUNS), "--folder", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if importlib.util.find_spec("atheris") is None:
        assert done.returncode == 1
        assert MISSING in done.stderr
        return
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{RUNS * len(NAMES):,} inputs" in done.stdout.splitlines()[-1]
    assert "0 failures" in done.stdout.splitlines()[-1]


def test_an_unknown_target_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["parsnip"])
    assert "no target is called parsnip" in capsys.readouterr().err
