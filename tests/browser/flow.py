"""What people do on the pages, by what they read there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import httpx
from playwright.async_api import Page

from tests.browser.visitor import Visitor
from tests.serving import Server

# Of the server that has one; with dots, as tokens have them.
KEY: Final = "the.api-key.of-these-tests"


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting as the browser keeps it that created it."""

    id: str
    admin_id: str
    join_link: str
    watch_link: str


async def create_meeting(page: Page, server: Server, title: str) -> Meeting:
    """On the home page."""
    await page.get_by_label("Title").fill(title)
    await page.get_by_role("button", name="Create meeting").click()
    await page.get_by_role("link", name=f"Watch: {title}").wait_for()
    kept = json.loads(await page.evaluate("localStorage['undertone.meetings']"))[0]
    assert kept["title"] == title
    return Meeting(
        id=kept["id"],
        admin_id=kept["admin_id"],
        join_link=await page.get_by_label("Candidates’ link", exact=True).input_value(),
        watch_link=f"{server.url}/watch/{kept['id']}",
    )


async def join(visitor: Visitor, link: str, name: str) -> Page:
    """A candidate's tab that shows the consent text."""
    page = await visitor.open(link)
    await page.get_by_label("Your name").fill(name)
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_role("heading", name="Before the exam begins").wait_for()
    return page


async def agree(page: Page) -> None:
    """From the consent text to the check."""
    await page.get_by_role("button", name="I agree").click()
    await page.get_by_role("button", name="Start the check").wait_for()


async def check(page: Page) -> None:
    """From the check to its verdict."""
    await page.get_by_role("button", name="Start the check").click()
    await page.get_by_role("button", name="Start the exam").wait_for()


async def begin(page: Page) -> None:
    """From the verdict to the exam."""
    await page.get_by_role("button", name="Start the exam").click()
    await recording(page)


async def recording(page: Page) -> None:
    """Until the candidate reads that it is recorded."""
    await page.get_by_text("Recording", exact=True).first.wait_for()


def events(server: Server, meeting: Meeting) -> list[dict[str, Any]]:
    """All of them, as a proctor reads them over HTTP."""
    answer = httpx.get(
        f"{server.url}/meetings/{meeting.id}/events",
        params={"limit": 10_000},
        headers={"Authorization": f"Bearer {meeting.admin_id}"},
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["events"]
    return found
