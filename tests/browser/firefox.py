"""The Firefox that is on this machine, over WebDriver BiDi: as much of it as a visitor needs.

Playwright's own Firefox is a patched one, and what it speaks to others is newer than long-term releases understand.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT
from typing import Any, Final

import anyio
from websockets.asyncio.client import ClientConnection, connect

from tests.browser.find import firefox

# A microphone that hums, whose use needs no question; and no traffic but ours.
PREFERENCES: Final[dict[str, bool | int | str]] = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.safebrowsing.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "intl.accept_languages": "en-GB",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.server": "data:,",
}
LISTENING: Final = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")
WITHIN_S: Final = 20.0
# By what people read, in shadow roots too: the innermost that is seen, and says just that or has it as its label.
FIND: Final = """(role, name) => {
  const seen = [];
  const walk = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) walk(element.shadowRoot);
      if (!element.matches(role) || !element.getClientRects().length || element.disabled) continue;
      const said = element.getAttribute("aria-label") ?? element.closest("label")?.innerText ?? element.innerText ?? "";
      if (said.trim().startsWith(name)) seen.push(element);
    }
  };
  walk(document);
  return seen.at(-1) ?? null;
}"""


class Tab:
    """One tab."""

    def __init__(self, session: Session, context: str) -> None:
        self._session = session
        self._context = context

    async def open(self, url: str) -> None:
        """Until it is loaded."""
        await self._session.call("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def evaluate(self, function: str, *arguments: str) -> Any:
        """What a function of the page answers, awaited: texts, numbers, null; of an element, how to name it."""
        answer = await self._session.call(
            "script.callFunction",
            functionDeclaration=function,
            arguments=[{"type": "string", "value": each} for each in arguments],
            target={"context": self._context},
            awaitPromise=True,
        )
        assert answer["type"] == "success", answer["exceptionDetails"]["text"]
        result = answer["result"]
        return {"sharedId": result["sharedId"]} if result["type"] == "node" else result.get("value")

    async def find(self, kind: str, name: str) -> dict[str, str]:
        """The element of that kind (a selector) that people know by that name, once it is there."""
        with anyio.fail_after(WITHIN_S):
            while (found := await self.evaluate(FIND, kind, name)) is None:
                await anyio.sleep(0.1)
        assert isinstance(found, dict)
        return found

    async def click(self, kind: str, name: str) -> None:
        """With the pointer, as people do: pages may play and open only after that."""
        element = {"type": "element", "element": await self.find(kind, name)}
        steps = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": element},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        await self._act({"type": "pointer", "id": "mouse", "actions": steps})

    async def type(self, name: str, text: str) -> None:
        """Into the field of that label."""
        await self.click("input", name)
        keys = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        await self._act({"type": "key", "id": "keyboard", "actions": keys})

    async def _act(self, action: dict[str, Any]) -> None:
        await self._session.call("input.performActions", context=self._context, actions=[action])


class Session:
    """One Firefox. `said` is what its pages wrote on the console as errors."""

    def __init__(self, line: ClientConnection) -> None:
        self._line = line
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.said: list[str] = []

    async def read(self) -> None:
        """Hands answers to who waits for them; runs until the line is closed."""
        async for text in self._line:
            message = json.loads(text)
            if "id" in message:
                self._waiting.pop(message["id"]).set_result(message)
            elif message.get("method") == "log.entryAdded" and message["params"]["level"] == "error":
                self.said.append(message["params"]["text"])

    async def call(self, method: str, **params: Any) -> Any:
        """Its result. Raises AssertionError with what was wrong."""
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._line.send(json.dumps({"id": number, "method": method, "params": params}))
        answer = await self._waiting[number]
        assert answer["type"] == "success", f"{method}: {answer.get('error')}: {answer.get('message')}"
        return answer["result"]

    async def tab(self) -> Tab:
        """A new one."""
        made = await self.call("browsingContext.create", type="tab")
        return Tab(self, made["context"])


@asynccontextmanager
async def sound_server(folder: Path) -> AsyncIterator[str]:
    """The address of a PulseAudio that plays into nothing: where no sound can go, Firefox lets no audio graph run."""
    where = f"unix:{folder}/native"
    modules = ["module-null-sink", f"module-native-protocol-unix socket={folder}/native auth-anonymous=1"]
    command = ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disallow-exit"]
    command += [f"--load={module}" for module in modules]
    own = {**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "PULSE_STATE_PATH": str(folder)}
    async with await anyio.open_process(command, env=own, stdout=DEVNULL, stderr=DEVNULL) as process:
        try:
            with anyio.fail_after(WITHIN_S):
                while not (folder / "native").exists():
                    await anyio.sleep(0.05)
            yield where
        finally:
            process.terminate()


@asynccontextmanager
async def running_firefox(profile: Path, sound: str) -> AsyncIterator[Session]:
    """A Firefox with `profile`, an empty folder; `sound` is a sound server's address."""
    path = firefox()
    assert path is not None
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines))
    command = [path, "--headless", "--remote-debugging-port=0", "--profile", str(profile), "--no-remote"]
    own = {**os.environ, "PULSE_SERVER": sound}
    async with await anyio.open_process(command, env=own, stdout=PIPE, stderr=STDOUT) as process:
        try:
            address = await _listening(process)
            async with (
                connect(f"{address}/session", proxy=None, max_size=None) as line,
                anyio.create_task_group() as tasks,
            ):
                session = Session(line)
                tasks.start_soon(session.read)
                await session.call("session.new", capabilities={})
                await session.call("session.subscribe", events=["log.entryAdded"])
                yield session
                tasks.cancel_scope.cancel()
        finally:
            process.terminate()


async def _listening(process: anyio.abc.Process) -> str:
    assert process.stdout is not None
    said = b""
    with anyio.fail_after(60):
        async for piece in process.stdout:
            said += piece
            if match := LISTENING.search(said):
                return match[1].decode()
    raise AssertionError(said.decode(errors="replace"))
