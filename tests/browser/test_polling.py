"""The page that this grew out of, in a real Chromium and from another origin: it goes on as it is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.browser.node import BROWSER, NODE
from tests.browser.site import site
from tests.browser.speech import SAMPLES
from tests.browser.visitor import visiting
from tests.commands import watch
from tests.conftest import ROOT, short_folder
from tests.serving import running_server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PAGE = Path(__file__).with_name("polling.html")
PLAYED = "() => document.querySelector('#audio').currentTime > 0.5"
GUIDE = ROOT / "docs" / "migration.md"
WATCH = """
import("./pushed.js").then(({ effect }) => {
  globalThis.shown = null;
  effect(server, localStorage.meeting, localStorage.adminId, async () => { globalThis.shown = await list(); });
})
"""


def write_pushed(folder: Path) -> None:
    """The lines that the guide adds, and the package that they import, as modules beside the page."""
    index = BROWSER / "src" / "index.ts"
    esbuild = BROWSER / "node_modules" / "esbuild" / "bin" / "esbuild"
    command = [str(NODE), str(esbuild), str(index), "--bundle", "--format=esm", f"--outfile={folder / 'package.js'}"]
    subprocess.run(command, check=True, capture_output=True)
    added = re.findall(r"^\+(.*)$", GUIDE.read_text().partition("```diff\n")[2].partition("```")[0], re.MULTILINE)
    assert len(added) == 5, "five lines"
    text = added[0].replace("undertone-elements", "./package.js")
    text += "\nexport function effect(SERVER_URL, meetingId, adminId, updateCandidateStatus) {\n"
    (folder / "pushed.js").write_text(text + "\n".join(added[1:-1]) + "\n}\n")


async def test_the_polling_page_finds_all_that_it_asks_for(browser: Browser, tmp_path: Path) -> None:
    for file in (PAGE, SAMPLES / "two-voices.mp3", SAMPLES / "one-voice.mp3"):
        shutil.copy(file, tmp_path)
    write_pushed(tmp_path)
    with (
        short_folder() as folder,
        site(tmp_path) as theirs,
        running_server(folder, workers=1, env={"UNDERTONE_POLLING_API": "1", "UNDERTONE_ORIGINS": theirs}) as server,
    ):
        async with visiting(browser, theirs, server.url) as visitor:
            visitor.forgive("favicon.ico")
            page = await visitor.open(f"{theirs}/{PAGE.name}?server={server.url}")
            created = await page.evaluate("create()")
            meeting = {"id": created["data"]["id"], "admin_id": created["admin_id"]}
            assert await page.evaluate("isAdmin()") is True
            assert await page.evaluate("join()"), "a token"
            await page.evaluate(WATCH)
            await page.wait_for_function("shown?.length === 0")
            with watch(server, meeting) as proctor:
                one = await page.evaluate("upload('one-voice.mp3', 'peer-1')")
                two = await page.evaluate("upload('two-voices.mp3', 'peer-2')")
                pushed: list[dict[str, object]] = []
                while not pushed or pushed[-1].get("kind") != "anomaly_opened":
                    pushed.append(json.loads(proctor.recv(10)))
            assert one == {"id": "peer-1", "different_voices_detected": False}
            assert (two["id"], two["different_voices_detected"]) == ("peer-2", True)

            await page.wait_for_function("shown.length === 1")  # pushed, and nobody asked again
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
