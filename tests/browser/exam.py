"""A meeting, and a candidate's way to its exam without Playwright, which looks into everything that a page does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import httpx

from tests.browser.devtools import Tab
from tests.serving import Server

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


async def sit_down(page: Tab, name: str) -> None:
    """From the candidates' link through name, consent and check; what is left is "Start the exam"."""
    await page.until("customElements.get('undertone-candidate') !== undefined")
    await page.evaluate(LISTENING)
    await page.until("document.querySelector('undertone-join').shadowRoot.querySelector('input') !== null")
    await page.evaluate(f"document.querySelector('undertone-join').shadowRoot.querySelector('input').value = {name!r}")
    await page.press("Continue")
    await page.press("I agree")
    await page.press("Start the check")
    await page.until("find(document, 'Start the exam') !== null")
