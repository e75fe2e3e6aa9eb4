"""An exam as long as one takes, and what candidate's tab and proctor's page keep of it: `make endurance MINUTES=60`.

A real server, a real Chromium, whose microphone plays real speech round and round, a candidate at the join link and a
proctor in a profile of their own. In between the server is killed, and comes back after a minute; later the candidate's
tab is hidden for a minute. Once a minute everything is collected and weighed; at the end stand the slopes, and what the
server has of the sound. The exit code is 1 if anything is missing or doubled.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from tests.bench.load.figures import Slope, slope
from tests.browser.candidate.exam import Exam, sit_down
from tests.browser.devtools import Tab, Tabs, tabs
from tests.browser.find import MISSING, chromium
from tests.browser.memory import Workers, heap, renderer, snapshot, web_assembly_bytes
from tests.browser.speech import write_wav
from tests.conftest import short_folder
from tests.serving import Server, running_server

KIB: Final = 1024
MINUTE_S: Final = 60.0
WINDOW_MS: Final = 60_000
BYTES_A_MS: Final = 8  # 64 kbit/s
# In the middle of a window: what the outbox holds is half of one each time, and no `stored` is just under way.
LOOK_AFTER_S: Final = 30.0
WARM_UP_S: Final = 5 * MINUTE_S
# The exam ends in the midst of a window, which is cut short: how many there are to be is no matter of milliseconds.
LAST_S: Final = 15.0
# Into a window: what the server has of it is gone.
KILLED_WITHIN_S: Final = 15.0
AWAY_S: Final = MINUTE_S
HIDDEN_S: Final = MINUTE_S
JUDGED_WITHIN_S: Final = 120
# Two frames, the encoder's filling, the clicks, and half a second that the recorder does not yet call a gap.
CLOSE_MS: Final = 1_500
MICROPHONE: Final = (
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--use-file-for-fake-audio-capture=",
)  # fmt: skip
# What the recorder tells the page several times a second is kept: the last of it.
OVERHEARD: Final = """
globalThis.Worker = class extends Worker {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data }) => { if (data.type === "status") globalThis.told.status = data; });
  }
};
"""
# A process's own pages are private: what it shares with other Chromiums on the machine is not its growth.
COLUMNS: Final = (
    "page: scripts", "page: objects", "worker: scripts", "worker: objects", "worker: buffers", "worker: wasm",
    "tab: private", "tab: RSS", "proctor: scripts", "proctor: objects", "proctor: private", "proctor: RSS",
    "tab: unsent",
)  # fmt: skip
WIDTH: Final = 9


@dataclass(frozen=True, slots=True)
class Look:
    """One minute's: seconds since the exam began, KiB by column, windows stored (None where nobody could say)."""

    at_s: float
    kib: dict[str, float]
    windows: int | None


@dataclass
class Sitting:
    """The exam while it goes on."""

    window: Tabs
    exam: Exam
    candidate: Tab
    workers: Workers
    proctor: Tab
    processes: tuple[psutil.Process, psutil.Process]
    snapshots: Path | None
    began: float = 0.0
    looks: list[Look] = field(default_factory=list)
    _in_front: Tab | None = None

    async def look(self) -> None:
        """Collects, weighs and prints a line."""
        at_s = time.monotonic() - self.began
        [worker_session] = self.workers.sessions
        page = await heap(self.window, self.candidate.session)
        worker = await heap(self.window, worker_session)
        proctor = await heap(self.window, self.proctor.session)
        wasm = await web_assembly_bytes(self.window, worker_session)
        unsent_ms: int = await self.candidate.evaluate("told.status.unstoredMs")
        tab, other = (each.memory_full_info() for each in self.processes)
        weighed = (
            page.scripts, page.embedder, worker.scripts, worker.embedder, worker.buffers, wasm, tab.uss, tab.rss,
            proctor.scripts, proctor.embedder, other.uss, other.rss, unsent_ms * BYTES_A_MS,
        )  # fmt: skip
        kib = {name: value / KIB for name, value in zip(COLUMNS, weighed, strict=True)}
        windows = None
        if self.exam.server.process is not None and self.exam.server.process.poll() is None:
            windows = len(await asyncio.to_thread(self.exam.events, "window_stored"))
        self.looks.append(Look(at_s, kib, windows))
        values = "".join(f"{value:>{WIDTH},.0f}" for value in kib.values())
        print(f"{at_s / 60:6.1f}{values}{'–' if windows is None else windows:>9}", flush=True)

    async def keep_snapshots(self, when: str) -> None:
        if self.snapshots:
            for name, session in (
                ("page", self.candidate.session),
                ("worker", self.workers.sessions[0]),
                ("proctor", self.proctor.session),
            ):
                await snapshot(self.window, session, self.snapshots / f"{name}-{when}.heapsnapshot")

    async def kill(self) -> None:
        await asyncio.to_thread(self.exam.server.kill)
        print("        the server is killed", flush=True)

    async def restart(self) -> None:
        await asyncio.to_thread(self.exam.server.start)
        print("        the server is back", flush=True)

    async def hide(self) -> None:
        self._in_front = await self.window.open("about:blank")
        await self.candidate.until("document.visibilityState === 'hidden'")
        print("        the tab is hidden", flush=True)

    async def show(self) -> None:
        assert self._in_front is not None
        assert await self.candidate.evaluate("document.visibilityState") == "hidden"
        await self._in_front.close()
        await self.candidate.show()
        await self.candidate.until("document.visibilityState === 'visible'")
        print("        the tab is shown again", flush=True)


