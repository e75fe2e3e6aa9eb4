"""The proctor's sidebar in a real Chromium: pushed by a real server, heard, decided, looked at from every side."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.crowd import REASONS, UNCLEAR, anomaly_body, spoken_at
from tests.browser.looks import accessible, nothing_scrolls_sideways
from tests.browser.proctor import Room, room, watching
from tests.browser.visitor import AWAY, DESKTOP, NARROW
from tests.serving import Server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

# What the console says of a clip that nobody stored.
NO_CLIP = r"status of 404 .*/clips/.*-late/link"


@pytest.fixture
async def exam(server: Server) -> AsyncIterator[Room]:
    """Half an hour into it: twelve candidates, fifteen anomalies."""
    async with room(server, candidates=12, anomalies=15, minutes=30) as made:
        yield made


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
        await page.keyboard.press("ArrowRight")
        following = min(start for start, _, _ in turns if start > second + 50)
        assert following <= await _position(page, evidence) < following + 1000
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


async def test_an_empty_meeting_says_what_will_come(browser: Browser, server: Server) -> None:
    async with room(server) as made, watching(browser, made) as (_, page):
        await page.get_by_text("Nobody has joined yet").wait_for()
        await page.get_by_text("No anomalies", exact=True).wait_for()
        await accessible(page)


async def _position(page: Page, evidence: dict[str, int]) -> float:
    """Where the recording is, in ms of the window."""
    at: float = await page.locator("ut-player").evaluate("player => player.audio.currentTime * 1000")
    return at - evidence["lead_in_ms"]


async def _focused(page: Page) -> str | None:
    """The anomaly whose card has the focus."""
    found: str | None = await page.locator("undertone-sidebar").evaluate(
        "host => host.shadowRoot.activeElement?.dataset?.anomaly ?? null"
    )
    return found


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


async def test_a_second_anomaly_of_the_same_candidate_is_announced_too(browser: Browser, exam: Room) -> None:
    who = exam.people[3]
    async with watching(browser, exam) as (_, page):
        said = page.locator("undertone-sidebar").get_by_role("log")
        await exam.tell("anomaly_opened", who, anomaly_body(1, who, datetime.now(UTC)))
        await expect(said).to_contain_text(who.name)
        await said.locator("span").evaluate("span => { span.dataset.old = ''; }")
        await exam.tell("anomaly_opened", who, anomaly_body(2, who, datetime.now(UTC)))
        await expect(said.locator("span:not([data-old])")).to_contain_text(who.name)  # other words, if the same


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


async def test_a_click_on_the_words_of_an_option_chooses_it(browser: Browser, exam: Room) -> None:
    async with watching(browser, exam) as (_, page):
        await page.get_by_role("button", name="Options").click()
        await page.get_by_text("A soft chime for each new anomaly").click()
        await expect(page.get_by_role("checkbox", name="Sound")).to_be_checked()


async def test_a_meeting_that_has_ended_says_so_to_whoever_comes_later(browser: Browser, exam: Room) -> None:
    async with watching(browser, exam) as (_, page):
        await exam.ask("POST", "/end")
        await expect(page.locator(".line-state")).to_have_text("Meeting ended")
        await page.reload()
        await expect(page.locator("ut-row").first).to_be_visible()
        await expect(page.locator(".line-state")).to_have_text("Meeting ended")


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
        await expect(page.locator("ut-review")).to_contain_text("Dismissed by", timeout=30_000)


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
