"""Candidates and anomalies as lists: ordered, filtered, long, and gone through by the keyboard alone."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.crowd import anomaly_body
from tests.browser.looks import accessible
from tests.browser.proctor import NO_CLIP, Room, room, watching
from tests.browser.visitor import NARROW
from tests.serving import Server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_filters_and_orders(browser: Browser, exam: Room) -> None:
    anomalies = await exam.anomalies()
    with_some = {each["participant"]["id"] for each in anomalies}
    async with watching(browser, exam) as (_, page):
        await page.get_by_role("button", name="With anomalies").click()
        await expect(page.locator("ut-row")).to_have_count(len(with_some))
        await page.get_by_label("Sort by").select_option("anomalies")
        open_ones = [each["participant"]["id"] for each in anomalies if each["state"] == "open"]
        most = max(open_ones.count(each) for each in with_some)
        first = await page.locator("ut-row").first.evaluate("row => row.row.id")
        assert open_ones.count(first) == most
        await page.locator(".row-head").first.click()
        await page.get_by_role("button", name=re.compile("^Show ")).click()
        theirs = [each["id"] for each in anomalies if each["participant"]["id"] == first]
        await expect(page.locator("ut-card")).to_have_count(len(theirs))
        await page.reload()
        await expect(page.get_by_label("Sort by")).to_have_value("anomalies")


async def test_long_lists_grow_as_one_scrolls_and_tell_their_length(browser: Browser, server: Server) -> None:
    async with (
        room(server, candidates=130, anomalies=150, minutes=3) as exam,
        watching(browser, exam) as (_, page),
    ):
        await page.get_by_role("button", name="All", exact=False).first.click()
        for part, length in (("ut-row", 130), ("ut-card", 150)):
            items = page.locator("li", has=page.locator(part))
            assert await items.count() < length, "what nobody sees is not made"
            await expect(items.first).to_have_attribute("aria-setsize", str(length))
            for _ in range(8):
                await items.last.scroll_into_view_if_needed()
                await asyncio.sleep(0.15)
            await expect(items).to_have_count(length)
            await expect(items.last).to_have_attribute("aria-posinset", str(length))
        # A new one comes while somebody reads far below: it is said, and one click is the way up.
        who = exam.people[0]
        await exam.tell("anomaly_opened", who, anomaly_body(3, who, datetime.now(UTC)))
        await page.get_by_role("button", name="1 new").click()
        await expect(page.locator('[data-anomaly="late-3"]')).to_be_focused()


async def test_the_open_card_stays_however_many_come_before_it(browser: Browser, server: Server) -> None:
    async with (
        room(server, candidates=4, anomalies=60, minutes=30) as exam,
        watching(browser, exam, viewport=NARROW) as (visitor, page),
    ):
        visitor.forgive(NO_CLIP)
        await page.get_by_role("button", name="All", exact=False).first.click()
        await page.locator(".card-head").nth(20).click()
        await page.get_by_label("Note").fill("A radio.")
        await page.locator("ut-feed .scroller").evaluate("scroller => scroller.scrollTo({ top: 0 })")
        who = exam.people[0]
        for number in range(25):
            await exam.tell("anomaly_opened", who, anomaly_body(number, who, datetime.now(UTC)))
        await expect(page.locator("ut-feed")).to_have_js_property("items.length", 85)
        await expect(page.get_by_label("Note")).to_have_value("A radio.")


async def test_an_empty_meeting_says_what_will_come(browser: Browser, server: Server) -> None:
    async with room(server) as made, watching(browser, made) as (_, page):
        await page.get_by_text("Nobody has joined yet").wait_for()
        await page.get_by_text("No anomalies", exact=True).wait_for()
        await accessible(page)


async def test_everything_by_the_keyboard_alone(browser: Browser, exam: Room) -> None:
    async with watching(browser, exam) as (_, page):
        await page.locator(".segment").first.focus()
        order: list[str] = await page.locator("ut-feed").evaluate("feed => feed.order")
        await page.keyboard.press("j")
        assert await _focused(page) == order[0]
        await page.keyboard.press("j")
        await page.keyboard.press("k")
        await page.keyboard.press("j")
        assert await _focused(page) == order[1]
        await page.keyboard.press("Enter")
        await page.locator("svg.waveform").wait_for()
        await expect(page.locator(".detail-pane h2")).to_be_focused()
        await page.keyboard.press(" ")
        await expect(page.locator("ut-player").get_by_role("button", name="Pause")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("ut-player")).to_have_count(0)
        assert await _focused(page) == order[1], "the focus goes back to where it came from"
        await page.keyboard.press("ArrowUp")
        assert await _focused(page) == order[0]
        await page.get_by_label("Search candidates").focus()
        stops = 0
        while await _focused(page) is None:
            await page.keyboard.press("Tab")
            stops += 1
            assert stops < 12, "a list is one stop, however long it is"
        assert await _focused(page) == order[0], "the one that had the focus last"
        await page.get_by_label("Search candidates").focus()
        await page.keyboard.type("jk ")
        assert await page.get_by_label("Search candidates").input_value() == "jk ", "in a field, letters are letters"


async def test_the_keyboard_goes_on_beside_a_decided_anomaly_that_leaves_the_list(browser: Browser, exam: Room) -> None:
    async with watching(browser, exam) as (_, page):
        await page.locator("ut-card").first.wait_for()
        order: list[str] = await page.locator("ut-feed").evaluate("feed => feed.order")
        while order:
            await page.locator(f'[data-anomaly="{order[0]}"]').focus()
            await page.keyboard.press("Enter")
            await page.get_by_role("button", name="Confirm", exact=True).focus()
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("button", name="Undo")).to_be_focused()
            await page.keyboard.press("Escape")
            await expect(page.locator(f'[data-anomaly="{order.pop(0)}"]')).to_have_count(0)
            if order:
                await expect(page.locator(f'[data-anomaly="{order[0]}"]')).to_be_focused()
        await expect(page.locator(".segment").first).to_be_focused()


async def test_a_card_that_somebody_else_decides_stays_until_the_focus_moves_on(browser: Browser, exam: Room) -> None:
    invited = (await exam.ask("POST", "/proctors", {"name": "Morgan"}))["data"]["token"]
    async with watching(browser, exam) as (_, salma), watching(browser, exam, token=invited) as (_, morgan):
        await salma.locator("ut-card").first.wait_for()
        order: list[str] = await salma.locator("ut-feed").evaluate("feed => feed.order")

        async def decided_by_morgan(anomaly: str) -> None:
            await morgan.locator(f'[data-anomaly="{anomaly}"]').click()
            await morgan.get_by_role("button", name="Dismiss", exact=True).click()
            await expect(salma.locator("ut-card", has=salma.locator(f'[data-anomaly="{anomaly}"]'))).to_contain_text(
                "Dismissed by"
            )

        first, second, third = (salma.locator(f'[data-anomaly="{anomaly}"]') for anomaly in order[:3])
        await first.focus()
        await decided_by_morgan(order[0])
        await expect(first).to_be_focused()
        await expect(salma.locator("undertone-sidebar").get_by_role("log")).to_contain_text("Dismissed by")
        await salma.keyboard.press("j")
        await expect(second).to_be_focused()
        await expect(first).to_have_count(0)

        # By the mouse: nothing moves from under it before it is let go.
        await decided_by_morgan(order[1])
        box = await third.bounding_box()
        assert box is not None
        await salma.mouse.move(box["x"] + 40, box["y"] + 10)
        await salma.mouse.down()
        await expect(third).to_be_focused()
        assert await second.count() == 1
        assert await third.bounding_box() == box
        await salma.mouse.up()
        await expect(third).to_have_attribute("aria-expanded", "true")
        await expect(second).to_have_count(0)


async def test_a_row_that_moves_keeps_the_focus_however_far_it_goes(browser: Browser, server: Server) -> None:
    async with (
        room(server, candidates=60, anomalies=1, minutes=2) as exam,
        watching(browser, exam) as (_, page),
    ):
        await page.get_by_label("Sort by").select_option("state")
        await page.locator(".row-head").first.focus()
        row = await page.locator("ut-row").first.evaluate("row => row.row.id")
        who = next(each for each in exam.people if each.id == row)
        for kind, state in (("candidate_streaming", "Streaming"), ("candidate_finished", "Finished")):
            await exam.tell(kind, who, {})
            moved = page.locator("ut-row", has_text=who.name)
            await expect(moved).to_contain_text(state)
            await expect(moved.locator(".row-head")).to_be_focused()
        place = await page.locator("li", has=moved).get_attribute("aria-posinset")
        assert int(place or 0) > 40, "more than are made at once"


async def _focused(page: Page) -> str | None:
    """The anomaly whose card has the focus."""
    found: str | None = await page.locator("undertone-sidebar").evaluate(
        "host => host.shadowRoot.activeElement?.dataset?.anomaly ?? null"
    )
    return found
