"""From the home page to an anomaly that is heard, in a real Chromium, while the server dies and the tab is hidden.

A minute has to pass: windows are a minute long, and a microphone can't be hurried. So one exam tells it all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.crowd import TURNS
from tests.browser.flow import Meeting, agree, begin, check, create_meeting, events, join, recording
from tests.browser.sound import PIECE_S, decoded, excusable_ms, hushed_s, places, seconds, steps
from tests.browser.speech import write_wav
from tests.browser.visitor import AWAY, Visitor, running_profile, visiting
from tests.serving import Server

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(180)]

STORED_WITHIN_S: Final = 75
JUDGED_WITHIN_S: Final = 40  # on two cores with other work beside; 4 s where there is none
HIDDEN_S: Final = 30
# The clock of the samples and the one on the wall: two seconds of pieces that slipped are not yet announced, and the
# older tab hears of the newer one when the server has already changed sides. An outage or a hidden tab would be more.
CLOSE_MS: Final = 3_500
# On a busy machine the fake microphone leaves out some of its 10 ms pieces. The recorder announces what is missing once
# it is two seconds; nothing may ever be there twice, and matching is as good as the processing lets it.
SLIPS_S: Final = 2.1
TWICE_S: Final = 0.05
# The check takes four seconds: the exam begins while the first voice has twelve seconds more to itself.
BEGIN_S: Final = 9
# How much of a lane is where the sample's speaker is, and of the speaker in the lane. Shifted by a second it is half.
AGREED: Final = 0.85
STEP_MS: Final = 100
# Start and width of each turn that is drawn, in percent, lane by lane.
LANES: Final = """player => [...player.querySelectorAll(".lane")].map(lane =>
  [...lane.querySelectorAll(".turn")].map(turn => ["x", "width"].map(name => parseFloat(turn.getAttribute(name)))))