async def sit(minutes: int, folder: Path, server: Server, speech: str, snapshots: Path | None) -> list[str]:
    """The whole exam. Returns what should not be so."""
    path = chromium()
    assert path is not None, MISSING
    *fake, plays = MICROPHONE
    async with tabs(path, [*fake, f"{plays}{write_wav(speech, folder)}", "--mute-audio"]) as window:
        exam = Exam.create(server)
        proctor = await watch(window, exam)
        candidate = await window.open(exam.link)
        workers = Workers(window, candidate)
        await workers.follow()
        await sit_down(candidate, "Ada Lovelace")
        await candidate.evaluate(OVERHEARD)
        processes = await renderer(window, candidate), await renderer(window, proctor)
        assert processes[0] != processes[1], "each has a process"
        sitting = Sitting(window, exam, candidate, workers, proctor, processes, snapshots)
        await candidate.press("Start the exam")
        sitting.began = time.monotonic()
        await candidate.until("told.at(-1) === 'recording'")
        print(_heads(), flush=True)
        await follow(sitting, minutes)
        recorded_ms = (time.monotonic() - sitting.began) * 1000
        await candidate.press("Finish")
        await candidate.press("Yes, finish")
        await candidate.until("told.at(-1) === 'finished'")
        finished: dict[str, int] = await candidate.evaluate("finished")
    for line in slopes(sitting.looks):
        print(line)
    return await wrong(exam, finished, recorded_ms)


async def watch(window: Tabs, exam: Exam) -> Tab:
    """A proctor's page, in a profile of its own, that shows the meeting."""
    link = f"{exam.server.url}/watch/{exam.meeting}"
    proctor = await window.open(link, profile=await window.another_profile())
    await proctor.until("customElements.get('undertone-sidebar') !== undefined")
    await proctor.evaluate(f"localStorage['undertone.proctor.{exam.meeting}'] = {exam.admin_id!r}; location.reload()")
    await proctor.until(
        "document.querySelector('undertone-watch')?.shadowRoot.querySelector('undertone-sidebar')"
        "?.shadowRoot.querySelector('.line-state.live') != null"
    )
    return proctor


async def follow(sitting: Sitting, minutes: int) -> None:
    """One thing after the other, each at its time."""
    killed_s = min(10, minutes / 3) * MINUTE_S + KILLED_WITHIN_S
    hidden_s = min(20, minutes * 2 / 3) * MINUTE_S
    plan: list[tuple[float, Callable[[], Awaitable[None]]]] = [
        *((LOOK_AFTER_S + minute * MINUTE_S, sitting.look) for minute in range(minutes)),
        (killed_s, sitting.kill),
        (killed_s + AWAY_S, sitting.restart),
        (hidden_s, sitting.hide),
        (hidden_s + HIDDEN_S, sitting.show),
        (min(WARM_UP_S, minutes * MINUTE_S / 2) - MINUTE_S / 4, lambda: sitting.keep_snapshots("early")),
        (minutes * MINUTE_S, lambda: sitting.keep_snapshots("late")),
        (minutes * MINUTE_S + LAST_S, lambda: asyncio.sleep(0)),
    ]
    for at_s, step in sorted(plan, key=lambda each: each[0]):
        await asyncio.sleep(max(0.0, sitting.began + at_s - time.monotonic()))
        await step()


