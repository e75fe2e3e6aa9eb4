"""One stand-in for all tests of a module, as it was at first for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.standins.deepgram import Deepgram, deepgram


@pytest.fixture(scope="module")
def running() -> Iterator[Deepgram]:
    with deepgram() as standin:
        yield standin


@pytest.fixture
def standin(running: Deepgram, monkeypatch: pytest.MonkeyPatch) -> Deepgram:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")  # whatever proxy this machine needs for others
    running.queue.clear()
    running.always = None
    running.asked.clear()
    running.said = ()
    return running
