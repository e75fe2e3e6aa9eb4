"""What happens to tests that need the speech beside the repository, with and without it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow

TESTS = """
import pytest

@pytest.mark.shared
def test_with_speech(shared_dir):
    assert (shared_dir / "speech").exists()

def test_without():
    assert True
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One like ours, with two tests."""
    folder = tmp_path / "repository"
    (folder / "tests").mkdir(parents=True)
    shutil.copy(ROOT / "pyproject.toml", folder)
    for part in ("conftest.py", "store/pooler.py", "browser/find.py"):
        (folder / "tests" / part).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "tests" / part, folder / "tests" / part)
    (folder / "tests" / "test_two.py").write_text(TESTS)
    return folder


def run(repository: Path, *arguments: str, ci: bool = False) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    if ci:
        environment["CI"] = "true"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True)


def test_with_the_speech_all_run(repository: Path) -> None:
    (repository.parent / "shared").mkdir()
    (repository.parent / "shared" / "speech").touch()
    assert "2 passed" in run(repository, ci=True).stdout


@pytest.mark.parametrize("processes", [[], ["-n", "2"]], ids=["alone", "two processes"])
def test_without_it_what_needs_it_is_left_out_and_that_is_said(repository: Path, processes: list[str]) -> None:
    done = run(repository, *processes)
    assert done.returncode == 0
    assert "1 passed" in done.stdout
    assert "left out: 1 tests that need ../shared, which is missing" in done.stdout


@pytest.mark.parametrize("processes", [[], ["-n", "2"]], ids=["alone", "two processes"])
def test_without_it_continuous_integration_fails(repository: Path, processes: list[str]) -> None:
    done = run(repository, *processes, ci=True)
    assert done.returncode == 1
    assert "1 passed, 1 error" in done.stdout
    assert "needs ../shared, which is missing" in done.stdout


def test_nobody_misses_it_who_asked_for_other_tests(repository: Path) -> None:
    assert "1 passed" in run(repository, "-m", "not shared", ci=True).stdout
