"""A laboratory: a real database, and analyzer processes that obey."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.serving import ROOT
from tests.worker.lab import Lab, open_lab


@pytest.fixture
async def lab(importable: None, database_url: str, tmp_path: Path) -> AsyncIterator[Lab]:
    async with open_lab(database_url, tmp_path) as lab:
        await lab.exam.candidate()
        yield lab


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The analyzer processes find the engine where we do."""
    monkeypatch.syspath_prepend(ROOT)
