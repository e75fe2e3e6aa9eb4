"""How it looks and what it offers: accessible at every width, in every colour, and with the options remembered."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.browser.looks import accessible, nothing_scrolls_sideways
from tests.browser.proctor import Room, watching
from tests.browser.visitor import DESKTOP, NARROW

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.mark.parametrize("viewport", [NARROW, DESKTOP, {"width": 900, "height": 800}], ids=["360", "1280", "900"])
@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-GB"), ("dark", "en-GB"), ("light", "ar")])
async def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    browser: Browser, exam: Room, viewport: dict[str, int], scheme: str, locale: str
) -> None:
    profile: dict[str, Any] = {
        "viewport": viewport,
        "color_scheme": scheme,
        "locale": locale,
        "reduced_motion": "reduce",
    }
    async with watching(browser, exam, **profile) as (_, page):
        await page.locator("ut-card").first.wait_for()
        await accessible(page)
        await nothing_scrolls_sideways(page)
        await page.locator(".card-head").nth(1).click()
        await page.locator("svg.waveform").wait_for()
        await accessible(page)
        await nothing_scrolls_sideways(page)
        if viewport == NARROW:
            await page.locator(".tab").nth(1).click()
        await page.locator(".row-head").nth(2).click()
        await page.locator(".options > button").click()
        await accessible(page)
        await nothing_scrolls_sideways(page)


async def test_what_can_be_pressed_is_large_enough(browser: Browser, exam: Room) -> None:
    async with watching(browser, exam, viewport=NARROW) as (_, page):
        await page.locator(".card-head").first.click()
        await page.locator("svg.waveform").wait_for()
        await page.locator("summary").click()
        await page.locator(".options > button").click()
        small = await page.locator("undertone-sidebar").evaluate(
            """host => [...host.shadowRoot.querySelectorAll("button, select, summary, label, input, textarea")]
              .filter(element => element.localName !== "input" || !element.closest("label"))
              .map(element => [element.className || element.localName, element.getBoundingClientRect()])
              .filter(([, box]) => box.width > 0 && (box.width < 24 || box.height < 24))
              .map(([name, box]) => `${name}: ${box.width} x ${box.height}`)"""
        )
        assert small == []


async def test_options_are_asked_for_and_remembered(browser: Browser, exam: Room) -> None:
    async with watching(browser, exam) as (visitor, page):
        await visitor.context.grant_permissions(["notifications"])
        for _ in range(2):
            await page.get_by_role("button", name="Options").click()
            await page.get_by_role("checkbox", name="Sound").check()
            await page.get_by_role("checkbox", name="Notifications").check()
            async with asyncio.timeout(5):  # the browser is asked, and answers when it likes
                while '"notify":true' not in await page.evaluate("localStorage['undertone.sidebar']"):
                    await asyncio.sleep(0.05)
            await page.reload()
            await page.get_by_role("button", name="Options").click()
            await expect(page.get_by_role("checkbox", name="Sound")).to_be_checked()
            await expect(page.get_by_role("checkbox", name="Notifications")).to_be_checked()
            await page.keyboard.press("Escape")
            await expect(page.get_by_role("button", name="Options")).to_be_focused()


async def test_a_browser_that_forbids_notifications_is_not_asked_twice(browser: Browser, exam: Room) -> None:
    async with watching(browser, exam) as (_, page):
        await page.get_by_role("button", name="Options").click()
        await page.get_by_role("checkbox", name="Notifications").click()
        await page.get_by_text("The browser does not allow this page to notify").wait_for()
        await expect(page.get_by_role("checkbox", name="Notifications")).not_to_be_checked()


async def test_a_click_on_the_words_of_an_option_chooses_it(browser: Browser, exam: Room) -> None:
    async with watching(browser, exam) as (_, page):
        await page.get_by_role("button", name="Options").click()
        await page.get_by_text("A soft chime for each new anomaly").click()
        await expect(page.get_by_role("checkbox", name="Sound")).to_be_checked()
