"""Home, the candidates' link and the proctor's view, as people use them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.flow import Meeting, agree, begin, check, create_meeting, events, join, recording
from tests.browser.visitor import Visitor, visiting
from tests.commands import create
from tests.conftest import short_folder
from tests.serving import Server, running_server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

KEY = "the.api-key.of-these-tests"  # with dots, as tokens have them
# A call that is refused stands on the console, whatever the page makes of it.
REFUSED = r"status of 40[134]"

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


@pytest.fixture(scope="module")
def with_key() -> Iterator[Server]:
    """A server that lets its API key's holder create, and nobody else."""
    with short_folder() as folder, running_server(folder, env={"UNDERTONE_API_KEY": KEY}) as server:
        yield server


@pytest.fixture
async def stranger(browser: Browser, server: Server) -> AsyncIterator[Visitor]:
    """Somebody with another browser."""
    async with visiting(browser, server.url) as stranger:
        yield stranger


async def test_meetings_outlive_the_tab_and_end_and_go(visitor: Visitor, server: Server) -> None:
    home = await visitor.open(server.url)
    await home.get_by_text("No meetings yet").wait_for()
    meeting = await create_meeting(home, server, "Algebra I")
    await create_meeting(home, server, "Geometry")
    again = await visitor.open(server.url)
    await expect(again.locator("li.meeting h3")).to_have_text(["Geometry", "Algebra I"])

    await again.get_by_role("button", name="End: Algebra I").click()
    await again.get_by_role("button", name="Cancel").click()
    await expect(again.get_by_text("Ended")).to_have_count(0)
    await again.get_by_role("button", name="End: Algebra I").click()
    await again.get_by_role("button", name="End meeting").click()
    await expect(again.locator("li.meeting", has_text="Algebra I")).to_contain_text("Ended")

    await again.get_by_role("button", name="Delete: Algebra I").click()
    await again.get_by_role("button", name="Delete meeting").click()
    await expect(again.locator("li.meeting h3")).to_have_text(["Geometry"])
    await expect(home.locator("li.meeting h3")).to_have_text(["Geometry"])  # the other tab is told
    gone = httpx.get(
        f"{server.url}/meetings/{meeting.id}",
        headers={"Authorization": f"Bearer {meeting.admin_id}"},
        trust_env=False,
    )
    assert gone.status_code == 404


async def test_a_meeting_that_was_deleted_elsewhere_is_named_and_can_go(visitor: Visitor, server: Server) -> None:
    visitor.forgive(REFUSED)
    home = await visitor.open(server.url)
    meeting = await create_meeting(home, server, "Algebra I")
    headers = {"Authorization": f"Bearer {meeting.admin_id}"}
    httpx.delete(f"{server.url}/meetings/{meeting.id}", headers=headers, trust_env=False).raise_for_status()
    await home.reload()
    await home.get_by_text("Not on this server any more").wait_for()
    await home.get_by_role("button", name="Delete: Algebra I").click()
    await home.get_by_role("button", name="Delete meeting").click()
    await home.get_by_text("No meetings yet").wait_for()


async def test_the_candidates_link_is_copied(visitor: Visitor, server: Server) -> None:
    await visitor.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    home = await visitor.open(server.url)
    meeting = await create_meeting(home, server, "Algebra I")
    await home.get_by_role("button", name="Copy: Candidates’ link").click()
    await home.get_by_text("Copied").wait_for()
    assert await home.evaluate("navigator.clipboard.readText()") == meeting.join_link
    secret = urlsplit(meeting.join_link).fragment
    assert secret
    assert not [url for url in visitor.requested if secret in url]


async def test_the_api_key_is_asked_for_and_stays_in_the_tab(browser: Browser, with_key: Server) -> None:
    async with visiting(browser, with_key.url) as visitor:
        visitor.forgive(REFUSED)
        home = await visitor.open(with_key.url)
        await home.get_by_label("Title").fill("Algebra I")
        await home.get_by_label("API key").fill("another")
        await home.get_by_role("button", name="Create meeting").click()
        await home.get_by_text("The API key is not right").wait_for()
        await home.get_by_label("API key").fill(KEY)
        await home.get_by_role("button", name="Create meeting").click()
        await home.get_by_role("link", name="Watch: Algebra I").wait_for()
        await home.get_by_text("The API key is kept in this tab.").wait_for()
        assert KEY not in await home.evaluate("JSON.stringify(localStorage)")
        await home.reload()
        await home.get_by_label("Title").fill("Geometry")
        await home.get_by_role("button", name="Create meeting").click()
        await home.get_by_role("link", name="Watch: Geometry").wait_for()
        other_tab = await visitor.open(with_key.url)
        await other_tab.get_by_label("API key").wait_for()


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


