"""The candidates' link: who comes in by it, and how the page behind it copes."""

from __future__ import annotations

import time

import httpx
import pytest
from playwright.async_api import expect

from tests.browser.flow import Meeting, agree, begin, check, events, join
from tests.browser.visitor import REFUSED, Visitor
from tests.commands import create
from tests.serving import Server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

# The states that an element tells while it is moved, and begun once more.
MOVED = """async (element) => {
    const told = [];
    element.addEventListener("undertone-state", (event) => told.push(event.detail.state));
    element.parentNode.append(element);
    await element.start();
    await new Promise((done) => setTimeout(done, 1000));
    return told;
}"""

# Playwright does not see what an audio thread loads.
WORKLET_AWAY = """() => {
    const away = function () { return Worklet.prototype.addModule.call(this, "/static/away.js"); };
    AudioWorklet.prototype.addModule = away;
}"""

# As Firefox has it: a microphone joins only a context of its own rate. Chromium's joins any.
OF_ONE_RATE = """
globalThis.rate = 48000;
const Any = AudioContext;
globalThis.AudioContext = class extends Any {
    constructor(options) { super({ sampleRate: rate, ...options }); }
    createMediaStreamSource(stream) {
        if (this.sampleRate !== rate) throw new DOMException("another rate", "NotSupportedError");
        globalThis.microphone = stream.getAudioTracks()[0];
        return super.createMediaStreamSource(stream);
    }
};
"""

OTHER_DEVICE = """() => {
    rate = 44100;
    microphone.stop();
    microphone.dispatchEvent(new Event("ended"));
}"""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("/join/{id}", "This link is not complete"),
        ("/join/{id}#{join_secret}x", "This link does not open the meeting"),
        ("/join/nothing#{join_secret}", "There is no such meeting"),
    ],
)
async def test_a_wrong_link_is_told_in_plain_words(visitor: Visitor, server: Server, wrong: str, said: str) -> None:
    visitor.forgive(REFUSED)
    page = await visitor.open(server.url + wrong.format(**create(server)))
    await page.get_by_role("heading", name=said).wait_for()
    assert await page.locator("input").count() == 0


async def test_an_exam_that_has_ended_takes_no_name(visitor: Visitor, server: Server) -> None:
    meeting = create(server)
    headers = {"Authorization": f"Bearer {meeting['admin_id']}"}
    httpx.post(f"{server.url}/meetings/{meeting['id']}/end", headers=headers, trust_env=False).raise_for_status()
    page = await visitor.open(f"{server.url}/join/{meeting['id']}#{meeting['join_secret']}")
    await page.get_by_role("heading", name="This meeting has ended").wait_for()
    assert await page.locator("input").count() == 0


async def test_whoever_comes_back_is_asked_whether_they_are_the_same(visitor: Visitor, server: Server) -> None:
    meeting = create(server, "Algebra I")
    link = f"{server.url}/join/{meeting['id']}#{meeting['join_secret']}"
    page = await visitor.open(link)
    await page.get_by_role("heading", name="Algebra I").wait_for()
    await page.get_by_label("Your name").fill("Ada")
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_role("heading", name="Before the exam begins").wait_for()
    other = await visitor.open(link)
    await other.get_by_role("button", name="Continue as Ada").wait_for()
    await other.get_by_role("button", name="I am somebody else").click()
    await expect(other.get_by_label("Your name")).to_have_value("")
    await other.get_by_label("Your name").fill("Grace")
    await other.get_by_role("button", name="Continue").click()
    await other.get_by_text("You are Grace").wait_for()
    await page.reload()
    await page.get_by_text("You are Ada").wait_for()


async def test_another_link_that_is_pasted_into_the_tab_is_opened(visitor: Visitor, server: Server) -> None:
    visitor.forgive(REFUSED)
    meeting = create(server)
    link = f"{server.url}/join/{meeting['id']}#{meeting['join_secret']}"
    page = await visitor.open(f"{link}x")
    await page.get_by_role("heading", name="This link does not open the meeting").wait_for()
    await page.goto(link)
    await page.get_by_label("Your name").wait_for()


async def test_an_exam_outlives_a_move_in_the_page_and_ends_with_it(visitor: Visitor, server: Server) -> None:
    meeting = create(server)
    page = await join(visitor, f"{server.url}/join/{meeting['id']}#{meeting['join_secret']}", "Ada")
    await agree(page)
    await check(page)
    await page.route("**/participants", lambda _: None)  # the server takes its time
    await page.get_by_role("button", name="Start the exam").click()
    element = page.locator("undertone-candidate")
    await expect(element.get_by_text("Recording", exact=True)).to_have_count(0)
    await element.evaluate("(element) => element.finish()")
    await page.get_by_role("heading", name="Before the exam begins").wait_for()
    await page.unroute("**/participants")

    await agree(page)
    await check(page)
    await begin(page)
    told = await element.evaluate(MOVED)
    assert not {"consent", "check", "starting"} & set(told), told
    await page.get_by_role("button", name="Finish").click()
    await page.get_by_role("button", name="Yes, finish").click()
    await page.get_by_role("heading", name="Finished").wait_for()
    await page.reload()
    await page.get_by_role("button", name="Continue as Ada").wait_for()


async def test_a_script_that_can_not_be_loaded_is_not_blamed_on_the_microphone(
    visitor: Visitor, server: Server
) -> None:
    visitor.forgive(REFUSED)
    meeting = create(server)
    page = await join(visitor, f"{server.url}/join/{meeting['id']}#{meeting['join_secret']}", "Ada")
    await page.evaluate(WORKLET_AWAY)
    await page.get_by_role("button", name="I agree").click()
    await page.get_by_text("A part of this page can’t be loaded").wait_for()
    await page.evaluate("() => delete AudioWorklet.prototype.addModule")
    await page.get_by_role("button", name="Start the check").wait_for()


async def test_a_device_of_another_rate_goes_on_with_the_recording(visitor: Visitor, server: Server) -> None:
    await visitor.context.add_init_script(OF_ONE_RATE)
    made = create(server)
    meeting = Meeting(made["id"], made["admin_id"], f"{server.url}/join/{made['id']}#{made['join_secret']}", "")
    page = await join(visitor, meeting.join_link, "Ada")
    await agree(page)
    await check(page)
    await begin(page)
    began = time.monotonic()
    await page.wait_for_timeout(2_000)
    await page.evaluate(OTHER_DEVICE)
    await page.wait_for_timeout(6_000)
    await expect(page.get_by_role("button", name="Go on")).to_have_count(0)
    await page.get_by_role("button", name="Finish").click()
    await page.get_by_role("button", name="Yes, finish").click()
    recorded = (time.monotonic() - began) * 1000
    await page.get_by_role("heading", name="Finished").wait_for()
    told = events(server, meeting)
    [stored] = [each["duration_ms"] for each in told if each["kind"] == "window_stored"]
    missing = sum(each["lost_ms"] for each in told if each["kind"] == "audio_missing")
    assert stored + missing == pytest.approx(recorded, abs=1500)
    assert missing < 1500
