"""RealtimeKit's own script on our pages: under their policy, without its servers, and with the mock that it brings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Route, expect
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route as At

from tests.browser.candidate.exam import LISTENING, Exam, begin_at_once, finish, join, stored_ms
from tests.browser.house import COUNTING, bundled
from tests.browser.visitor import visiting
from tests.conftest import short_folder
from tests.serving import Server, running_server
from tests.standins import realtimekit
from tests.standins.serving import serving

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

# What its script calls on the page of a candidate before anything else.
THEIRS = "https://api.realtime.cloudflare.com"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    account = realtimekit.realtimekit()
    with serving(account.app) as url, short_folder() as folder:
        said = {
            "UNDERTONE_ROOMS": "realtimekit",
            "UNDERTONE_REALTIMEKIT_ACCOUNT": realtimekit.ACCOUNT,
            "UNDERTONE_REALTIMEKIT_APP": realtimekit.APP,
            "UNDERTONE_REALTIMEKIT_TOKEN": realtimekit.TOKEN,
            "UNDERTONE_REALTIMEKIT_URL": url,
            "NO_PROXY": "127.0.0.1",
        }
        with running_server(folder, env=said) as server:
            yield server


async def test_its_servers_are_away_and_the_exam_goes_on(browser: Browser, server: Server) -> None:
    async with visiting(browser, server.url, THEIRS, THEIRS.replace("api.", "api-silos.")) as visitor:
        asked = []

        async def away(route: Route) -> None:
            asked.append(route.request.url)
            await route.fulfill(status=503, headers={"Access-Control-Allow-Origin": "*"})

        await visitor.context.route("**/*realtime.cloudflare.com/**", away)
        await visitor.context.add_init_script(LISTENING + COUNTING)
        # Its own words on the console; a breach of the page's policy is not among them.
        visitor.forgive(r"cloudflare|participant|status of 503|Failed to get user details")
        exam = Exam.create(server)
        page = await join(visitor, exam)
        await expect(page.get_by_text("a candidate who tampers with it could see and hear you")).to_be_visible()
        await begin_at_once(page)
        notice = page.locator("undertone-room").get_by_role("status").filter(has_text="can’t be reached")
        await expect(notice).to_contain_text("Your exam goes on")
        assert asked
        assert await page.evaluate("told.at(-1)") == "recording"
        assert await page.evaluate("opened") == ["audio"]
        await finish(page)
        assert stored_ms(exam) > 0


@pytest.mark.parametrize("role", ["candidate", "proctor"])
async def test_it_speaks_by_the_microphone_that_is_open_and_films_when_told(browser: Browser, role: str) -> None:
    """Against the mock of its servers that comes with it."""
    kit = bundled("test/play/kit.ts")
    script = "<script type=module src=/kit.js></script>"
    app = Starlette(
        routes=[
            At("/", lambda _: HTMLResponse(script)),
            At("/kit.js", lambda _: Response(kit, media_type="text/javascript")),
        ]
    )
    with serving(app) as url:
        context = await browser.new_context(permissions=["microphone", "camera"])
        page = await context.new_page()
        await page.goto(url)
        await page.wait_for_function("globalThis.visit !== undefined")
        told = await page.evaluate("role => visit(role)", role)
        await context.close()
    at_first, speaking, silent, filmed = told["seen"]
    # Who is no proctor by the id that the server gave is seen by proctors alone.
    assert [each["name"] for each in at_first] == (["Ada", "Grace"] if role == "proctor" else ["Ada"])
    assert [people[0]["muted"] for people in told["seen"]] == [True, False, True, True]
    assert [bool(people[0]["picture"]) for people in (at_first, speaking, silent, filmed)] == [False] * 3 + [True]
    assert told["opened"] == ["video"]
    assert told["ours"] == ["live", True]
    assert set(told["copies"]) == {"ended"}
