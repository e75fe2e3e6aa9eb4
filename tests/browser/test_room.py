"""The video room on the pages: real media between real browsers, by way of a stand-in for LiveKit's server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import httpx
import pytest
from playwright.async_api import Browser, Locator, expect

from tests.browser.candidate.exam import Exam, begin_at_once, finish, join, stored_ms, until
from tests.browser.house import ON_ONE_MACHINE, House, open_house, room_of, running_house, somebody
from tests.browser.looks import accessible, nothing_scrolls_sideways
from tests.browser.visitor import DESKTOP, NARROW, Visitor, running_chromium

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with running_house() as house:
        yield house


@pytest.fixture(scope="module")
async def filming(anyio_backend: str, two_voices: Path) -> AsyncIterator[Browser]:
    """A Chromium with a camera."""
    async with running_chromium(str(two_voices), ON_ONE_MACHINE) as browser:
        yield browser


@pytest.fixture
async def ada(filming: Browser, house: House) -> AsyncIterator[Visitor]:
    async with somebody(filming, house) as visitor:
        yield visitor


async def moves(tile: Locator) -> None:
    """Its picture comes in: frames are decoded, one after the other."""
    count = "tile => tile.shadowRoot.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0"
    with anyio.fail_after(30):
        while await tile.evaluate(count) < 5:
            await anyio.sleep(0.1)


async def test_a_room_that_can_not_be_reached_costs_no_second_of_the_exam(ada: Visitor, house: House) -> None:
    exam = Exam.create(house.server)
    page = await ada.open(exam.link)
    await expect(page.get_by_text("other candidates can’t")).to_be_visible()
    await page.get_by_role("textbox").fill("Ada")
    await page.keyboard.press("Enter")
    await begin_at_once(page)
    notice = room_of(page).get_by_role("status").filter(has_text="can’t be reached")
    await expect(notice).to_contain_text("Your exam goes on, and your microphone is recorded as before.")
    await accessible(page)
    assert await page.evaluate("told.at(-1)") == "recording"
    await notice.get_by_role("button", name="Try now").click()
    await expect(notice).to_be_visible()
    assert await page.evaluate("opened") == ["audio"]
    await finish(page)
    assert stored_ms(exam) > 0
    # A token that is renewed after the exam leads nobody back.
    renewed = """new Promise((done) => {
      const join = document.querySelector("undertone-join");
      const token = new CustomEvent("undertone-token", { detail: { token: "x.e30.x" } });
      join.shadowRoot.querySelector("undertone-candidate").dispatchEvent(token);
      setTimeout(() => join.updateComplete.then(done));
    })"""
    await page.evaluate(renewed)
    assert await room_of(page).count() == 0


async def test_proctors_see_and_hear_candidates_and_candidates_each_other_never(
    filming: Browser, ada: Visitor, house: House
) -> None:
    exam = Exam.create(house.server)
    house.account.joined.clear()
    async with (
        open_house(filming, house) as media,
        somebody(filming, house) as grace,
        somebody(filming, house) as emmy,
    ):
        pages = [await join(ada, exam, "Ada Lovelace"), await join(emmy, exam, "Emmy Noether")]
        for page in pages:
            await begin_at_once(page)
            await expect(room_of(page).get_by_text("No proctor is here at the moment.")).to_be_visible()
        await room_of(pages[0]).get_by_role("button", name="Turn the camera on").click()
        await moves(room_of(pages[0]).locator("ut-tile"))

        watch = await grace.open(f"{house.server.url}/watch/{exam.meeting}")
        await watch.get_by_label("Access token").fill(exam.admin_id)
        await watch.get_by_role("button", name="Watch").click()
        seen = room_of(watch).locator("ut-tile").filter(has_text="Ada Lovelace")
        await moves(seen)
        for page in (pages[0], watch):
            await accessible(page)
            await page.set_viewport_size(NARROW)
            await nothing_scrolls_sideways(page)
            await page.set_viewport_size(DESKTOP)
        candidates = [identity for identity in house.account.joined if not identity.startswith("proctor:")]
        [proctor] = [identity for identity in house.account.joined if identity.startswith("proctor:")]
        assert len(candidates) == 2
        assert await media.evaluate("forwarded()") == [f"{candidates[0]} video > {proctor}"]

        await seen.get_by_role("button", name="Listen to Ada Lovelace").click()
        await media.wait_for_function("forwarded().length === 2")
        assert f"{candidates[0]} audio > {proctor}" in await media.evaluate("forwarded()")
        heard = "tile => tile.shadowRoot.querySelector('[aria-pressed=true]') !== null"
        assert await seen.evaluate(heard)

        # The proctor speaks: both candidates hear it, and still nothing of each other.
        await room_of(watch).get_by_role("button", name="Unmute yourself").click()
        await media.wait_for_function("forwarded().length === 4")
        assert set(await media.evaluate("forwarded()")) == {
            f"{candidates[0]} video > {proctor}",
            f"{candidates[0]} audio > {proctor}",
            *(f"{proctor} audio > {candidate}" for candidate in candidates),
        }
        for page in pages:
            names = await room_of(page).locator("ut-tile .name").all_inner_texts()
            assert len(names) == 2
            assert not {"Ada Lovelace", "Emmy Noether"} <= set(names)

        # Muted in the room, and recorded all the same: by the one microphone that was opened.
        await room_of(pages[0]).get_by_role("button", name="Mute yourself").click()
        await expect(room_of(pages[0]).get_by_text("Undertone still hears you")).to_be_visible()
        await media.wait_for_function("forwarded().length === 3")
        await expect(seen.get_by_role("img", name="Muted")).to_be_visible()
        assert await pages[0].evaluate("told.at(-1)") == "recording"
        live = "document.querySelector('undertone-join').shadowRoot.querySelector('undertone-candidate').track"
        assert await pages[0].evaluate(f"[{live}.readyState, {live}.enabled, {live}.muted]") == ["live", True, False]
        assert await pages[0].evaluate("opened") == ["audio", "video"]
        assert await pages[1].evaluate("opened") == ["audio"]

        # Revoked: out of the room.
        httpx.patch(
            f"{house.server.url}/meetings/{exam.meeting}/participants/{candidates[0]}",
            json={"revoked": True},
            headers={"Authorization": f"Bearer {exam.admin_id}"},
        ).raise_for_status()
        await until(pages[0], "failed")
        await expect(room_of(watch).locator("ut-tile").filter(has_text="Ada")).to_have_count(0)
        assert house.account.removed[-1] == (f"undertone-{exam.meeting}", candidates[0])
        await finish(pages[1])
        for page in pages:  # nothing listens or films any more
            assert set(await page.evaluate("clones.map(({readyState}) => readyState)")) == {"ended"}
        await expect(room_of(watch).locator("ut-tile").filter(has_text="Emmy")).to_have_count(0)


async def test_a_room_that_breaks_is_entered_again(filming: Browser, ada: Visitor, house: House) -> None:
    exam = Exam.create(house.server)
    house.account.joined.clear()
    async with somebody(filming, house) as grace:
        for visitor in (ada, grace):  # LiveKit's script says farewell on a line that is broken
            visitor.forgive("WebSocket is already in CLOSING or CLOSED state")
        async with open_house(filming, house) as media:
            page = await join(ada, exam)
            await begin_at_once(page)
            await expect(room_of(page).get_by_role("button", name="Turn the camera on")).to_be_visible()
            watch = await grace.open(f"{house.server.url}/watch/{exam.meeting}")
            await watch.get_by_label("Access token").fill(exam.admin_id)
            await watch.get_by_role("button", name="Watch").click()
            await room_of(watch).locator("ut-tile").get_by_role("button", name="Listen to Ada").click()
            await room_of(watch).get_by_role("button", name="Unmute yourself").click()
            await media.wait_for_function("forwarded().length === 2")
            [proctor] = [identity for identity in house.account.joined if identity.startswith("proctor:")]
            [candidate] = set(house.account.joined) - {proctor}
        for each in (page, watch):
            notice = room_of(each).get_by_role("status").filter(has_text="can’t be reached")
            await expect(notice).to_be_visible()
        assert await page.evaluate("told.at(-1)") == "recording"
        assert await watch.evaluate("clones.map(({readyState}) => readyState)") == ["ended"]
        async with open_house(filming, house) as media:
            for each in (page, watch):  # by itself, or by a press, whichever comes first
                await room_of(each).evaluate("room => room.shadowRoot.querySelector('.notice button')?.click()")
            await expect(room_of(page).get_by_role("button", name="Turn the camera on")).to_be_visible()
            assert await page.evaluate("opened") == ["audio"]
            # The proctor listens and speaks, as their page still says.
            await expect(room_of(watch).get_by_role("button", name="Stop listening to Ada")).to_be_visible()
            await expect(room_of(watch).get_by_role("button", name="Mute yourself")).to_be_visible()
            await media.wait_for_function("forwarded().length === 2")
            assert set(await media.evaluate("forwarded()")) == {
                f"{candidate} audio > {proctor}",
                f"{proctor} audio > {candidate}",
            }
