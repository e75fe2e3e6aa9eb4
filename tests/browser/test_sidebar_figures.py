"""200 candidates and 500 anomalies in the sidebar: first paint, memory, the main thread's time for one more event."""

from __future__ import annotations

import asyncio
import statistics
import uuid
from typing import Final

import pytest
from playwright.async_api import Browser, CDPSession

from tests.browser.proctor import room, watching
from tests.browser.visitor import DESKTOP, NARROW
from tests.serving import Server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

CANDIDATES: Final = 200
ANOMALIES: Final = 500
MINUTES: Final = 120
EVENTS: Final = 15
# A frame of 60 Hz: whoever scrolls or types meanwhile notices nothing.
FRAME_MS: Final = 16.0


@pytest.mark.parametrize("viewport", [NARROW, DESKTOP], ids=["360", "1280"])
async def test_one_more_event_costs_less_than_a_frame(
    browser: Browser, server: Server, viewport: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    async with room(server, candidates=CANDIDATES, anomalies=ANOMALIES, minutes=MINUTES) as exam:
        ids = [each["id"] for each in (await exam.anomalies())[:EVENTS]]
        async with watching(browser, exam, viewport=viewport) as (visitor, page):
            await page.locator("ut-card").first.wait_for()
            paints: dict[str, float] = await page.evaluate(
                "Object.fromEntries(performance.getEntriesByType('paint').map(entry => [entry.name, entry.startTime]))"
            )
            await asyncio.sleep(1)
            devtools = await visitor.context.new_cdp_session(page)
            # Of the thread, not of the wall: what else this machine does is not the page's.
            await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
            await devtools.send("HeapProfiler.collectGarbage")
            heap = (await _metrics(devtools))["JSHeapUsedSize"] / 1e6
            tasks, scripts = [], []
            for number, anomaly in enumerate(ids):
                before = await _metrics(devtools)
                decision = ("confirmed", "dismissed", "open")[number % 3]
                await exam.ask("POST", f"/anomalies/{anomaly}/review", {"key": str(uuid.uuid4()), "decision": decision})
                await asyncio.sleep(0.4)
                after = await _metrics(devtools)
                spent = {name: (after[name] - before[name]) * 1000 for name in after}
                tasks.append(spent["TaskDuration"])
                scripts.append(spent["ScriptDuration"] + spent["LayoutDuration"] + spent["RecalcStyleDuration"])
                assert spent["ScriptDuration"] > 0, "the event came"
    with capsys.disabled():
        print(
            f"\n  {viewport['width']} px, {CANDIDATES} candidates, {ANOMALIES} anomalies, {MINUTES} minutes:"
            f" first paint {paints['first-paint']:.0f} ms (content {paints['first-contentful-paint']:.0f} ms),"
            f" memory {heap:.1f} MB; one more event: script, style and layout {statistics.median(scripts):.1f} ms"
            f" (at most {max(scripts):.1f}), all of the main thread {statistics.median(tasks):.1f} ms"
            f" (at most {max(tasks):.1f})"
        )
    *_, second_most, _most = sorted(tasks)  # of fifteen, one may have met the garbage collector
    assert second_most < FRAME_MS


async def _metrics(devtools: CDPSession) -> dict[str, float]:
    told = await devtools.send("Performance.getMetrics")
    return {each["name"]: each["value"] for each in told["metrics"]}
