"""What was heard, and what is decided of it: the clip plays where it should, and all proctors see the decision."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.crowd import anomaly_body, spoken_at
from tests.browser.proctor import NO_CLIP, Room, watching
from tests.browser.visitor import AWAY
from tests.serving import Server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_a_clip_plays_from_the_second_voice_on_and_jumps_between_turns(browser: Browser, exam: Room) -> None:
    anomaly = next(
        each
        for each in await exam.anomalies()
        if (each["state"], each["count"], each["kind"]) == ("open", 1, "multiple_voices")
    )
    [evidence] = anomaly["evidence"]
    turns = sorted(evidence["turns"])
    second = min(start for start, _, speaker in turns if speaker == 1)
    async with watching(browser, exam) as (_, page):
        await page.locator(f'[data-anomaly="{anomaly["id"]}"]').click()
        player = page.locator("ut-player")
        await player.locator("svg.waveform").wait_for()
        assert await player.locator(".lane").count() == 2
        assert await player.locator(".lane .turn").count() == len(turns)
        await player.get_by_role("button", name="Play").click()
        await expect(player.get_by_role("button", name="Pause")).to_be_visible()
        began = await _position(page, evidence)
        assert second <= began < second + 1500
        heard_s: float = await player.evaluate("({audio}) => audio.currentTime")
        assert spoken_at(evidence) <= heard_s * 1000 < spoken_at(evidence) + 1500, "the lead-in is skipped"
        await asyncio.sleep(1.0)
        assert await _position(page, evidence) > began + 500
        await player.get_by_role("button", name="Pause").click()
        here = await _position(page, evidence)
        await page.keyboard.press("ArrowRight")
        following = min(start for start, _, _ in turns if start > here + 50)
        assert following <= await _position(page, evidence) < following + 1000
        await player.get_by_role("button", name="Play").click()
        await player.get_by_text("2×").click()
        assert await player.evaluate("({audio}) => [audio.playbackRate, audio.preservesPitch]") == [2, True]
        await page.locator(".picture").focus()
        await page.keyboard.press(" ")
        await expect(player.get_by_role("button", name="Play")).to_be_visible()
        await page.keyboard.press("Home")
        assert 0 <= await _position(page, evidence) < 1000


async def test_a_voice_that_has_changed_is_drawn_as_another_and_plays_from_its_first_word(
    browser: Browser, exam: Room
) -> None:
    anomaly = next(each for each in await exam.anomalies() if each["kind"] == "voice_changed")
    async with watching(browser, exam) as (_, page):
        card = page.locator("ut-card", has=page.locator(f'[data-anomaly="{anomaly["id"]}"]'))
        await expect(card).to_contain_text("A different voice, ")
        await expect(card).not_to_contain_text("0s")
        await card.locator(".card-head").click()
        pane = page.locator("ut-evidence")
        await expect(pane.locator(".lead")).to_contain_text(re.compile("1 voice was heard, for .* differs from"))
        player = page.locator("ut-player")
        await player.locator("svg.waveform").wait_for()
        evidence = await player.evaluate("({evidence}) => evidence")
        before, another = player.locator(".lane").nth(0), player.locator(".lane").nth(1)
        await expect(before).to_contain_text("the voice heard before")
        assert await before.locator(".turn").count() == 0
        await expect(another.locator(".badge")).to_have_text("B")
        assert await another.locator(".turn").count() == len(evidence["turns"])
        await player.get_by_role("button", name="Play").click()
        await expect(player.get_by_role("button", name="Pause")).to_be_visible()
        first = min(start for start, _, _ in evidence["turns"])
        assert first <= await _position(page, evidence) < first + 1500


async def test_a_page_that_forbids_blobs_plays_the_clip_from_its_link(browser: Browser, exam: Room) -> None:
    async with watching(browser, exam) as (visitor, page):
        visitor.forgive("Content Security Policy")
        await page.evaluate(
            """document.head.append(Object.assign(document.createElement("meta"),
              { httpEquiv: "Content-Security-Policy", content: "media-src 'self'" }))"""
        )
        await page.locator(".multiple_voices .card-head").first.click()
        player = page.locator("ut-player")
        await player.get_by_role("button", name="Play").click()
        await expect(player.get_by_role("button", name="Pause")).to_be_visible()
        await asyncio.sleep(0.5)
        assert await player.evaluate("({audio}) => [audio.src.includes('signature='), !audio.paused]") == [True, True]
        began = await player.evaluate("({audio}) => audio.currentTime")
        await asyncio.sleep(1)
        assert await player.evaluate("({audio}) => audio.currentTime") > began + 0.5
        second = spoken_at(await player.evaluate("({evidence}) => evidence"))
        assert second <= began * 1000 < second + 5000, "where the second voice begins, here too"
        await expect(player.locator("[role=alert]")).to_have_count(0)


async def test_a_browser_that_does_not_let_it_play_shows_no_pause(browser: Browser, exam: Room) -> None:
    async with watching(browser, exam) as (_, page):
        await page.locator(".card-head").first.click()
        player = page.locator("ut-player")
        await player.locator("svg.waveform").wait_for()
        await player.evaluate(
            "({audio}) => { audio.play = () => Promise.reject(new DOMException('not now', 'NotAllowedError')) }"
        )
        await player.get_by_role("button", name="Play", exact=True).click()
        await expect(player.get_by_role("button", name="Play", exact=True)).to_be_visible()


async def test_what_is_being_heard_stays_when_the_anomaly_grows(browser: Browser, exam: Room) -> None:
    anomaly = next(each for each in await exam.anomalies() if each["state"] == "open" and each["count"] == 1)
    who = next(each for each in exam.people if each.id == anomaly["participant"]["id"])
    [first] = anomaly["evidence"]
    later = {**first, "clip": f"{who.id}-louder", "other_ms": first["other_ms"] + 10_000}
    async with watching(browser, exam) as (_, page):
        await page.locator(f'[data-anomaly="{anomaly["id"]}"]').click()
        await page.locator("svg.waveform").wait_for()
        await exam.tell("anomaly_grew", who, {"anomaly": {**anomaly, "count": 2, "evidence": [first, later]}})
        await page.get_by_text("Heard in 2 windows").wait_for()
        assert await page.locator("ut-player").evaluate("player => player.evidence.clip") == first["clip"]


async def test_a_decision_is_seen_by_all_at_once_with_its_name_and_can_be_undone(browser: Browser, exam: Room) -> None:
    first = next(each for each in await exam.anomalies() if each["state"] == "open")
    invited = (await exam.ask("POST", "/proctors", {"name": "Morgan"}))["data"]["token"]
    head = f'[data-anomaly="{first["id"]}"]'
    async with (
        watching(browser, exam) as (_, salma),
        watching(browser, exam, token=invited) as (_, morgan),
    ):
        await morgan.get_by_role("button", name="All", exact=False).first.click()
        await salma.locator(head).click()
        await salma.get_by_label("Note").fill("A radio next door.")
        await salma.get_by_role("button", name="Dismiss", exact=True).focus()
        await salma.keyboard.press("Enter")
        await expect(salma.get_by_role("button", name="Undo")).to_be_focused()
        seen = morgan.locator("ut-card", has=morgan.locator(head))
        await expect(seen).to_contain_text("Dismissed by")
        await expect(seen).to_contain_text("Salma")
        await expect(seen).to_contain_text("A radio next door.")
        await morgan.locator(head).click()
        await morgan.get_by_role("button", name="Undo").click()
        await expect(salma.locator("ut-review")).to_contain_text("Reopened by")
        await expect(salma.locator("ut-review")).to_contain_text("Morgan")
        await expect(salma.get_by_role("button", name="Confirm", exact=True)).to_be_visible()
        await expect(morgan.locator("ut-card", has=morgan.locator(head))).not_to_contain_text("Dismissed by")


async def test_a_decision_that_is_refused_says_why_and_waits_until_then(browser: Browser, exam: Room) -> None:
    who = exam.people[0]
    async with watching(browser, exam) as (visitor, page):
        visitor.forgive(NO_CLIP)
        # An anomaly that the channel told of and the server does not have: what is decided of it must be refused.
        await exam.tell("anomaly_opened", who, anomaly_body(1, who, datetime.now(UTC)))
        await page.locator('[data-anomaly="late-1"]').click()
        await expect(page.locator("ut-player [role=alert]")).to_contain_text("That is not there, or was deleted.")
        await page.get_by_role("button", name="Confirm", exact=True).click()
        await expect(page.locator("ut-review [role=alert]")).to_contain_text(re.compile("Not saved: .*anomaly"))
        await expect(page.get_by_role("button", name="Confirm", exact=True)).to_be_visible()


async def test_a_page_with_an_unsent_decision_asks_before_it_is_left(
    browser: Browser, server: Server, exam: Room
) -> None:
    first = next(each for each in await exam.anomalies() if each["state"] == "open")
    async with watching(browser, exam) as (visitor, page):
        visitor.forgive(AWAY)
        await page.locator(f'[data-anomaly="{first["id"]}"]').click()
        server.kill()
        await page.get_by_text("The connection is down.").wait_for()
        await page.get_by_role("button", name="Dismiss", exact=True).click()
        async with page.expect_event("dialog") as asked:
            await page.close(run_before_unload=True)
        dialog = await asked.value
        assert dialog.type == "beforeunload"
        await dialog.dismiss()
        await asyncio.to_thread(server.start)
        await expect(page.locator("ut-review")).to_contain_text("Dismissed by", timeout=60_000)


async def _position(page: Page, evidence: dict[str, int]) -> float:
    """Where the recording is, in ms of the window."""
    at: float = await page.locator("ut-player").evaluate("player => player.audio.currentTime * 1000")
    return at - evidence["lead_in_ms"]
