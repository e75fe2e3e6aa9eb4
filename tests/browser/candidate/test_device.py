"""Whatever happens to a microphone or its computer: the recording goes on, and what is missing is told where it is."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from playwright.async_api import Browser, expect

from tests.browser.candidate.exam import (
    CLOSE_MS,
    KBPS,
    Exam,
    begin_at_once,
    finish,
    join,
    missing_ms,
    permit,
    stored_ms,
    until,
)
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SLEEP_S: Final = 6

# Where the browser's own objects can be reached from outside.
HANDLES: Final = """
const devices = navigator.mediaDevices; // none on about:blank
const getUserMedia = devices?.getUserMedia.bind(devices);
if (devices) devices.getUserMedia = async (constraints) => (globalThis.stream = await getUserMedia(constraints));
globalThis.AudioContext = class extends AudioContext {
  constructor(options) {
    super(options);
    globalThis.context = this;
  }
};
"""


async def test_a_device_that_goes_and_a_context_that_stops_are_taken_up_again(listening: Visitor, exam: Exam) -> None:
    await listening.context.add_init_script(HANDLES)
    page = await join(listening, exam)
    began = await begin_at_once(page)
    await page.wait_for_timeout(2_000)
    await page.evaluate("""() => {
      const [track] = stream.getAudioTracks();
      track.stop();
      track.dispatchEvent(new Event("ended"));
    }""")
    await page.wait_for_timeout(2_000)
    await page.evaluate("() => context.suspend()")
    await page.wait_for_timeout(3_000)
    assert await page.evaluate("() => told.includes('blocked') && told.at(-1) === 'recording'")
    assert await page.evaluate("() => context.state === 'running' && stream.active")
    await page.evaluate("() => context.close()")
    await until(page, "blocked")
    await page.get_by_role("button", name="Go on").click()
    await until(page, "recording")
    await page.wait_for_timeout(2_000)
    recorded = (time.monotonic() - began) * 1000
    told = await finish(page)
    assert told["bytes"] * 8 / KBPS + missing_ms(exam) == pytest.approx(recorded, abs=CLOSE_MS)


async def test_a_permission_that_is_taken_away_and_given_back(listening: Visitor, exam: Exam) -> None:
    page = await join(listening, exam)
    began = await begin_at_once(page)
    await page.wait_for_timeout(2_000)  # only what interrupts sound is a gap
    await permit(page, listening, "denied")
    await until(page, "blocked")
    await expect(page.get_by_text("The microphone is blocked").first).to_be_visible()
    away = time.monotonic()
    await page.wait_for_timeout(4_000)
    await permit(page, listening, "granted")
    await until(page, "recording")
    gone = (time.monotonic() - away) * 1000
    await page.wait_for_timeout(3_000)
    recorded = (time.monotonic() - began) * 1000
    await finish(page)
    async with asyncio.timeout(20):
        while not exam.events("audio_missing"):
            await asyncio.sleep(0.5)
    (missing,) = exam.events("audio_missing")
    assert missing["lost_ms"] == pytest.approx(gone, abs=1500)
    assert stored_ms(exam) + missing["lost_ms"] == pytest.approx(recorded, abs=CLOSE_MS)


async def test_without_permission_it_says_what_to_do(listening: Visitor, exam: Exam) -> None:
    page = await join(listening, exam)
    await permit(page, listening, "denied")
    await page.get_by_role("button", name="I agree").click()
    await expect(page.get_by_role("alert")).to_contain_text("The microphone is blocked")
    await permit(page, listening, "granted")
    await expect(page.get_by_role("button", name="Start the check")).to_be_visible()


# As a browser tells it: the event comes, and the track says so too.
MUTED: Final = """(muted) => {
  const [track] = stream.getAudioTracks();
  Object.defineProperty(track, "muted", { configurable: true, value: muted });
  track.dispatchEvent(new Event(muted ? "mute" : "unmute"));
}"""


async def test_a_microphone_that_the_system_mutes_is_named_and_records_on(listening: Visitor, exam: Exam) -> None:
    await listening.context.add_init_script(HANDLES)
    page = await join(listening, exam)
    began = await begin_at_once(page)
    await page.evaluate(MUTED, True)
    await until(page, "silent")
    await expect(page.get_by_text("The microphone is muted by your computer").first).to_be_visible()
    await page.wait_for_timeout(1_000)
    await page.evaluate(MUTED, False)
    await until(page, "recording")
    await expect(page.get_by_text("muted")).to_have_count(0)
    recorded = (time.monotonic() - began) * 1000
    told = await finish(page)
    assert told["windows"] == 1, "silence is recorded, and no gap"
    assert told["bytes"] * 8 / KBPS == pytest.approx(recorded, abs=CLOSE_MS)


# Chromium has three fake devices, of which one is unplugged here.
PLUGS: Final = """
globalThis.unplugged = globalThis.meanwhile = null;
if (devices) {
  const enumerateDevices = devices.enumerateDevices.bind(devices);
  devices.enumerateDevices = async () =>
    (await enumerateDevices()).filter(({ deviceId }) => deviceId !== unplugged);
  const ofAll = devices.getUserMedia;
  devices.getUserMedia = async (constraints) => {
    if (constraints.audio.deviceId?.exact === unplugged) throw new OverconstrainedError("deviceId");
    const stream = await ofAll(constraints);
    meanwhile?.();
    meanwhile = null;
    return stream;
  };
}
globalThis.device = () => stream.getAudioTracks()[0].getSettings().deviceId;
globalThis.unplug = () => {
  const [track] = stream.getAudioTracks();
  unplugged = device();
  track.stop();
  track.dispatchEvent(new Event("ended"));
  devices.dispatchEvent(new Event("devicechange"));
};
globalThis.plugIn = () => {
  unplugged = null;
  devices.dispatchEvent(new Event("devicechange"));
};
"""


async def test_the_chosen_microphone_outlives_a_reload_and_is_taken_again_when_it_is_back(
    listening: Visitor, exam: Exam
) -> None:
    await listening.context.add_init_script(HANDLES + PLUGS)
    page = await join(listening, exam)
    await page.get_by_role("button", name="I agree").click()
    choice = page.get_by_label("Microphone", exact=True)
    await choice.wait_for()
    own_choice = await page.evaluate("device()")
    await choice.select_option(index=await choice.locator("option").count() - 1)
    chosen = await choice.input_value()
    assert chosen != own_choice
    await page.get_by_role("button", name="Start the check").click()
    await page.get_by_role("button", name="Start the exam").click()
    await until(page, "recording")
    page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await page.reload()
    await until(page, "recording")
    began = time.monotonic()
    assert await page.evaluate("device()") == chosen

    await page.wait_for_timeout(2_000)
    await page.evaluate("unplug()")
    await page.wait_for_function("(chosen) => device() !== chosen && told.at(-1) === 'recording'", arg=chosen)
    assert "blocked" in await page.evaluate("told"), "it was said"
    await page.evaluate("plugIn()")
    await page.wait_for_function("(chosen) => device() === chosen", arg=chosen)
    # A loose plug: it is back while the other one is being opened.
    await page.evaluate("() => { meanwhile = plugIn; unplug(); }")
    await page.wait_for_function("() => meanwhile === null")
    await page.wait_for_function("(chosen) => device() === chosen && stream.active", arg=chosen)
    await until(page, "recording")
    await page.wait_for_timeout(2_000)
    recorded = (time.monotonic() - began) * 1000
    told = await finish(page)
    missing = sum(event["lost_ms"] for event in exam.events("audio_missing") if event["stream"] == 2)
    assert told["bytes"] * 8 / KBPS + missing == pytest.approx(recorded, abs=CLOSE_MS)


@asynccontextmanager
async def asleep(browser: Browser) -> AsyncIterator[None]:
    """As on a computer that sleeps: neither pages nor what plays and records for them do anything.

    A page that is stopped alone is rendered silence for, faster than in real time, once it goes on.
    """
    session = await browser.new_browser_cdp_session()
    processes = (await session.send("SystemInfo.getProcessInfo"))["processInfo"]
    helpers = [int(process["id"]) for process in processes if process["type"] != "browser"]
    assert helpers
    for helper in helpers:
        os.kill(helper, signal.SIGSTOP)
    try:
        yield
    finally:
        for helper in helpers:
            os.kill(helper, signal.SIGCONT)


async def test_a_computer_that_slept_tells_what_is_missing_and_doubles_nothing(
    browser: Browser, listening: Visitor, exam: Exam
) -> None:
    page = await join(listening, exam)
    began = await begin_at_once(page)
    await page.wait_for_timeout(3_000)
    fell_asleep = time.monotonic()
    async with asleep(browser):
        await asyncio.sleep(SLEEP_S)
    slept = (time.monotonic() - fell_asleep) * 1000
    await page.wait_for_timeout(3_000)
    await until(page, "recording")
    recorded = (time.monotonic() - began) * 1000
    told = await finish(page)
    [missing] = [event for event in exam.events("audio_missing") if event["lost_ms"] > 1_000]
    assert missing["lost_ms"] == pytest.approx(slept, abs=CLOSE_MS)
    assert missing["start_ms"] == pytest.approx((fell_asleep - began) * 1000, abs=CLOSE_MS)
    assert told["bytes"] * 8 / KBPS + missing_ms(exam) == pytest.approx(recorded, abs=CLOSE_MS)
    assert stored_ms(exam) == pytest.approx(told["bytes"] * 8 / KBPS, abs=100)