def growth(looks: Sequence[Look], column: str, since_s: float) -> Slope | None:
    """In KiB a minute; None if there are too few looks."""
    points = [(look.at_s, look.kib[column]) for look in looks if look.at_s >= since_s]
    return slope([at for at, _ in points], [kib for _, kib in points], block_s=MINUTE_S / 2)  # each look for itself


def slopes(looks: Sequence[Look]) -> Iterator[str]:
    """A table of what each column grew by."""
    spans = {"after 5 minutes": WARM_UP_S, "second half": looks[-1].at_s / 2}
    yield f"\n{'KiB a minute (95 %)':<20}" + "".join(f"{name:>20}" for name in spans)
    for column in COLUMNS:
        fits = [growth(looks, column, since_s) for since_s in spans.values()]
        cells = [f"{fit.a_minute:+.2f} ± {fit.give_or_take:.2f}" if fit else "too short" for fit in fits]
        yield f"{column:<20}" + "".join(f"{cell:>20}" for cell in cells)


def windows_due(gaps: Sequence[tuple[int, int]], recorded_ms: float) -> int:
    """How many windows a recording has; each gap (its start and length in media time) ends one early."""
    begins = [0, *(start + lost for start, lost in gaps)]
    ends = [*(start for start, _ in gaps), recorded_ms]
    return sum(math.ceil((end - begin) / WINDOW_MS) for begin, end in zip(begins, ends, strict=True))


async def wrong(exam: Exam, finished: dict[str, int], recorded_ms: float) -> list[str]:
    """What the server has of the sound, and what should not be so."""
    async with asyncio.timeout(JUDGED_WITHIN_S):
        while len(exam.events("window_judged")) < finished["windows"]:
            await asyncio.sleep(1)
    stored, missing = exam.events("window_stored"), exam.events("audio_missing")
    stored_ms = sum(each["duration_ms"] for each in stored)
    lost_ms = sum(each["lost_ms"] for each in missing)
    due = windows_due([(each["start_ms"], each["lost_ms"]) for each in missing], recorded_ms)
    print(f"\n{len(stored)} windows stored, {due} expected; {len(exam.events('window_judged'))} judged")
    print(
        f"{recorded_ms / 1000:.1f} s by the clock, {stored_ms / 1000:.1f} s stored, {lost_ms / 1000:.1f} s told as lost"
    )
    found = [f"a gap: {each['lost_ms']} ms at {each['start_ms']} ms of stream {each['stream']}" for each in missing]
    if [(each["stream"], each["window"]) for each in stored] != [(1, number) for number in range(due)]:
        found.append(f"windows: {[(each['stream'], each['window']) for each in stored]}")
    if len(stored) != finished["windows"]:
        found.append(f"the candidate was told of {finished['windows']} windows")
    if abs(stored_ms + lost_ms - recorded_ms) > CLOSE_MS:
        found.append(f"{recorded_ms - stored_ms - lost_ms:.0f} ms are neither stored nor told as lost")
    return found


def _heads() -> str:
    """Whose and what, one below the other."""
    rows = zip(*(column.partition(": ")[::2] for column in COLUMNS), strict=True)
    first, second = ("".join(f"{word:>{WIDTH}}" for word in row) for row in rows)
    return f"minute{first}  windows\n{'':>6}{second}    (KiB)"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make endurance", description=__doc__)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--speech", choices=("two-voices", "one-voice"), default="two-voices")
    parser.add_argument("--snapshots", type=Path, help="heap snapshots of minute 5 and of the last go into this folder")
    read = parser.parse_args()
    if read.snapshots:
        read.snapshots.mkdir(parents=True, exist_ok=True)
    with (
        short_folder() as data,
        tempfile.TemporaryDirectory() as folder,
        running_server(data, workers=1) as server,
    ):
        found = asyncio.run(sit(read.minutes, Path(folder), server, read.speech, read.snapshots))
    for line in found or ["nothing is missing, nothing doubled, and no gap was told"]:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
