"""An exam as a candidate goes through it on the page, and what its proctors are told of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import httpx
from playwright.async_api import Page

from tests.browser.devtools import Tab
from tests.browser.visitor import Visitor
from tests.serving import Server

KBPS: Final = 64
# A frame at either end, the encoder's filling, clicking through the question at the end, and half a second that the
# recorder does not yet call a gap.
CLOSE_MS: Final = 1400
LISTENING: Final = """
globalThis.told = [];
addEventListener("undertone-state", (event) => told.push(event.detail.state));
addEventListener("undertone-finished", (event) => { globalThis.finished = event.detail; });
"""


@dataclass
class Exam:
    """A meeting, and what its proctors are told."""

    server: Server
    meeting: str
    admin_id: str
    join_secret: str

    @classmethod
    def create(cls, server: Server) -> Exam:
        answer = httpx.post(f"{server.url}/meetings", json={"title": "Algebra"}).raise_for_status().json()
        return cls(server, answer["data"]["id"], answer["admin_id"], answer["join_secret"])

    @property
    def link(self) -> str:
        return f"{self.server.url}/join/{self.meeting}#{self.join_secret}"

    def events(self, kind: str) -> list[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.admin_id}"}
        page = httpx.get(f"{self.server.url}/meetings/{self.meeting}/events", headers=headers, params={"limit": 9999})
        return [event for event in page.raise_for_status().json()["events"] if event["kind"] == kind]


async def join(visitor: Visitor, exam: Exam, name: str = "Ada") -> Page:
    """Up to the consent."""
    page = await visitor.open(exam.link)
    await name_oneself(page, name)
    return page


async def name_oneself(page: Page, name: str) -> None:
    """Up to the consent; whoever was here before is known by name."""
    first = page.get_by_role("textbox").or_(page.get_by_role("button", name="Continue")).first
    if await first.evaluate("(element) => element.localName === 'input'"):
        await page.get_by_role("textbox").fill(name)
        await page.keyboard.press("Enter")
    else:
        await page.get_by_role("button", name="Continue").click()


async def begin(page: Page) -> float:
    """Through the check into the exam. Returns when it began, by the monotonic clock."""
    await page.get_by_role("button", name="I agree").click()
    await page.get_by_role("button", name="Start the check").click()
    await page.get_by_role("button", name="Start the exam").click()
    began = time.monotonic()
    await until(page, "recording")
    return began


async def begin_at_once(page: Page) -> float:
    """From the consent straight into the exam. Returns when it began, by the monotonic clock."""
    await page.locator("undertone-candidate").evaluate("(element) => { element.noCheck = true; }")
    await page.get_by_role("button", name="I agree").click()
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


async def sit_down(page: Tab, name: str) -> None:
    """From the candidates' link through name, consent and check; what is left is "Start the exam".

    Without Playwright, which looks into everything that a page does.
    """
    await page.until("customElements.get('undertone-candidate') !== undefined")
    await page.evaluate(LISTENING)
    await page.until("document.querySelector('undertone-join').shadowRoot.querySelector('input') !== null")
    await page.evaluate(f"document.querySelector('undertone-join').shadowRoot.querySelector('input').value = {name!r}")
    await page.press("Continue")
    await page.press("I agree")
    await page.press("Start the check")
    await page.until("find(document, 'Start the exam') !== null")
