"""The home page: meetings are made, kept, ended and deleted there."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.flow import KEY, create_meeting
from tests.browser.visitor import REFUSED, Visitor, visiting
from tests.serving import Server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_meetings_outlive_the_tab_and_end_and_go(visitor: Visitor, server: Server) -> None:
    home = await visitor.open(server.url)
    await home.get_by_text("No meetings yet").wait_for()
    meeting = await create_meeting(home, server, "Algebra I")
    await create_meeting(home, server, "Geometry")
    again = await visitor.open(server.url)
    await expect(again.locator("li.meeting h3")).to_have_text(["Geometry", "Algebra I"])

    await again.get_by_role("button", name="End: Algebra I").click()
    await again.get_by_role("button", name="Cancel").click()
    await expect(again.get_by_text("Ended")).to_have_count(0)
    await again.get_by_role("button", name="End: Algebra I").click()
    await again.get_by_role("button", name="End meeting").click()
    await expect(again.locator("li.meeting", has_text="Algebra I")).to_contain_text("Ended")

    await again.get_by_role("button", name="Delete: Algebra I").click()
    await again.get_by_role("button", name="Delete meeting").click()
    await expect(again.locator("li.meeting h3")).to_have_text(["Geometry"])
    await expect(home.locator("li.meeting h3")).to_have_text(["Geometry"])  # the other tab is told
    gone = httpx.get(
        f"{server.url}/meetings/{meeting.id}",
        headers={"Authorization": f"Bearer {meeting.admin_id}"},
        trust_env=False,
    )
    assert gone.status_code == 404


async def test_a_meeting_that_was_deleted_elsewhere_is_named_and_can_go(visitor: Visitor, server: Server) -> None:
    visitor.forgive(REFUSED)
    home = await visitor.open(server.url)
    meeting = await create_meeting(home, server, "Algebra I")
    headers = {"Authorization": f"Bearer {meeting.admin_id}"}
    httpx.delete(f"{server.url}/meetings/{meeting.id}", headers=headers, trust_env=False).raise_for_status()
    await home.reload()
    await home.get_by_text("Not on this server any more").wait_for()
    await home.get_by_role("button", name="Delete: Algebra I").click()
    await home.get_by_role("button", name="Delete meeting").click()
    await home.get_by_text("No meetings yet").wait_for()


async def test_the_candidates_link_is_copied(visitor: Visitor, server: Server) -> None:
    await visitor.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    home = await visitor.open(server.url)
    meeting = await create_meeting(home, server, "Algebra I")
    await home.get_by_role("button", name="Copy: Candidates’ link").click()
    await home.get_by_text("Copied").wait_for()
    assert await home.evaluate("navigator.clipboard.readText()") == meeting.join_link
    secret = urlsplit(meeting.join_link).fragment
    assert secret
    assert not [url for url in visitor.requested if secret in url]


async def test_the_api_key_is_asked_for_and_stays_in_the_tab(browser: Browser, with_key: Server) -> None:
    async with visiting(browser, with_key.url) as visitor:
        visitor.forgive(REFUSED)
        home = await visitor.open(with_key.url)
        await home.get_by_label("Title").fill("Algebra I")
        await home.get_by_label("API key").fill("another")
        await home.get_by_role("button", name="Create meeting").click()
        await home.get_by_text("The API key is not right").wait_for()
        await home.get_by_label("API key").fill(KEY)
        await home.get_by_role("button", name="Create meeting").click()
        await home.get_by_role("link", name="Watch: Algebra I").wait_for()
        await home.get_by_text("The API key is kept in this tab.").wait_for()
        assert KEY not in await home.evaluate("JSON.stringify(localStorage)")
        await home.reload()
        await home.get_by_label("Title").fill("Geometry")
        await home.get_by_role("button", name="Create meeting").click()
        await home.get_by_role("link", name="Watch: Geometry").wait_for()
        other_tab = await visitor.open(with_key.url)
        await other_tab.get_by_label("API key").wait_for()


async def test_the_language_is_the_browsers_until_another_is_chosen(browser: Browser, server: Server) -> None:
    async with visiting(browser, server.url, locale="ar-EG") as visitor:
        home = await visitor.open(server.url)
        assert await _page_language(home) == ["ar", "rtl"]
        await home.get_by_role("combobox").select_option("en")
        await home.get_by_role("button", name="Create meeting").wait_for()
        assert await _page_language(home) == ["en", "ltr"]
        again = await visitor.open(server.url)
        assert await _page_language(again) == ["en", "ltr"]


async def _page_language(page: Page) -> list[str]:
    await page.get_by_role("heading", level=1).wait_for()
    said: list[str] = await page.evaluate("[document.documentElement.lang, document.documentElement.dir]")
    return said
