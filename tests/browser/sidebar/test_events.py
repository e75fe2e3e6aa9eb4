"""What is pushed: it comes by itself, to those it is about, over a line that breaks, until the meeting ends."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, expect

from tests.browser.crowd import REASONS, UNCLEAR, anomaly_body
from tests.browser.proctor import NO_CLIP, Room, watching
from tests.browser.visitor import AWAY
from tests.serving import Server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_a_new_anomaly_comes_by_itself_is_marked_and_announced(browser: Browser, exam: Room) -> None:
    who = exam.people[3]
    async with watching(browser, exam) as (visitor, page):
        visitor.forgive(NO_CLIP)
        await page.evaluate(
            "globalThis.told = []; addEventListener('undertone-anomaly', ({detail}) => told.push(detail.anomaly.id))"
        )
        await exam.tell("anomaly_opened", who, anomaly_body(7, who, datetime.now(UTC)))
        newest = page.locator("ut-card").first
        await expect(newest).to_contain_text(who.name)
        await expect(newest).to_contain_text("New")
        await expect(page.locator("undertone-sidebar").get_by_role("log")).to_contain_text(
            f"New anomaly: \u2068{who.name}"
        )
        assert await page.evaluate("told") == ["late-7"]
        await newest.locator(".card-head").click()
        await expect(newest.locator(".new")).to_have_count(0)


async def test_a_second_anomaly_of_the_same_candidate_is_announced_too(browser: Browser, exam: Room) -> None:
    who = exam.people[3]
    async with watching(browser, exam) as (_, page):
        said = page.locator("undertone-sidebar").get_by_role("log")
        await exam.tell("anomaly_opened", who, anomaly_body(1, who, datetime.now(UTC)))
        await expect(said).to_contain_text(who.name)
        await said.locator("span").evaluate("span => { span.dataset.old = ''; }")
        await exam.tell("anomaly_opened", who, anomaly_body(2, who, datetime.now(UTC)))
        await expect(said.locator("span:not([data-old])")).to_contain_text(who.name)  # other words, if the same


async def test_an_event_draws_anew_only_whom_it_is_about(browser: Browser, exam: Room) -> None:
    first = next(each for each in await exam.anomalies() if each["state"] == "open")
    async with watching(browser, exam) as (_, page):
        await page.get_by_role("button", name="All", exact=False).first.click()
        await page.locator("ut-card").first.wait_for()
        host = page.locator("undertone-sidebar")
        await host.evaluate(
            """host => {
              globalThis.drawn = new Set();
              new MutationObserver(changes => {
                for (const { target } of changes) {
                  const part = (target.nodeType === 1 ? target : target.parentElement)?.closest("ut-card, ut-row");
                  if (part) drawn.add(part.item?.anomaly.id ?? part.row.id);
                }
              }).observe(host.shadowRoot, { subtree: true, childList: true, characterData: true, attributes: true });
            }"""
        )
        await exam.ask("POST", f"/anomalies/{first['id']}/review", {"key": "k", "decision": "confirmed"})
        await expect(page.locator("ut-card", has=page.locator(f'[data-anomaly="{first["id"]}"]'))).to_contain_text(
            "Confirmed by"
        )
        drawn = await page.evaluate("[...drawn]")
        assert first["id"] in drawn
        assert set(drawn) <= {first["id"], first["participant"]["id"]}


async def test_why_a_window_could_not_be_judged_is_said_at_once_and_after_a_reload(
    browser: Browser, exam: Room
) -> None:
    who = exam.people[UNCLEAR]
    async with watching(browser, exam) as (_, page):
        await page.get_by_label("Search candidates").fill(who.name)
        await page.locator(".row-head").click()
        row = page.locator("ut-row")
        await expect(row).to_contain_text(f"Unclear: \u2068{REASONS['unclear']}")
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        judged = {"stream": 1, "window": 30, "start_at": now, "duration_ms": 60_000, "voices": 0, "confidence": 0.5}
        await exam.tell("window_judged", who, {**judged, "outcome": "failed", "reason": "the clip is away"})
        await expect(row).to_contain_text("Not analysed: \u2068the clip is away")
        await exam.tell("window_judged", who, {**judged, "window": 31, "outcome": "clean"})
        await expect(row).not_to_contain_text("the clip is away")


async def test_while_the_line_is_down_it_says_so_and_afterwards_what_was_missed(
    browser: Browser, server: Server, exam: Room
) -> None:
    who = exam.people[1]
    async with watching(browser, exam) as (visitor, page):
        visitor.forgive(AWAY)
        server.kill()
        await page.get_by_text("The connection is down.").wait_for()
        assert await page.locator("ut-row").count() == len(exam.people), "what was known stays in sight"
        await exam.tell("candidate_silent", who, {"reason": "nothing was heard"})
        await exam.tell("anomaly_opened", who, anomaly_body(9, who, datetime.now(UTC)))
        await asyncio.to_thread(server.start)
        await expect(page.locator(".banner")).to_contain_text("Meanwhile: 2 events, 1 new anomaly.", timeout=30_000)
        await expect(page.locator("ut-row", has_text=who.name).first).to_contain_text("Silent")
        await page.get_by_role("button", name="Close this message").click()
        await expect(page.locator(".banner")).to_have_count(0)


async def test_holders_of_the_admin_id_change_candidates_and_proctors_do_not(browser: Browser, exam: Room) -> None:
    who = exam.people[2]
    invited = (await exam.ask("POST", "/proctors", {"name": "Morgan"}))["data"]["token"]
    async with (
        watching(browser, exam) as (_, admin),
        watching(browser, exam, token=invited) as (_, proctor),
    ):
        for page in (admin, proctor):
            await page.get_by_label("Search candidates").fill(who.name.lower())
            await expect(page.locator("ut-row")).to_have_count(1)
            await page.locator(".row-head").click()
        assert await proctor.get_by_role("button", name="Expect one voice more").count() == 0
        await admin.get_by_role("button", name="Expect one voice more").click()
        await expect(admin.locator(".expected output")).to_have_text("2")
        await expect(proctor.locator(".expected strong")).to_have_text("2")
        await admin.get_by_role("button", name="Revoke").click()
        await admin.get_by_role("group", name="Stop the recording").get_by_role("button", name="Revoke").click()
        await expect(proctor.locator("ut-row")).to_contain_text("Revoked")
        await admin.get_by_role("button", name="Let in again").click()
        await expect(proctor.locator("ut-row")).to_contain_text("Joined")


async def test_the_end_of_the_meeting_and_of_ones_access_are_said(browser: Browser, exam: Room) -> None:
    invited = (await exam.ask("POST", "/proctors", {"name": "Morgan"}))["data"]
    async with (
        watching(browser, exam) as (_, admin),
        watching(browser, exam, token=invited["token"]) as (_, proctor),
    ):
        await exam.ask("PATCH", f"/proctors/{invited['id']}", {"revoked": True})
        await expect(proctor.locator(".banner")).to_contain_text("Your access was withdrawn.")
        await expect(proctor.locator(".line-state")).to_have_text("Disconnected")
        await exam.ask("POST", "/end")
        await expect(admin.locator(".line-state")).to_have_text("Meeting ended")
        await expect(admin.locator("ut-row").first).to_be_visible()


async def test_a_meeting_that_has_ended_says_so_to_whoever_comes_later(browser: Browser, exam: Room) -> None:
    async with watching(browser, exam) as (_, page):
        await exam.ask("POST", "/end")
        await expect(page.locator(".line-state")).to_have_text("Meeting ended")
        await page.reload()
        await expect(page.locator("ut-row").first).to_be_visible()
        await expect(page.locator(".line-state")).to_have_text("Meeting ended")
