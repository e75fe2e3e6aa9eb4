"""A LiveKit server of our own, with media, and an Undertone that opens rooms on it."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from playwright.async_api import Browser, Locator, Page

from tests.browser.candidate.exam import LISTENING
from tests.browser.node import BROWSER, NODE
from tests.browser.visitor import Visitor, visiting
from tests.conftest import short_folder
from tests.serving import Server, running_server
from tests.standins import livekit
from tests.standins.livekit import LiveKit
from tests.standins.serving import serving

# One machine without a network is all there is: no names instead of addresses, and the loopback is a way.
ON_ONE_MACHINE: Final = ("--disable-features=WebRtcHideLocalIpsWithMdns", "--allow-loopback-in-peer-connection")
# What the console says of a room that lets nobody in, and of one that has not the newest way in.
CLOSED: Final = r"WebSocket connection to .*/rtc|/rtc/(v1/)?validate"
COUNTING: Final = """
globalThis.opened = [];
const devices = navigator.mediaDevices;
const open = devices?.getUserMedia.bind(devices);
if (devices) devices.getUserMedia = (asked) => {
  opened.push(Object.keys(asked).filter((kind) => asked[kind]).join());
  return open(asked);
};
globalThis.clones = [];
const clone = MediaStreamTrack.prototype.clone;
MediaStreamTrack.prototype.clone = function () {
  const made = clone.call(this);
  clones.push(made);
  return made;
};
"""


@dataclass
class House:
    """A LiveKit server and an Undertone that uses it."""

    account: LiveKit
    url: str
    server: Server


def bundled(script: str) -> str:
    """A script of client/browser with all that it imports."""
    made = subprocess.run(
        [NODE, "node_modules/esbuild/bin/esbuild", "--bundle", "--format=esm", script],
        cwd=BROWSER,
        check=True,
        capture_output=True,
        text=True,
    )
    return made.stdout


@contextmanager
def running_house() -> Iterator[House]:
    """Both of them; nobody gets into a room before its media is there (`open_house`)."""
    account = LiveKit()
    account.media_script = bundled("test/play/livekit.ts")
    with serving(account.app, sockets=True) as url, short_folder() as folder:
        said = {
            "UNDERTONE_ROOMS": "livekit",
            "UNDERTONE_LIVEKIT_URL": url.replace("http", "ws"),
            "UNDERTONE_LIVEKIT_API_KEY": livekit.KEY,
            "UNDERTONE_LIVEKIT_API_SECRET": livekit.SECRET,
            "NO_PROXY": "127.0.0.1",
        }
        with running_server(folder, env=said) as server:
            yield House(account, url, server)


@asynccontextmanager
async def somebody(browser: Browser, house: House, **profile: Any) -> AsyncIterator[Visitor]:
    """With a camera and a microphone, whose pages keep what they tell and open."""
    async with visiting(browser, house.server.url, house.url, **profile) as visitor:
        await visitor.context.grant_permissions(["microphone", "camera"])
        await visitor.context.add_init_script(LISTENING + COUNTING)
        visitor.forgive(CLOSED)
        yield visitor


@asynccontextmanager
async def open_house(browser: Browser, house: House) -> AsyncIterator[Page]:
    """The room lets people in, and its media flows, while the block runs."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{house.url}/media")
    await page.wait_for_function("globalThis.forwarded !== undefined")
    try:
        yield page
    finally:
        await context.close()


def room_of(page: Page) -> Locator:
    return page.locator("undertone-room")
