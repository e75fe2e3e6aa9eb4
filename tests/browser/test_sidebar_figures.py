"""200 candidates and 500 anomalies in the sidebar: first paint, memory, the main thread's time for one more event.

The time is printed; what is asserted is that it hardly grows with the meeting, since milliseconds are the machine's.
"""

from __future__ import annotations

import asyncio
import statistics
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeAlias

import pytest
from playwright.async_api import Browser, CDPSession, Page

from tests.browser.crowd import anomaly_body
from tests.browser.proctor import Room, room, watching
from tests.browser.visitor import DESKTOP, NARROW
from tests.serving import Server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

# How to make something happen, the selector of what shows it, and the words that are read there then.
Happening: TypeAlias = tuple[Callable[[], Awaitable[Any]], str, str]

MINUTES: Final = 120
EVENTS: Final = 9
# Ten times as many candidates and anomalies: drawing all of them anew would be as much dearer.
DEARER: Final = 2
# Keeps `shown`, which resolves when `selector` reads `words`, and the page has had time to draw and to settle.
AWAIT: Final = """({ shadowRoot: root }, [selector, words]) => {
  globalThis.shown = new Promise(resolve => {
    new MutationObserver((_, observer) => {
      if (!root.querySelector(selector)?.textContent.includes(words)) return;
      observer.disconnect();
      setTimeout(resolve, 100);
    }).observe(root, { subtree: true, childList: true, characterData: true });
  });
}"""
# Marks the rows that are there and whose last window has another verdict, and returns whose they are.
ANALYSED: Final = """host => [...host.shadowRoot.querySelectorAll("ut-row")]
  .filter(row => row.row.lastOutcome !== "failed")
  .map(row => { row.dataset.whose = row.row.id; return row.row.id; })
"""


@dataclass(frozen=True, slots=True)
class Meeting:
    """How many there are; the smaller one fills what is in sight."""

    candidates: int
    anomalies: int


@dataclass(frozen=True, slots=True)
class Figures:
    first_paint_ms: float
    heap_mb: float
    # By kind of event, for each: ms of the main thread in all, and those of script, style and layout.
    costs: dict[str, list[tuple[float, float]]]

    def whole_ms(self, kind: str) -> float:
        return statistics.median(whole for whole, _ in self.costs[kind])


SMALL: Final = Meeting(candidates=20, anomalies=50)
LARGE: Final = Meeting(candidates=200, anomalies=500)


@pytest.mark.parametrize("viewport", [NARROW, DESKTOP], ids=["360", "1280"])
async def test_one_more_event_costs_hardly_more_in_a_large_meeting(
    browser: Browser, server: Server, viewport: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    # The large one first: what the browser does for the first time counts against it.
    large, small = [await _measured(browser, server, viewport, meeting) for meeting in (LARGE, SMALL)]
    with capsys.disabled():
        print(f"\n  {viewport['width']} px, {MINUTES} minutes:")
        for meeting, figures in ((SMALL, small), (LARGE, large)):
            print(
                f"    {meeting.candidates} candidates, {meeting.anomalies} anomalies:"
                f" first paint {figures.first_paint_ms:.0f} ms, memory {figures.heap_mb:.1f} MB; one more event:"
            )
            for kind, spent in figures.costs.items():
                wholes, scripts = zip(*spent, strict=True)
                print(
                    f"      {kind}: script, style and layout {statistics.median(scripts):.1f} ms"
                    f" (at most {max(scripts):.1f}), all of the main thread {statistics.median(wholes):.1f} ms"
                    f" (at most {max(wholes):.1f})"
                )
    for kind in large.costs:
        assert large.whole_ms(kind) < DEARER * small.whole_ms(kind), kind


async def _measured(browser: Browser, server: Server, viewport: dict[str, int], meeting: Meeting) -> Figures:
    async with (
        room(server, candidates=meeting.candidates, anomalies=meeting.anomalies, minutes=MINUTES) as exam,
        watching(browser, exam, viewport=viewport) as (visitor, page),
    ):
        await page.locator("ut-card").first.wait_for()
        paints: dict[str, float] = await page.evaluate(
            "Object.fromEntries(performance.getEntriesByType('paint').map(entry => [entry.name, entry.startTime]))"
        )
        await page.locator(".segment").last.click()  # what is decided stays in sight
        rows: list[str] = await page.locator("undertone-sidebar").evaluate(ANALYSED)
        happenings = _happenings(exam, (await exam.anomalies())[:EVENTS], rows)
        await asyncio.sleep(1)
        devtools = await visitor.context.new_cdp_session(page)
        # Of the thread, not of the wall: what else this machine does is not the page's.
        await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        await devtools.send("HeapProfiler.collectGarbage")
        heap = (await _metrics(devtools))["JSHeapUsedSize"] / 1e6
        costs = {kind: [await _cost(page, devtools, each) for each in some] for kind, some in happenings.items()}
        return Figures(paints["first-paint"], heap, costs)


def _happenings(exam: Room, anomalies: list[dict[str, Any]], rows: list[str]) -> dict[str, list[Happening]]:
    """By kind of event: how to make it happen, where it shows, and what is read there then."""

    def review(number: int) -> Happening:
        anomaly = anomalies[number]["id"]
        decision = {"decision": ("confirmed", "dismissed")[number % 2], "note": f"Note {number:02}."}
        body = {"key": str(uuid.uuid4()), **decision}
        happens = partial(exam.ask, "POST", f"/anomalies/{anomaly}/review", body)
        return happens, f'[data-anomaly="{anomaly}"]', decision["note"]

    def opened(number: int) -> Happening:
        who = exam.people[number]
        body = anomaly_body(number, who, datetime.now(UTC))
        return partial(exam.tell, "anomaly_opened", who, body), f'[data-anomaly="late-{number}"]', who.name

    def judged(number: int) -> Happening:
        who = next(each for each in exam.people if each.id == rows[number])
        body = {
            "stream": 1, "window": MINUTES - 2, "start_at": minute, "duration_ms": 60_000, "outcome": "failed",
            "voices": 0, "confidence": 0.0, "reason": "the clip could not be decoded",
        }  # fmt: skip
        return partial(exam.tell, "window_judged", who, body), f'[data-whose="{who.id}"]', "Not analysed"

    minute = (datetime.now(UTC) - timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    kinds = {"anomaly_reviewed": review, "anomaly_opened": opened, "window_judged": judged}
    return {kind: [make(number) for number in range(EVENTS)] for kind, make in kinds.items()}


async def _cost(page: Page, devtools: CDPSession, happening: Happening) -> tuple[float, float]:
    """What one event takes until it is seen, in ms of the main thread: all, and script, style and layout."""
    happens, where, words = happening
    await page.locator("undertone-sidebar").evaluate(AWAIT, [where, words])
    before = await _metrics(devtools)
    await happens()
    async with asyncio.timeout(30):
        await page.evaluate("shown")
    after = await _metrics(devtools)
    spent = {name: (after[name] - before[name]) * 1000 for name in after}
    return spent["TaskDuration"], spent["ScriptDuration"] + spent["LayoutDuration"] + spent["RecalcStyleDuration"]


async def _metrics(devtools: CDPSession) -> dict[str, float]:
    told = await devtools.send("Performance.getMetrics")
    return {each["name"]: each["value"] for each in told["metrics"]}
