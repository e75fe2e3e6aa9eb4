"""The proctor's view: who comes in, by what, and under what name."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.flow import KEY, create_meeting
from tests.browser.visitor import REFUSED, Visitor, visiting
from tests.commands import create
from tests.serving import Server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
async def stranger(browser: Browser, server: Server) -> AsyncIterator[Visitor]:
    """Somebody with another browser."""
    async with visiting(browser, server.url) as stranger:
        yield stranger


async def test_the_door_takes_the_admin_id_and_says_what_else_is_wrong(browser: Browser, with_key: Server) -> None:
    meeting = create(with_key, api_key=KEY)
    candidate = httpx.post(
        f"{with_key.url}/meetings/{meeting['id']}/participants",
        json={"name": "Ada"},
        headers={"Authorization": f"Bearer {meeting['join_secret']}"},
        trust_env=False,
    ).json()["data"]["token"]
    async with visiting(browser, with_key.url) as visitor:
        visitor.forgive(REFUSED)
        page = await visitor.open(f"{with_key.url}/watch/{meeting['id']}")
        for pasted, said in (
            (meeting["join_secret"], "This opens something else"),
            ("not.a.token", "This token does not open this meeting"),
            (KEY, "This opens something else"),
            (meeting["admin_id"][:-1], "This token does not open this meeting"),
            (candidate, "This opens something else"),
        ):
            await page.get_by_label("Access token").fill(pasted)
            await page.get_by_role("button", name="Watch").click()
            await expect(page.get_by_role("alert")).to_contain_text(said)
            assert pasted not in await page.evaluate("JSON.stringify(localStorage)")
        await page.get_by_label("Access token").fill(meeting["admin_id"])
        await page.get_by_role("button", name="Watch").click()
        await _live(page)
        await _invite(page, "Grace")
        await page.reload()
        await _live(page)


async def test_a_proctor_is_invited_and_comes_in_by_the_token(
    visitor: Visitor, stranger: Visitor, server: Server
) -> None:
    stranger.forgive(REFUSED)
    home = await visitor.open(server.url)
    meeting = await create_meeting(home, server, "Algebra I")
    watch = await visitor.open(meeting.watch_link)
    address, token = await _invite(watch, "Grace")

    theirs = await stranger.open(address)
    await theirs.get_by_label("Access token").fill(token[:-3])
    await theirs.get_by_role("button", name="Watch").click()
    await theirs.get_by_text("This token does not open this meeting").wait_for()
    await theirs.get_by_label("Access token").fill(token)
    await theirs.get_by_role("button", name="Watch").click()
    await _live(theirs)
    await theirs.reload()
    await _live(theirs)
    assert await theirs.title() == "Watching Algebra I"
    assert await theirs.get_by_role("button", name="Invite a proctor").count() == 0
    assert not [url for url in stranger.requested if token in url or meeting.admin_id in url]

    await theirs.get_by_role("button", name="Forget my token").click()
    await theirs.get_by_label("Access token").wait_for()
    assert token not in await theirs.evaluate("JSON.stringify(localStorage)")


async def test_whoever_runs_the_meeting_says_by_what_name(visitor: Visitor, server: Server) -> None:
    home = await visitor.open(server.url)
    meeting = await create_meeting(home, server, "Algebra I")
    watch = await visitor.open(meeting.watch_link)
    await watch.get_by_role("button", name="Set your name").click()
    await watch.get_by_label("Name", exact=True).fill("Grace")
    await watch.get_by_role("button", name="Save").click()
    await watch.get_by_role("button", name="Grace: Set your name").wait_for()
    await watch.reload()
    await expect(watch.locator("undertone-sidebar")).to_have_attribute("name", "Grace")
    await _live(watch)


async def _live(page: Page) -> None:
    await page.locator("undertone-sidebar").get_by_text("Live", exact=True).first.wait_for()


async def _invite(page: Page, name: str) -> tuple[str, str]:
    """The address and the token that are to be handed over."""
    await page.get_by_role("button", name="Invite a proctor").click()
    await page.get_by_label("Their name").fill(name)
    await page.get_by_role("button", name="Make a token").click()
    await page.get_by_role("heading", name=f"For {name}").wait_for()
    address = await page.get_by_label("Page", exact=True).input_value()
    token = await page.get_by_label("Access token", exact=True).input_value()
    await page.get_by_role("button", name="Close").click()
    return address, token
