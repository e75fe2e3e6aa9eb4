"""Pictures of all pages in their states, to be looked at critically: `make screenshots` puts them into screenshots/.

Each in English on a desktop; those that are seen most also narrow, dark and from right to left.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import anyio
from playwright.async_api import Browser, Page

from tests.browser.candidate.exam import Exam, begin_at_once, name_oneself
from tests.browser.house import ON_ONE_MACHINE, House, open_house, room_of, running_house, somebody
from tests.browser.scenes import Scene, busy_meeting, candidate, home, join, proctor
from tests.browser.speech import write_wav
from tests.browser.visitor import NARROW, Visitor, running_chromium, visiting
from tests.conftest import ROOT, make_template, short_folder
from tests.serving import Server, running_server
from undertone.store import embedded

FOLDER: Final = ROOT / "screenshots"
LOOKS: Final[dict[str, dict[str, Any]]] = {
    "": {},
    "-360": {"viewport": NARROW},
    "-dark": {"color_scheme": "dark"},
    "-rtl": {"locale": "ar-EG"},
    "-360-dark-rtl": {"viewport": NARROW, "color_scheme": "dark", "locale": "ar-EG"},
}
EVERYWHERE: Final = {
    "home",
    "candidate-recording",
    "candidate-verdict",
    "proctor-busy",
    "proctor-card",
    "proctor-changed",
    "proctor-unclear",
}


async def scenes(visitor: Visitor, server: Server, busy: dict[str, str], only: str) -> AsyncIterator[Scene]:
    """All of them, but for the parts of which none is wanted."""
    parts = {
        "home": home(visitor, server),
        "join": join(visitor, server),
        "candidate": candidate(visitor, server),
        "proctor": proctor(visitor, server, busy),
    }
    for name, part in parts.items():
        if only.partition("-")[0] in ("", name):
            async for scene in part:
                yield scene


async def take(browser: Browser, server: Server, busy: dict[str, str], only: str) -> None:
    """One picture a state and look."""
    for ending, profile in LOOKS.items():
        async with visiting(browser, server.url, device_scale_factor=2, **profile) as visitor:
            async for name, page in scenes(visitor, server, busy, only):
                if (not ending or name in EVERYWHERE) and (name + ending).startswith(only):
                    await page.wait_for_timeout(300)  # what moves has come to rest
                    await page.screenshot(path=FOLDER / f"{name}{ending}.png")
                    print(f"  {name}{ending}", flush=True)


async def take_rooms(only: str, microphone: str) -> None:
    """The video room: what is said of it before, the proctor's page, a candidate who mutes, and the room being away."""
    with running_house() as house:
        async with running_chromium(microphone, ON_ONE_MACHINE) as browser:
            for ending, profile in LOOKS.items():
                async with AsyncExitStack() as open_ones:
                    await take_room(browser, house, open_ones, ending, profile, only)


async def take_room(
    browser: Browser, house: House, open_ones: AsyncExitStack, ending: str, profile: dict[str, Any], only: str
) -> None:
    """In one look."""
    exam = Exam.create(house.server)
    looks = {"device_scale_factor": 2, **profile}
    async with open_house(browser, house):
        for name in ("Ada Lovelace", "Emmy Noether", "Sofia Kovalevskaya"):
            visitor = await open_ones.enter_async_context(somebody(browser, house))
            page = await visitor.open(exam.link)
            await name_oneself(page, name)
            await begin_at_once(page)
            await room_of(page).locator(".buttons button").first.click()
        watch = await (await open_ones.enter_async_context(somebody(browser, house, **looks))).open(
            f"{house.server.url}/watch/{exam.meeting}"
        )
        await watch.locator("input[name=token]").fill(exam.admin_id)
        await watch.locator("form button.primary").click()
        await room_of(watch).locator("video").nth(2).wait_for()
        await room_of(watch).locator("ut-tile button").first.click()
        mary = await (await open_ones.enter_async_context(somebody(browser, house, **looks))).open(exam.link)
        await mary.locator("input[name=name]").fill("Mary Cartwright")
        await picture(mary, f"room-name{ending}", only)
        await mary.locator("form button.primary").click()
        element = mary.locator("undertone-candidate")
        await element.evaluate("element => { element.noCheck = true; }")
        await element.locator("button.primary").click()
        await room_of(mary).locator("ut-tile").nth(1).wait_for()
        await picture(watch, f"room-proctor{ending}", only)
        await room_of(mary).locator(".buttons button").last.click()
        await picture(mary, f"room-candidate-muted{ending}", only)
    await room_of(mary).locator(".notice").wait_for()
    await picture(mary, f"room-candidate-away{ending}", only)
    await room_of(watch).locator(".notice").wait_for()
    await picture(watch, f"room-proctor-away{ending}", only)


async def picture(page: Page, name: str, only: str) -> None:
    """If it is wanted."""
    if name.startswith(only):
        await page.wait_for_timeout(500)  # what moves has come to rest
        await page.screenshot(path=FOLDER / f"{name}.png")
        print(f"  {name}", flush=True)


async def main(only: str) -> None:
    """`only`: what the names of those that are wanted begin with."""
    FOLDER.mkdir(exist_ok=True)
    with (
        short_folder() as data,
        embedded.start(data, durable=False) as postgres,
        tempfile.TemporaryDirectory() as speech,
    ):
        await make_template(postgres)
        url = postgres.url("with_schema")
        with running_server(data, database_url=url, workers=1) as server:
            busy = await busy_meeting(server, url)
            async with running_chromium(str(write_wav("two-voices", Path(speech)))) as browser:
                await take(browser, server, busy, only)
        if only.partition("-")[0] in ("", "room"):
            await take_rooms(only, str(write_wav("two-voices", Path(speech))))


if __name__ == "__main__":
    anyio.run(main, sys.argv[1] if len(sys.argv) > 1 else "")
