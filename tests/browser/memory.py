"""What a page keeps: its heaps after a garbage collection, by the browser's own protocol, and its process's memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from tests.browser.devtools import Tab, Tabs

BUSY_MS: Final = 400
BUSY: Final = f"{{ const until = performance.now() + {BUSY_MS}; while (performance.now() < until); }}"
GROUP: Final = "looked at"
BYTES: Final = "function () { return this.reduce((sum, { buffer }) => sum + buffer.byteLength, 0); }"


@dataclass(frozen=True, slots=True)
class Heap:
    """Bytes in use after a collection: of scripts, of the browser's own objects behind them, of buffers."""

    scripts: int
    embedder: int
    buffers: int


class Workers:
    """The sessions of a tab's workers. Events come with the next command's answer."""

    def __init__(self, tabs: Tabs, tab: Tab) -> None:
        self.sessions: list[str] = []
        self._tabs, self._tab = tabs, tab
        tabs.heard = self._heard

    async def follow(self) -> None:
        """From now on, those that there are included."""
        wanted = {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": True}
        await self._tabs.call("Target.setAutoAttach", wanted, self._tab.session)

    def _heard(self, event: dict[str, Any]) -> None:
        told = event["params"]
        if event["method"] == "Target.attachedToTarget" and told["targetInfo"]["type"] == "worker":
            self.sessions.append(told["sessionId"])
        elif event["method"] == "Target.detachedFromTarget" and told["sessionId"] in self.sessions:
            self.sessions.remove(told["sessionId"])


async def heap(tabs: Tabs, session: str) -> Heap:
    """Of a page or a worker."""
    await tabs.call("HeapProfiler.collectGarbage", {}, session)
    used = await tabs.call("Runtime.getHeapUsage", {}, session)
    return Heap(int(used["usedSize"]), int(used["embedderHeapUsedSize"]), int(used["backingStorageSize"]))


async def web_assembly_bytes(tabs: Tabs, session: str) -> int:
    """All memories of WebAssembly in it."""
    asked = {"expression": "WebAssembly.Memory.prototype", "objectGroup": GROUP}
    prototype = (await tabs.call("Runtime.evaluate", asked, session))["result"]["objectId"]
    asked = {"prototypeObjectId": prototype, "objectGroup": GROUP}
    found = (await tabs.call("Runtime.queryObjects", asked, session))["objects"]["objectId"]
    wanted = {"objectId": found, "functionDeclaration": BYTES, "returnByValue": True}
    total = (await tabs.call("Runtime.callFunctionOn", wanted, session))["result"]["value"]
    await tabs.call("Runtime.releaseObjectGroup", {"objectGroup": GROUP}, session)
    return int(total)


async def renderer(tabs: Tabs, tab: Tab) -> psutil.Process:
    """The process that a tab runs in, which the protocol does not tell: the one that is busy when the tab is."""
    family = psutil.Process(tabs.pid).children(recursive=True)
    renderers = [each for each in family if "--type=renderer" in each.cmdline()]
    before = {each: each.cpu_times().user for each in renderers}
    await tab.evaluate(BUSY)
    spent = {each: each.cpu_times().user - before[each] for each in renderers}
    return max(renderers, key=lambda each: spent[each])


async def snapshot(tabs: Tabs, session: str, path: Path) -> None:
    """Everything on a heap, for the Memory panel of any Chromium's developer tools, which compares two."""
    others = tabs.heard

    def keep(event: dict[str, Any]) -> None:
        if event["method"] == "HeapProfiler.addHeapSnapshotChunk":
            file.write(event["params"]["chunk"])
        else:
            others(event)

    with path.open("w") as file:
        tabs.heard = keep
        try:
            await tabs.call("HeapProfiler.takeHeapSnapshot", {"reportProgress": False}, session)
        finally:
            tabs.heard = others
