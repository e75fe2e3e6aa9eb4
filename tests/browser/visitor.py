"""Somebody with a browser of their own: one profile, whose pages are listened to.

What a page must never do is found in every test, whatever it is about: a script's error, a line on the console, a
breach of the Content-Security-Policy, a request to anybody but the server.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, ViewportSize, async_playwright

from tests.browser.find import MISSING, chromium

# How a container without a graphics card or a sound card runs one, and what it does not do behind our back.
_ARGUMENTS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream",
    "--autoplay-policy=user-gesture-required",
)  # fmt: skip
# Playwright turns off what slows hidden tabs down. That they are slowed down is what recording has to live with.
_AS_EVERYBODY_HAS_IT: Final = (
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
)
# What the console says of a server that is not there.
AWAY: Final = (
    r"ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED"
    r"|WebSocket connection to .* failed"
)
# A call that is refused stands on the console, whatever the page makes of it.
REFUSED: Final = r"status of 40[134]"
# A page answers within a second; a machine whose cores ten others want takes its time. What hangs is found anyway.
PATIENCE_MS: Final = 40_000
DESKTOP: Final = ViewportSize(width=1280, height=800)
NARROW: Final = ViewportSize(width=360, height=740)


@asynccontextmanager
async def running_chromium(microphone: str, arguments: Sequence[str] = ()) -> AsyncIterator[Browser]:
    """A Chromium whose microphone plays the WAV file `microphone`. Raises AssertionError where there is none."""
    path = chromium()
    assert path is not None, MISSING
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path,
            args=[*_ARGUMENTS, f"--use-file-for-fake-audio-capture={microphone}", *arguments],
            ignore_default_args=list(_AS_EVERYBODY_HAS_IT),
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def running_profile(microphone: str, home: str, folder: Path) -> AsyncIterator[Visitor]:
    """A Chromium as people run it, with one profile in `folder`: its tabs are hidden when another one is in front.

    Playwright makes every page believe that it is seen; only of a browser that was started by somebody else, whose own
    profile is looked at, does it leave that alone.
    """
    path = chromium()
    assert path is not None, MISSING
    command = [path, *_ARGUMENTS, f"--use-file-for-fake-audio-capture={microphone}", "--headless", "--mute-audio"]
    command += ["--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"]
    async with await anyio.open_process(command, stdout=DEVNULL, stderr=DEVNULL) as process:
        try:
            port = folder / "DevToolsActivePort"
            with anyio.fail_after(30):
                while not port.exists() or "\n" not in port.read_text():
                    await anyio.sleep(0.05)
            async with async_playwright() as playwright:
                address = f"http://127.0.0.1:{port.read_text().splitlines()[0]}"
                browser = await playwright.chromium.connect_over_cdp(address, no_defaults=True)
                context = browser.contexts[0]
                await context.grant_permissions(["microphone"], origin=home)
                context.set_default_timeout(PATIENCE_MS)
                visitor = Visitor(context, [home])
                yield visitor
                visitor.check()
                await browser.close()
        finally:
            process.terminate()


class Visitor:
    """One profile. `problems` is what its pages did that they must not do."""

    def __init__(self, context: BrowserContext, homes: Sequence[str]) -> None:
        self.context = context
        self.problems: list[str] = []
        self.requested: list[str] = []
        self._homes = {urlsplit(home).netloc for home in homes}
        self._forgiven: list[re.Pattern[str]] = []
        context.on("console", self._heard)
        context.on("weberror", lambda error: self._note(f"uncaught: {error.error}"))
        context.on("request", self._asked)

    async def open(self, url: str) -> Page:
        """A new tab."""
        page = await self.context.new_page()
        await page.goto(url)
        return page

    def forgive(self, pattern: str) -> None:
        """What is no fault in this test: a server that is killed can't be reached, and the console says so."""
        self._forgiven.append(re.compile(pattern))

    def check(self) -> None:
        """Raises AssertionError with the problems."""
        assert not self.problems, "\n".join(self.problems)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            where = message.location
            self._note(f"console: {message.text} ({where.get('url', '')}:{where.get('lineNumber', '')})")

    def _asked(self, request: Request) -> None:
        self.requested.append(request.url)
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc not in self._homes:
            self._note(f"a request to somebody else: {request.url}")

    def _note(self, problem: str) -> None:
        if not any(pattern.search(problem) for pattern in self._forgiven):
            self.problems.append(problem)


@asynccontextmanager
async def visiting(browser: Browser, *homes: str, **profile: Any) -> AsyncIterator[Visitor]:
    """A visitor of `homes`, and of nobody else. `profile` is Playwright's: locale, color_scheme, viewport …"""
    said = {"viewport": DESKTOP, "locale": "en-GB", "timezone_id": "Europe/London", **profile}
    context = await browser.new_context(permissions=["microphone"], **said)
    context.set_default_timeout(PATIENCE_MS)
    visitor = Visitor(context, homes)
    try:
        yield visitor
        visitor.check()
    finally:
        await context.close()
