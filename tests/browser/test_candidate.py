"""The candidate's tab in a real Chromium: what it records arrives, whatever happens to line, tab or device."""

from __future__ import annotations

import asyncio
import time
import wave
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
import pytest
from playwright.async_api import Browser, Page, expect

from tests.audio import voice
from tests.browser.devtools import tabs
from tests.browser.exam import LISTENING, Exam, sit_down
from tests.browser.find import chromium
from tests.browser.looks import accessible, nothing_scrolls_sideways
from tests.browser.sound import excusable_ms
from tests.browser.speech import SAMPLE_RATE
from tests.browser.visitor import NARROW, Visitor, running_chromium, visiting
from tests.serving import Server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

KBPS: Final = 64
# A frame at either end, the encoder's filling, clicking through the question at the end, and half a second that the
# recorder does not yet call a gap.
CLOSE_MS: Final = 1400
HIDDEN_S: Final = 20  # Chromium slows a tab's timers down once it has been hidden for 10 s


@pytest.fixture
def exam(server: Server) -> Exam:
    return Exam.create(server)


@pytest.fixture
async def listening(visitor: Visitor) -> Visitor:
    """A visitor whose pages keep what the element tells in `told`."""
    await visitor.context.add_init_script(LISTENING)
    return visitor


async def join(visitor: Visitor, exam: Exam, name: str = "Ada") -> Page:
    """Up to the consent."""
    page = await visitor.open(exam.link)
    if (
        await page.get_by_role("textbox")
        .or_(page.get_by_role("button", name="Continue"))
        .first.evaluate("(element) => element.localName === 'input'")
    ):
        await page.get_by_role("textbox").fill(name)
        await page.keyboard.press("Enter")
    else:
        await page.get_by_role("button", name="Continue").click()
    return page


async def begin(page: Page) -> float:
    """Through the check into the exam. Returns when it began, by the monotonic clock."""
    await page.get_by_role("button", name="I agree").click()
    await page.get_by_role("button", name="Start the check").click()
    await page.get_by_role("button", name="Start the exam").click()
    began = time.monotonic()
    await until(page, "recording")
    return began


async def until(page: Page, state: str, within_s: float = 30) -> None:
    """The element tells `state`."""
    await page.wait_for_function("(state) => told.at(-1) === state", arg=state, timeout=within_s * 1000)


async def finish(page: Page) -> dict[str, int]:
    await page.get_by_role("button", name="Finish").click()
    await page.get_by_role("button", name="Yes, finish").click()
    await until(page, "finished", within_s=60)
    answer: dict[str, int] = await page.evaluate("finished")
    return answer


def stored_ms(exam: Exam, stream: int = 1) -> int:
    return sum(event["duration_ms"] for event in exam.events("window_stored") if event["stream"] == stream)


def missing_ms(exam: Exam) -> int:
    """What the microphone lost: on a machine that has too much to do even Chromium's own audio thread comes late."""
    return sum(event["lost_ms"] for event in exam.events("audio_missing"))


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


async def test_a_hidden_tab_records_on(exam: Exam, two_voices: Path) -> None:
    path = chromium()
    assert path is not None
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    async with tabs(path, [*fake, f"--use-file-for-fake-audio-capture={two_voices}"]) as window:
        page = await window.open(exam.link)
        await sit_down(page, "Ada")
        await page.press("Start the exam")
        began = time.monotonic()
        await page.until("told.at(-1) === 'recording'")
        await window.open("about:blank")
        await page.until("document.visibilityState === 'hidden'")
        await asyncio.sleep(HIDDEN_S)
        assert await page.evaluate("document.visibilityState") == "hidden"
        await page.show()
        recorded = (time.monotonic() - began) * 1000
        await page.press("Finish")
        await page.press("Yes, finish")
        await page.until("told.at(-1) === 'finished'")
        media = await page.evaluate("finished.bytes") * 8 / KBPS
    assert missing_ms(exam) <= excusable_ms(recorded)
    assert media + missing_ms(exam) == pytest.approx(recorded, abs=CLOSE_MS)
    assert stored_ms(exam) == pytest.approx(media, abs=60)


async def test_a_second_tab_takes_over_and_the_first_may_take_it_back(listening: Visitor, exam: Exam) -> None:
    first = await join(listening, exam)
    await begin(first)
    second = await join(listening, exam)
    await begin(second)
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
    await begin(page)
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
    began = await begin(page)
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


