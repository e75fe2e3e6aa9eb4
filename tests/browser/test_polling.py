"""The page that this grew out of, in a real Chromium and from another origin: it goes on as it is."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.browser.site import site
from tests.browser.speech import SAMPLES
from tests.browser.visitor import visiting
from tests.commands import watch
from tests.conftest import short_folder
from tests.serving import running_server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PAGE = Path(__file__).with_name("polling.html")
PLAYED = "() => document.querySelector('#audio').currentTime > 0.5"


async def test_the_polling_page_finds_all_that_it_asks_for(browser: Browser, tmp_path: Path) -> None:
    for file in (PAGE, SAMPLES / "two-voices.mp3", SAMPLES / "one-voice.mp3"):
        shutil.copy(file, tmp_path)
    with (
        short_folder() as folder,
        site(tmp_path) as theirs,
        running_server(folder, workers=1, env={"UNDERTONE_POLLING_API": "1"}) as server,
    ):
        async with visiting(browser, theirs, server.url) as visitor:
            visitor.forgive("favicon.ico")
            page = await visitor.open(f"{theirs}/{PAGE.name}?server={server.url}")
            created = await page.evaluate("create()")
            meeting = {"id": created["data"]["id"], "admin_id": created["admin_id"]}
            assert await page.evaluate("isAdmin()") is True
            assert await page.evaluate("join()"), "a token"
            with watch(server, meeting) as proctor:
                one = await page.evaluate("upload('one-voice.mp3', 'peer-1')")
                two = await page.evaluate("upload('two-voices.mp3', 'peer-2')")
                pushed: list[dict[str, object]] = []
                while not pushed or pushed[-1].get("kind") != "anomaly_opened":
                    pushed.append(json.loads(proctor.recv(10)))
            assert one == {"id": "peer-1", "different_voices_detected": False}
            assert (two["id"], two["different_voices_detected"]) == ("peer-2", True)

            [row] = await page.evaluate("list()")
            assert row["lines"] == [
                "Participant Name: new user ",
                " Anomaly: Different Voices Detected ",
                " Participant ID: peer-2",
            ]
            assert 0 <= time.time() * 1000 - row["at"] < 180_000
            for url in (two["url"], row["url"]):
                await page.evaluate("url => { document.querySelector('#audio').src = url; }", url)
                await page.get_by_role("button", name="Play").click()
                await page.wait_for_function(PLAYED)

            await page.evaluate("localStorage.adminId = ''")
            assert await page.evaluate("isAdmin()") is False
