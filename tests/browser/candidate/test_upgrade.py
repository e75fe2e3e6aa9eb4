"""A page that was opened before the server was replaced by a newer one, and whose candidate begins after it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from playwright.async_api import Browser

from tests.browser.candidate.exam import Exam, begin_at_once, finish, name_oneself
from tests.browser.visitor import Visitor, visiting
from tests.conftest import short_folder
from tests.serving import Server, running_server
from undertone.app import BUNDLE

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PACKAGE: Final = BUNDLE.parents[1]
LATER: Final = ("worker-*", "worklet-*", "mp3-*")  # what recording needs


@pytest.fixture
def code() -> Iterator[Path]:
    """A folder with this package in it, whose bundle may be changed."""
    with short_folder() as folder:
        web = folder / PACKAGE.name / "web"
        web.mkdir(parents=True)
        for path in (*PACKAGE.iterdir(), *(PACKAGE / "web").iterdir()):
            if path not in (BUNDLE, BUNDLE.parent):
                (folder / PACKAGE.name / path.relative_to(PACKAGE)).symlink_to(path)
        shutil.copytree(BUNDLE, web / BUNDLE.name)
        yield folder


@pytest.fixture
def server(code: Path) -> Iterator[Server]:
    with short_folder() as folder, running_server(folder, env={"PYTHONPATH": str(code)}) as server:
        yield server


@pytest.fixture
async def visitor(browser: Browser, server: Server) -> AsyncIterator[Visitor]:
    async with visiting(browser, server.url) as visitor:
        yield visitor


async def test_a_page_from_before_an_upgrade_records_after_it(listening: Visitor, exam: Exam, code: Path) -> None:
    page = await listening.open(exam.link)
    await page.get_by_role("textbox").wait_for()
    await page.wait_for_load_state("networkidle")
    exam.server.kill()
    bundle = code / PACKAGE.name / "web" / BUNDLE.name
    gone = [path for name in LATER for path in bundle.glob(name)]
    for path in gone:
        path.unlink()
    exam.server.start()
    for name in LATER:
        path = next(path for path in gone if path.match(name))
        assert httpx.get(f"{exam.server.url}/static/{path.name}").status_code == 404
    await name_oneself(page, "Ada")
    await begin_at_once(page)
    await finish(page)
    assert exam.events("window_stored")