@pytest.mark.parametrize(
    ("how", "words"), [("end", "This exam has ended"), ("revoke", "Your access to this exam was withdrawn")]
)
async def test_whoever_ends_it_is_named(listening: Visitor, exam: Exam, how: str, words: str) -> None:
    page = await join(listening, exam)
    await begin(page)
    headers = {"Authorization": f"Bearer {exam.admin_id}"}
    address = f"{exam.server.url}/meetings/{exam.meeting}"
    if how == "end":
        httpx.post(f"{address}/end", headers=headers).raise_for_status()
    else:
        (joined,) = exam.events("candidate_joined")
        person = f"{address}/participants/{joined['participant']['id']}"
        httpx.patch(person, headers=headers, json={"revoked": True}).raise_for_status()
    await until(page, "failed")
    await expect(page.get_by_text(words)).to_be_visible()
    await expect(page.get_by_role("button", name="Try again")).to_have_count(0)


async def test_leaving_asks_first(listening: Visitor, exam: Exam) -> None:
    page = await join(listening, exam)
    await begin(page)
    asked = asyncio.get_running_loop().create_future()

    async def stay(dialog: Any) -> None:
        asked.set_result(dialog.type)
        await dialog.dismiss()

    page.on("dialog", lambda dialog: asyncio.ensure_future(stay(dialog)))
    await page.close(run_before_unload=True)
    assert await asyncio.wait_for(asked, 10) == "beforeunload"
    await finish(page)


async def test_a_permission_that_is_taken_away_and_given_back(listening: Visitor, exam: Exam) -> None:
    page = await join(listening, exam)
    began = await begin(page)
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


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param({"color_scheme": "light"}, id="light"),
        pytest.param({"color_scheme": "dark", "viewport": NARROW, "locale": "ar"}, id="dark, narrow, right to left"),
    ],
)
async def test_every_state_is_accessible_and_fits(browser: Browser, exam: Exam, profile: dict[str, Any]) -> None:
    async with visiting(browser, exam.server.url, **profile) as visitor:
        await visitor.context.add_init_script(LISTENING)
        page = await visitor.open(exam.link)
        await page.get_by_role("textbox").fill("Ada")
        await page.keyboard.press("Enter")
        element = page.locator("undertone-candidate")

        async def look(state: str) -> None:
            await until(page, state)
            await accessible(page)
            await nothing_scrolls_sideways(page)

        await look("consent")
        await element.locator(".primary").click()
        await look("check")
        await element.locator(".primary").click()
        await element.locator("[data-verdict=good]").wait_for()
        await look("check")
        await element.locator(".primary").click()
        await look("recording")
        await permit(page, visitor, "denied")
        await look("blocked")
        await permit(page, visitor, "granted")
        await until(page, "recording")
        await element.locator("button").click()
        await look("recording")
        await element.locator(".primary").click()
        await look("finished")


async def permit(page: Page, visitor: Visitor, setting: str) -> None:
    """What the person chooses beside the address."""
    session = await visitor.context.new_cdp_session(page)
    info = await session.send("Target.getTargetInfo")
    assert visitor.context.browser is not None
    browser = await visitor.context.browser.new_browser_cdp_session()
    permission = {
        "permission": {"name": "microphone"},
        "setting": setting,
        "origin": await page.evaluate("location.origin"),
        "browserContextId": info["targetInfo"]["browserContextId"],
    }
    await browser.send("Browser.setPermission", permission)


def microphone(what: str, folder: Path) -> Path:
    """Five kinds of microphone, as WAV."""
    rng = np.random.default_rng(3)
    speech = voice(10, SAMPLE_RATE, seed=3)[0]
    hiss = rng.standard_normal(speech.size).astype(np.float32)
    sound = {
        "good": speech + 0.0005 * hiss,
        "too_quiet": 0.02 * speech + 0.0001 * hiss,
        "noisy": 0.3 * speech + 0.06 * hiss,
        "no_sound": 0 * speech,
    }[what]
    path = folder / f"{what}.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@pytest.mark.parametrize(
    ("what", "title"),
    [
        ("good", "Your microphone is good"),
        ("too_quiet", "Too quiet"),
        ("noisy", "Noisy"),
        ("no_sound", "No sound"),
    ],
)
async def test_the_check_tells_what_is_wrong(what: str, title: str, exam: Exam, tmp_path: Path) -> None:
    async with (
        running_chromium(str(microphone(what, tmp_path))) as browser,
        visiting(browser, exam.server.url) as visitor,
    ):
        page = await join(visitor, exam)
        # Judged is what will be recorded: gain would help the quiet one.
        await page.locator("undertone-candidate").evaluate("(element) => { element.autoGain = 'off'; }")
        await page.get_by_role("button", name="I agree").click()
        await page.get_by_role("button", name="Start the check").click()
        await expect(page.locator(f"[data-verdict={what}]")).to_contain_text(title, timeout=15_000)
        await page.get_by_role("button", name="Hear yourself").click()
        await expect(page.get_by_role("button", name="Playing")).to_be_disabled()
        await expect(page.get_by_role("button", name="Hear yourself")).to_be_enabled()
