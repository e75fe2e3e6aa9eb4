"""What a candidate's tab records arrives, once, whatever happens to the line, the tab or the page."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import expect

from tests.browser.candidate.exam import (
    CLOSE_MS,
    KBPS,
    Exam,
    begin,
    begin_at_once,
    finish,
    join,
    missing_ms,
    sit_down,
    stored_ms,
    until,
)
from tests.browser.devtools import tabs
from tests.browser.find import chromium
from tests.browser.sound import excusable_ms
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

HIDDEN_S: Final = 20  # Chromium slows a tab's timers down once it has been hidden for 10 s


async def test_a_server_that_dies_in_between_loses_and_doubles_nothing(listening: Visitor, exam: Exam) -> None:
    listening.forgive("WebSocket connection|ERR_CONNECTION_REFUSED|Failed to load resource")
    page = await join(listening, exam)
    began = await begin(page)
    await page.wait_for_timeout(10_000)
    exam.server.kill()
    await until(page, "reconnecting")
    await page.wait_for_timeout(5_000)
    exam.server.start()
    await until(page, "recording", within_s=60)
    await page.wait_for_timeout(max(0.0, 65 - (time.monotonic() - began)) * 1000)
    recorded = (time.monotonic() - began) * 1000
    told = await finish(page)
    media = told["bytes"] * 8 / KBPS
    assert missing_ms(exam) <= excusable_ms(recorded)
    assert media + missing_ms(exam) == pytest.approx(recorded, abs=CLOSE_MS)
    assert stored_ms(exam) == pytest.approx(media, abs=60)
    assert [event["window"] for event in exam.events("window_stored")] == list(range(told["windows"]))
    async with asyncio.timeout(60):
        while not exam.events("anomaly_opened"):
            await asyncio.sleep(0.5)
    (anomaly,) = exam.events("anomaly_opened")
    assert anomaly["anomaly"]["evidence"][0]["voices"] == 2


# Which locks there were that keep the screen on.
WAKING: Final = """
globalThis.locks = [];
const request = navigator.wakeLock.request.bind(navigator.wakeLock);
navigator.wakeLock.request = async (kind) => {
  const lock = await request(kind);
  locks.push(lock);
  return lock;
};
"""


async def test_a_hidden_tab_records_on_and_only_one_in_front_keeps_the_screen_on(exam: Exam, two_voices: Path) -> None:
    path = chromium()
    assert path is not None
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    async with tabs(path, [*fake, f"--use-file-for-fake-audio-capture={two_voices}"]) as window:
        page = await window.open(exam.link)
        await page.until("navigator.wakeLock !== undefined")  # the page has come
        await page.evaluate(WAKING)
        await sit_down(page, "Ada")
        await page.press("Start the exam")
        began = time.monotonic()
        await page.until("told.at(-1) === 'recording'")
        await page.until("locks.length === 1 && !locks[0].released")
        await window.open("about:blank")
        await page.until("document.visibilityState === 'hidden'")
        await page.until("locks.length === 1 && locks[0].released")
        await asyncio.sleep(HIDDEN_S)
        assert await page.evaluate("document.visibilityState") == "hidden"
        await page.show()
        await page.until("locks.length === 2 && !locks[1].released")
        recorded = (time.monotonic() - began) * 1000
        await page.press("Finish")
        await page.press("Yes, finish")
        await page.until("told.at(-1) === 'finished' && locks.length === 2 && locks[1].released")
        media = await page.evaluate("finished.bytes") * 8 / KBPS
    assert missing_ms(exam) <= excusable_ms(recorded)
    assert media + missing_ms(exam) == pytest.approx(recorded, abs=CLOSE_MS)
    assert stored_ms(exam) == pytest.approx(media, abs=60)


async def test_a_second_tab_takes_over_and_the_first_may_take_it_back(listening: Visitor, exam: Exam) -> None:
    first = await join(listening, exam)
    await begin_at_once(first)
    second = await join(listening, exam)
    await begin_at_once(second)
    await until(first, "elsewhere")
    await expect(first.get_by_text("The exam goes on in another tab")).to_be_visible()
    await first.get_by_role("button", name="Go on here").click()
    await until(first, "recording")
    await until(second, "elsewhere")
    await finish(first)
    assert len(exam.events("candidate_joined")) == 1, "both are the same candidate"
    assert {event["stream"] for event in exam.events("window_stored")} == {1, 2, 3}


async def test_a_reload_asks_nothing_and_goes_on(listening: Visitor, exam: Exam) -> None:
    page = await join(listening, exam)
    await begin_at_once(page)
    await page.wait_for_timeout(3_000)
    page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await page.reload()
    await until(page, "recording")
    # Moved by the page around it: nothing ends, and what is not yet sent is kept.
    await page.locator("undertone-candidate").evaluate("(element) => element.parentNode.append(element)")
    await page.wait_for_timeout(500)
    await until(page, "recording")
    await finish(page)
    assert len(exam.events("candidate_joined")) == 1
    assert {event["stream"] for event in exam.events("window_stored")} == {1, 2}


async def test_leaving_asks_first(listening: Visitor, exam: Exam) -> None:
    page = await join(listening, exam)
    await begin_at_once(page)
    asked = asyncio.get_running_loop().create_future()

    async def stay(dialog: Any) -> None:
        asked.set_result(dialog.type)
        await dialog.dismiss()

    page.on("dialog", lambda dialog: asyncio.ensure_future(stay(dialog)))
    await page.close(run_before_unload=True)
    assert await asyncio.wait_for(asked, 10) == "beforeunload"
    await finish(page)
