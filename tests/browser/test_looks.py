"""All pages in all states: nothing that shuts somebody out, nothing that scrolls sideways, nothing on the console.

`make screenshots` takes pictures of the same states.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest
from playwright.async_api import Browser

from tests.browser import scenes
from tests.browser.looks import accessible, nothing_scrolls_sideways
from tests.browser.visitor import NARROW, Visitor, visiting
from tests.conftest import short_folder
from tests.serving import Server, running_server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

# Colours depend on the theme, breadth on the language: between them these see every combination that matters.
LOOKS: Final[dict[str, dict[str, Any]]] = {
    "desktop": {},
    "narrow and dark, from right to left": {"viewport": NARROW, "color_scheme": "dark", "locale": "ar-EG"},
    "narrow": {"viewport": NARROW},
}


@pytest.fixture
def server(database_url: str) -> Iterator[Server]:
    """Whose database is written to from outside."""
    with short_folder() as folder, running_server(folder, database_url=database_url) as server:
        yield server


@pytest.fixture(params=list(LOOKS.values()), ids=list(LOOKS))
async def visitor(request: pytest.FixtureRequest, browser: Browser, server: Server) -> AsyncIterator[Visitor]:
    async with visiting(browser, server.url, **request.param) as visitor:
        yield visitor


async def holds(part: AsyncIterator[scenes.Scene]) -> int:
    """Each of the states; how many there were."""
    count = 0
    async for name, page in part:
        try:
            await accessible(page)
            await nothing_scrolls_sideways(page)
        except AssertionError as fault:
            raise AssertionError(f"{name}: {fault}") from None
        count += 1
    return count


async def test_home_and_the_name(visitor: Visitor, server: Server) -> None:
    assert await holds(scenes.home(visitor, server)) == 4
    assert await holds(scenes.join(visitor, server)) == 2


@pytest.mark.parametrize("visitor", list(LOOKS.values())[:2], ids=list(LOOKS)[:2], indirect=True)
async def test_the_candidate(visitor: Visitor, server: Server) -> None:
    assert await holds(scenes.candidate(visitor, server)) == 7


async def test_the_proctor(visitor: Visitor, server: Server, database_url: str) -> None:
    busy = await scenes.busy_meeting(server, database_url)
    assert await holds(scenes.proctor(visitor, server, busy)) == 7
