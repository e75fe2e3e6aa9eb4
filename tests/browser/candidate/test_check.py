"""The check before the exam tells what is wrong with a microphone; and every state is accessible and fits."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Browser, expect

from tests.audio import voice
from tests.browser.candidate.exam import LISTENING, Exam, join, permit, until
from tests.browser.looks import accessible, nothing_scrolls_sideways
from tests.browser.speech import SAMPLE_RATE
from tests.browser.visitor import NARROW, running_chromium, visiting

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


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
