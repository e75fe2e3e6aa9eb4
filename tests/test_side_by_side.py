"""Commands side by side: told in their order, all of them, with the first failure's code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.side_by_side import main


def test_they_run_at_once_and_are_told_in_order(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    waits = f"until [ -e {tmp_path}/second ]; do sleep 0.05; done; echo one; exit 3"
    assert main([waits, f"touch {tmp_path}/second; echo two >&2", "exit 4"]) == 3
    assert capfd.readouterr().out == "one\ntwo\n"


def test_all_is_well_when_each_is() -> None:
    assert main(["true", "true"]) == 0