async def test_a_reload_goes_on_by_the_microphone_that_was_checked(visitor: Visitor, server: Server) -> None:
    await visitor.context.add_init_script(OF_ONE_RATE)
    meeting = create(server)
    page = await join(visitor, f"{server.url}/join/{meeting['id']}#{meeting['join_secret']}", "Ada")
    await agree(page)
    own_choice = await page.evaluate("microphone.getSettings().deviceId")
    devices = page.get_by_label("Microphone", exact=True)
    await devices.select_option(index=await devices.locator("option").count() - 1)
    chosen = await devices.input_value()
    assert chosen != own_choice
    await check(page)
    await begin(page)
    page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await page.reload()
    await recording(page)
    assert await page.evaluate("microphone.getSettings().deviceId") == chosen


async def test_the_door_takes_the_admin_id_and_says_what_else_is_wrong(browser: Browser, with_key: Server) -> None:
    meeting = create(with_key, api_key=KEY)
    candidate = httpx.post(
        f"{with_key.url}/meetings/{meeting['id']}/participants",
        json={"name": "Ada"},
        headers={"Authorization": f"Bearer {meeting['join_secret']}"},
        trust_env=False,
    ).json()["data"]["token"]
    async with visiting(browser, with_key.url) as visitor:
        visitor.forgive(REFUSED)
        page = await visitor.open(f"{with_key.url}/watch/{meeting['id']}")
        for pasted, said in (
            (meeting["join_secret"], "This opens something else"),
            ("not.a.token", "This token does not open this meeting"),
            (KEY, "This opens something else"),
            (meeting["admin_id"][:-1], "This token does not open this meeting"),
            (candidate, "This opens something else"),
        ):
            await page.get_by_label("Access token").fill(pasted)
            await page.get_by_role("button", name="Watch").click()
            await expect(page.get_by_role("alert")).to_contain_text(said)
            assert pasted not in await page.evaluate("JSON.stringify(localStorage)")
        await page.get_by_label("Access token").fill(meeting["admin_id"])
        await page.get_by_role("button", name="Watch").click()
        await _live(page)
        await _invite(page, "Grace")
        await page.reload()
        await _live(page)


async def test_a_proctor_is_invited_and_comes_in_by_the_token(
    visitor: Visitor, stranger: Visitor, server: Server
) -> None:
    stranger.forgive(REFUSED)
    home = await visitor.open(server.url)
    meeting = await create_meeting(home, server, "Algebra I")
    watch = await visitor.open(meeting.watch_link)
    address, token = await _invite(watch, "Grace")

    theirs = await stranger.open(address)
    await theirs.get_by_label("Access token").fill(token[:-3])
    await theirs.get_by_role("button", name="Watch").click()
    await theirs.get_by_text("This token does not open this meeting").wait_for()
    await theirs.get_by_label("Access token").fill(token)
    await theirs.get_by_role("button", name="Watch").click()
    await _live(theirs)
    await theirs.reload()
    await _live(theirs)
    assert await theirs.title() == "Watching Algebra I"
    assert await theirs.get_by_role("button", name="Invite a proctor").count() == 0
    assert not [url for url in stranger.requested if token in url or meeting.admin_id in url]

    await theirs.get_by_role("button", name="Forget my token").click()
    await theirs.get_by_label("Access token").wait_for()
    assert token not in await theirs.evaluate("JSON.stringify(localStorage)")


async def test_whoever_runs_the_meeting_says_by_what_name(visitor: Visitor, server: Server) -> None:
    home = await visitor.open(server.url)
    meeting = await create_meeting(home, server, "Algebra I")
    watch = await visitor.open(meeting.watch_link)
    await watch.get_by_role("button", name="Set your name").click()
    await watch.get_by_label("Name", exact=True).fill("Grace")
    await watch.get_by_role("button", name="Save").click()
    await watch.get_by_role("button", name="Grace: Set your name").wait_for()
    await watch.reload()
    await expect(watch.locator("undertone-sidebar")).to_have_attribute("name", "Grace")
    await _live(watch)


async def test_the_language_is_the_browsers_until_another_is_chosen(browser: Browser, server: Server) -> None:
    async with visiting(browser, server.url, locale="ar-EG") as visitor:
        home = await visitor.open(server.url)
        assert await _page_language(home) == ["ar", "rtl"]
        await home.get_by_role("combobox").select_option("en")
        await home.get_by_role("button", name="Create meeting").wait_for()
        assert await _page_language(home) == ["en", "ltr"]
        again = await visitor.open(server.url)
        assert await _page_language(again) == ["en", "ltr"]


async def _page_language(page: Page) -> list[str]:
    await page.get_by_role("heading", level=1).wait_for()
    said: list[str] = await page.evaluate("[document.documentElement.lang, document.documentElement.dir]")
    return said


async def _live(page: Page) -> None:
    await page.locator("undertone-sidebar").get_by_text("Live", exact=True).first.wait_for()


async def _invite(page: Page, name: str) -> tuple[str, str]:
    """The address and the token that are to be handed over."""
    await page.get_by_role("button", name="Invite a proctor").click()
    await page.get_by_label("Their name").fill(name)
    await page.get_by_role("button", name="Make a token").click()
    await page.get_by_role("heading", name=f"For {name}").wait_for()
    address = await page.get_by_label("Page", exact=True).input_value()
    token = await page.get_by_label("Access token", exact=True).input_value()
    await page.get_by_role("button", name="Close").click()
    return address, token
