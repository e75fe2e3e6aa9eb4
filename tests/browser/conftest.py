"""A real Chromium with a microphone that plays real speech, and a real server that analyses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.flow import KEY
from tests.browser.speech import write_wav
from tests.browser.visitor import PATIENCE_MS, Visitor, running_chromium, visiting
from tests.conftest import short_folder
from tests.serving import Server, running_server

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def two_voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute in which a second person speaks for 20 s, as WAV."""
    return write_wav("two-voices", tmp_path_factory.mktemp("speech"))


@pytest.fixture(scope="session")
async def browser(anyio_backend: str, two_voices: Path) -> AsyncIterator[Browser]:
    """One Chromium for all tests of this process; each takes profiles of its own."""
    async with running_chromium(str(two_voices)) as browser:
        yield browser


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """With one analysis process and a PostgreSQL of its own; creating is open."""
    with short_folder() as folder, running_server(folder, workers=1) as server:
        yield server


@pytest.fixture(scope="module")
def with_key() -> Iterator[Server]:
    """A server that lets its API key's holder create, and nobody else."""
    with short_folder() as folder, running_server(folder, env={"UNDERTONE_API_KEY": KEY}) as server:
        yield server


@pytest.fixture
async def visitor(browser: Browser, server: Server) -> AsyncIterator[Visitor]:
    """Somebody with a desktop screen. What their pages did wrong fails the test."""
    async with visiting(browser, server.url) as visitor:
        yield visitor
