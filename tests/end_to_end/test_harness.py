"""The harness inside somebody's own tests: just what docs/harness.md shows, against a real server."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import fresh_database
from tests.serving import ROOT, Server, clean_environment, running_server
from undertone.store.embedded import EmbeddedPostgres
from undertone_client import harness

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def server(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("harness")
    with fresh_database(postgres) as url, running_server(folder, database_url=url, workers=1) as server:
        yield server


def test_the_documented_fixture_runs_as_it_stands(server: Server, tmp_path: Path) -> None:
    [snippet] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "harness.md").read_text(), re.DOTALL)
    assert "http://127.0.0.1:8000" in snippet
    (tmp_path / "test_exam.py").write_text(snippet.replace("http://127.0.0.1:8000", server.url))
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_exam.py"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
    )
    assert "1 passed" in ran.stdout, ran.stdout


def test_options_that_do_not_go_together_are_refused(server: Server) -> None:
    with pytest.raises(ValueError, match="need a --speed"):
        harness.run(server.url, faults=True, speed=0)
    with pytest.raises(ValueError, match="no kind of fault"):
        harness.run(server.url, faults=["earthquake"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="as many proctors"):
        harness.run(server.url, meetings=2, proctors=1)
