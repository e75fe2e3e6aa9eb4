"""Every page in each state that people see it in, one after the other: to be tested, and to be looked at."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import TypeAlias

import anyio
from playwright.async_api import Locator, Page

from tests.browser.crowd import UNCLEAR, crowd, people
from tests.browser.visitor import AWAY, Visitor
from tests.commands import create
from tests.serving import Server

# The name of a state, and a page that is in it. It changes when the next one is asked for.
Scene: TypeAlias = tuple[str, Page]

TITLE = "Algebra I, final exam"


async def busy_meeting(server: Server, database_url: str) -> dict[str, str]:
    """A meeting after 48 minutes, with 28 candidates."""
    meeting = create(server, TITLE)
    await crowd(database_url, server.data, meeting["id"], candidates=28, anomalies=34, minutes=48)
    return meeting


async def home(visitor: Visitor, server: Server) -> AsyncIterator[Scene]:
    """Empty, with meetings, with the question before one is deleted."""
    page = await visitor.open(server.url)
    await page.locator(".empty").wait_for()
    yield "home-empty", page
    for title in ("Geometry, room 12", TITLE):
        await page.locator("input[name=title]").fill(title)
        await page.locator("form button.primary").click()
        await page.locator("li.meeting h3", has_text=title).wait_for()
    yield "home", page
    await page.locator("summary").click()
    yield "home-developers", page
    await page.locator("li.meeting .push button").last.click()
    await page.locator("dialog[open]").wait_for()
    yield "home-delete", page


async def join(visitor: Visitor, server: Server) -> AsyncIterator[Scene]:
    """A link that is wrong, and the name."""
    meeting = create(server, TITLE)
    link = f"{server.url}/join/{meeting['id']}#{meeting['join_secret']}"
    page = await visitor.open(link.split("#")[0])
    await page.get_by_role("alert").wait_for()
    yield "join-incomplete", page
    page = await visitor.open(link)
    await page.locator("input[name=name]").wait_for()
    yield "join", page


async def candidate(visitor: Visitor, server: Server) -> AsyncIterator[Scene]:
    """From the consent to the end, by way of a server that is away."""
    visitor.forgive(AWAY)
    meeting = create(server, TITLE)
    page = await visitor.open(f"{server.url}/join/{meeting['id']}#{meeting['join_secret']}")
    await page.locator("input[name=name]").fill("Ada Lovelace")
    await page.locator("form button.primary").click()
    element = page.locator("undertone-candidate")
    await element.locator("button.primary").click(trial=True)
    yield "candidate-consent", page
    await element.locator("button.primary").click()
    await element.locator("select").wait_for()
    yield "candidate-check", page
    await element.locator("button.primary").click()
    await element.locator("[data-verdict]").wait_for()
    yield "candidate-verdict", page
    await element.locator(".actions").last.locator("button").first.click()
    await _state(element, "recording")
    yield "candidate-recording", page
    await element.locator("button").last.click()
    yield "candidate-sure", page
    await element.locator("[role=group] button").first.click()
    server.kill()
    await _state(element, "reconnecting")
    yield "candidate-reconnecting", page
    await anyio.to_thread.run_sync(server.start)
    await _state(element, "recording")
    await element.evaluate("element => element.finish()")
    await _state(element, "finished")
    yield "candidate-finished", page


async def _state(element: Locator, wanted: str) -> None:
    with anyio.fail_after(30):
        while await element.evaluate("element => element.state") != wanted:
            await anyio.sleep(0.1)


async def proctor(visitor: Visitor, server: Server, busy: dict[str, str]) -> AsyncIterator[Scene]:
    """Somebody without a token, an exam before it begins, and one in its midst."""
    page = await visitor.open(f"{server.url}/watch/{busy['id']}")
    await page.locator("input[name=token]").wait_for()
    yield "proctor-token", page
    await page.goto(server.url)
    meetings = [{**create(server, "Geometry, room 12"), "title": "…"}, {**busy, "title": TITLE}]
    kept = [{"created_at": "2030-01-01T09:00:00.000Z", **meeting} for meeting in meetings]
    await page.evaluate("kept => localStorage.setItem('undertone.meetings', kept)", json.dumps(kept))
    await page.goto(f"{server.url}/watch/{kept[0]['id']}")
    await page.locator("ut-feed").get_by_role("heading").or_(page.locator("ut-feed strong")).first.wait_for()
    yield "proctor-empty", page
    await page.locator(".tools button").nth(1).click()
    await page.locator("dialog input[name=name]").fill("Grace Hopper")
    await page.locator("dialog button.primary").click()
    await page.locator("dialog input[readonly]").first.wait_for()
    yield "proctor-invite", page
    await page.keyboard.press("Escape")
    await page.goto(f"{server.url}/watch/{busy['id']}")
    await page.locator("ut-card").first.wait_for()
    yield "proctor-busy", page
    await page.locator("ut-card .card-head").nth(1).click()
    await page.locator("ut-player .waveform:not(.none)").wait_for()
    yield "proctor-card", page
    changed = page.locator("ut-card", has=page.locator(".card.voice_changed"))
    await changed.first.locator(".card-head").click()
    await page.locator("ut-player .lane-note").wait_for()
    await page.locator("ut-player .waveform:not(.none)").wait_for()
    yield "proctor-changed", page
    if await page.locator(".tab").count() > 0:
        await page.locator(".tab").last.click()
    await page.get_by_role("searchbox").fill(people(UNCLEAR + 1)[UNCLEAR].name)
    await page.locator(".row-head").click()
    yield "proctor-unclear", page