"""
BEGINS: Final = """player => {
  const { audio } = player;
  audio.addEventListener("play", () => { player.began = audio.currentTime; }, { once: true });
}"""
WATCHED: Final = """
globalThis.states = [];
addEventListener("undertone-state", ({ detail }) => states.push([detail.state, Date.now()]));
"""


async def test_from_the_home_page_to_a_voice_that_is_heard(
    browser: Browser, server: Server, two_voices: Path, tmp_path: Path
) -> None:
    async with (
        visiting(browser, server.url) as proctor,
        running_profile(str(write_wav("two-voices", tmp_path, begin_s=BEGIN_S)), server.url, tmp_path) as candidate,
    ):
        watch = await proctor.open(server.url)
        meeting = await create_meeting(watch, server, "Algebra I")
        await watch.get_by_role("link", name="Watch: Algebra I").click()
        await watch.get_by_text("Nobody has joined yet").wait_for()
        await watch.evaluate("globalThis.sameAsEver = true")

        exam = await join(candidate, meeting.join_link, "Ada Lovelace")
        await agree(exam)
        await check(exam)
        await exam.evaluate(WATCHED)
        await begin(exam)
        row = watch.locator("ut-row", has_text="Ada Lovelace")
        await expect(row).to_contain_text("Streaming")

        await _the_server_dies_and_comes_back(server, proctor, candidate, watch, exam)
        async with _hidden(candidate, exam):
            await anyio.sleep(HIDDEN_S)
        await recording(exam)

        card = watch.locator("ut-card", has_text="Ada Lovelace")
        await card.wait_for(timeout=(STORED_WITHIN_S + JUDGED_WITHIN_S) * 1000)
        assert await watch.evaluate("globalThis.sameAsEver"), "nothing was loaded anew"
        assert await watch.locator("ut-card").count() == 1
        other = await _a_second_tab_takes_over(candidate, meeting, exam)
        await _it_is_heard_and_seen(server, meeting, watch, card, two_voices)
        await other.get_by_role("button", name="Finish").click()
        await other.get_by_role("button", name="Yes, finish").click()
        await other.get_by_text("The whole recording has arrived").wait_for()
        await expect(row).to_contain_text("Finished")
        await _nothing_is_lost_or_doubled(server, meeting, exam)


async def _the_server_dies_and_comes_back(
    server: Server, proctor: Visitor, candidate: Visitor, watch: Page, exam: Page
) -> None:
    for visitor in (proctor, candidate):
        visitor.forgive(AWAY)
    await anyio.sleep(5)
    server.kill()
    await watch.get_by_text("The connection is down.").wait_for()
    await exam.get_by_text("Reconnecting. Nothing is lost").first.wait_for()
    await anyio.to_thread.run_sync(server.start)
    await recording(exam)
    await watch.get_by_text("Live", exact=True).first.wait_for()


@asynccontextmanager
async def _hidden(visitor: Visitor, page: Page) -> AsyncIterator[None]:
    """Behind another tab."""
    in_front = await visitor.context.new_page()
    await in_front.bring_to_front()
    assert await page.evaluate("document.visibilityState") == "hidden"
    yield
    assert await page.evaluate("document.visibilityState") == "hidden"
    await in_front.close()
    await page.bring_to_front()


async def _a_second_tab_takes_over(candidate: Visitor, meeting: Meeting, first: Page) -> Page:
    second = await candidate.open(meeting.join_link)
    await second.get_by_role("button", name="Continue as Ada Lovelace").click()
    await agree(second)
    await check(second)
    await begin(second)
    await first.get_by_text("The exam goes on in another tab").wait_for()
    return second


async def _it_is_heard_and_seen(server: Server, meeting: Meeting, watch: Page, card: Any, two_voices: Path) -> None:
    await card.get_by_role("button").first.click()
    player = watch.locator("ut-player")
    await player.locator(".waveform:not(.none)").wait_for()
    await player.evaluate(BEGINS)
    await player.get_by_role("button", name="Play").click()
    await expect(player.get_by_role("button", name="Pause")).to_be_visible()
    began: float = await player.evaluate("player => player.began")
    await anyio.sleep(1.5)
    assert await player.evaluate("player => player.audio.currentTime") > began + 1
    await player.get_by_role("button", name="Pause").click()

    lanes: list[list[tuple[float, float]]] = await player.evaluate(LANES)
    shown = await player.evaluate("player => player.evidence.clip")
    # Of several windows (a gap that was announced ends one early) the card shows one.
    all_evidence = _ask(server, meeting, "anomalies").json()["anomalies"][0]["evidence"]
    [evidence] = [each for each in all_evidence if each["clip"] == shown]
    assert evidence["voices"] == 2

    clip = decoded(_ask(server, meeting, f"clips/{shown}").content)
    assert len(clip) / 8000 == pytest.approx((evidence["duration_ms"] + evidence["lead_in_ms"]) / 1000, abs=0.1)
    offsets = places(clip, decoded(two_voices))
    assert len(offsets) >= 0.6 * evidence["duration_ms"] / 1000 / PIECE_S
    moved = steps(offsets, seconds(two_voices))
    back = -sum(step for step in moved if step < -TWICE_S)
    assert back <= hushed_s(clip), f"a piece is there twice: {offsets}"
    assert sum(moved) + back < SLIPS_S, f"a piece is missing: {offsets}"
    _the_picture_tells_the_truth(evidence, lanes, began, offsets[len(offsets) // 2], seconds(two_voices))


def _the_picture_tells_the_truth(
    evidence: dict[str, Any], lanes: list[list[tuple[float, float]]], began: float, offset: float, around: float
) -> None:
    """Lane by lane, against who speaks in the WAV that the microphone played round and round.

    All in seconds: `began` is where in the clip playing began, `offset` how far the WAV is ahead of the clip, `around`
    how long the WAV is.
    """
    lead_in, length = evidence["lead_in_ms"], evidence["duration_ms"]

    def speaker(at_ms: float) -> int | None:
        """Who speaks at that place of the clip."""
        place = (at_ms + offset * 1000) % (around * 1000)
        return next((who for start, end, who in TURNS if start <= place < end), None)

    moments = range(0, length, STEP_MS)
    truth = [speaker(lead_in + at) for at in moments]
    spoken = Counter(who for who in truth if who is not None)
    ranked = [who for who, _ in spoken.most_common()]
    for lane, who in zip(lanes, ranked, strict=True):  # whoever speaks most comes first
        drawn = [any(start <= at / length * 100 < start + width for start, width in lane) for at in moments]
        agreed = sum(there and who == speaks for there, speaks in zip(drawn, truth, strict=True))
        assert agreed >= AGREED * max(sum(drawn), spoken[who]), (who, agreed, sum(drawn), spoken[who])

    first = min(start for start, _ in lanes[1]) / 100 * length
    # Told as soon as it plays, or a moment later on a busy machine.
    assert -100 <= began * 1000 - lead_in - first < 500, "it begins where the second voice's first turn does"
    other = ranked[1]
    assert other in [speaker(began * 1000 + near) for near in range(-1000, 1001, STEP_MS)]
    earlier = sum(who == other for at, who in zip(moments, truth, strict=True) if lead_in + at < began * 1000)
    assert earlier * STEP_MS <= 1000, "none of it was before"


async def _nothing_is_lost_or_doubled(server: Server, meeting: Meeting, first: Page) -> None:
    with anyio.fail_after(JUDGED_WITHIN_S):
        while not _windows(told := events(server, meeting), 2) or _keys(told, "window_stored") != _keys(
            told, "window_judged"
        ):
            await anyio.sleep(0.5)
    for stream in (1, 2):
        numbers = [each["window"] for each in _windows(told, stream)]
        assert numbers == list(range(len(numbers)))
    lost_ms = sum(each["lost_ms"] for each in told if each["kind"] == "audio_missing")
    if not lost_ms:  # a gap that was announced ends a window early
        assert [len(_windows(told, stream)) for stream in (1, 2)] == [2, 1]
        assert _windows(told, 1)[0]["duration_ms"] == pytest.approx(60_000, abs=30)
    states: list[tuple[str, int]] = await first.evaluate("globalThis.states")
    since = dict(reversed(states))
    of_samples = sum(each["duration_ms"] for each in _windows(told, 1))
    recorded = since["elsewhere"] - since["starting"]
    assert lost_ms <= excusable_ms(recorded)
    assert of_samples + lost_ms == pytest.approx(recorded, abs=CLOSE_MS), states


def _keys(told: list[dict[str, Any]], kind: str) -> set[tuple[int, int]]:
    return {(each["stream"], each["window"]) for each in told if each["kind"] == kind}


def _windows(told: list[dict[str, Any]], stream: int) -> list[dict[str, Any]]:
    return [each for each in told if each["kind"] == "window_stored" and each["stream"] == stream]


def _ask(server: Server, meeting: Meeting, what: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {meeting.admin_id}"}
    return httpx.get(f"{server.url}/meetings/{meeting.id}/{what}", headers=headers, trust_env=False).raise_for_status()
