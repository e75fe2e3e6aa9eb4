"""Chromium by its own protocol alone. Playwright lets every page believe to be in front; here a tab can be hidden."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import tempfile
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect

_ARGUMENTS: Final = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0")
_LISTENS: Final = re.compile(rb"DevTools listening on (ws://\S+)")

FIND: Final = """
globalThis.find = (root, text) => {
  for (const element of root.querySelectorAll("*")) {
    if (element.localName === "button" && element.textContent.trim().startsWith(text)) return element;
    const inside = element.shadowRoot && find(element.shadowRoot, text);
    if (inside) return inside;
  }
  return null;
};
"""


class Tabs:
    """One window of one Chromium, whose process is `pid`.

    `heard` is told of every event that comes before the answer to a command.
    """

    def __init__(self, socket: ClientConnection, pid: int) -> None:
        self._socket = socket
        self._ids = count(1)
        self.pid = pid
        self.heard: Callable[[dict[str, Any]], None] = lambda event: None

    async def open(self, url: str, *, profile: str | None = None) -> Tab:
        """A new tab, in front; in the window of another `profile`, if need be."""
        place = {"browserContextId": profile, "newWindow": True} if profile else {}
        target = (await self.call("Target.createTarget", {"url": url, **place}))["targetId"]
        session = await self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        return Tab(self, target, session["sessionId"])

    async def another_profile(self) -> str:
        """Somebody else's, who shares nothing with the first, processes included."""
        created = await self.call("Target.createBrowserContext", {})
        identity: str = created["browserContextId"]
        return identity

    async def call(self, method: str, parameters: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        """One command and its answer. Raises AssertionError with what the browser says against it."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        await self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(await self._socket.recv())
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result
            self.heard(answer)


class Tab:
    def __init__(self, tabs: Tabs, target: str, session: str) -> None:
        self._tabs = tabs
        self._target = target
        self.session = session

    async def show(self) -> None:
        """Brings it to the front; the others are hidden then."""
        await self._tabs.call("Target.activateTarget", {"targetId": self._target})

    async def close(self) -> None:
        await self._tabs.call("Target.closeTarget", {"targetId": self._target})

    async def evaluate(self, expression: str) -> Any:
        """Its value, awaited. Raises AssertionError with what was thrown."""
        parameters = {"expression": expression, "awaitPromise": True, "returnByValue": True, "userGesture": True}
        answer = await self._tabs.call("Runtime.evaluate", parameters, self.session)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def press(self, text: str) -> None:
        """The button whose words begin so, once it is there, in whatever shadow root."""
        await self.evaluate(FIND)
        await self.until(f"find(document, {text!r}) !== null")
        await self.evaluate(f"find(document, {text!r}).click()")

    async def until(self, expression: str, within_s: float = 30) -> Any:
        """Its value once it is true."""
        async with asyncio.timeout(within_s):
            while not (value := await self.evaluate(expression)):
                await asyncio.sleep(0.2)
            return value


@asynccontextmanager
async def tabs(path: str, arguments: Sequence[str]) -> AsyncIterator[Tabs]:
    """A Chromium of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [path, *_ARGUMENTS, f"--user-data-dir={profile}", *arguments, "about:blank"]
        process = await create_subprocess_exec(*command, stderr=PIPE)
        assert process.stderr is not None
        try:
            while (match := _LISTENS.search(line := await process.stderr.readline())) is None:
                assert line, "it ended"
            # No pings: nobody reads between two commands, and events that wait may leave no room for an answer.
            address = match[1].decode()
            async with connect(address, proxy=None, max_size=None, ping_interval=None) as socket:
                yield Tabs(socket, process.pid)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
