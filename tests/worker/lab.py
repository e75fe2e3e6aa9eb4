"""A queue of clips that say what their engine is to do, and a process that works on it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from tests.store.exam import Exam, open_exam
from tests.worker.engines import LOADER
from undertone.store.clips import ClipStore
from undertone.store.clips_folder import FolderClips
from undertone.store.windows import Windows
from undertone.worker.analyzers import Analyzers
from undertone.worker.ears import Ear
from undertone.worker.loop import AnalysisLoop, Wake

WITHIN_S = 100.0  # nothing here takes that long but on a machine that does many other things


class Lab:
    """One database, one clip store, and as many loops as a test starts."""

    def __init__(self, exam: Exam, clips: ClipStore, url: str) -> None:
        self.exam = exam
        self.clips = clips
        self.url = url

    async def window(self, command: str, number: int = 0, participant: str = "ada", meeting: str = "m") -> str:
        """A stored window whose clip says `command`; returns its object."""
        name = await self.exam.window(number, participant, meeting)
        await self.clips.put(name, f"{command}|".encode())
        return name

    def loop(
        self,
        *,
        count: int = 1,
        ear: Ear | None = None,
        clips: ClipStore | None = None,
        wake: Wake | None = None,
        deadline_s: float = 30.0,
        lease_s: float = 20.0,
        renew_s: float = 5.0,
        retry_s: float = 0.05,
        poll_s: float = 0.2,
        drain_s: float = 15.0,
    ) -> AnalysisLoop:
        return AnalysisLoop(
            Windows(self.exam.database, self.exam.moved.append, lease_s=lease_s, retry_s=retry_s),
            clips or self.clips,
            ear or Analyzers("obedient", count, deadline_s=deadline_s, loader=LOADER),
            wake or Wake(),
            "tested",
            renew_s=renew_s,
            poll_s=poll_s,
            drain_s=drain_s,
        )

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Waits for it."""
        with anyio.fail_after(WITHIN_S):
            while not await holds():
                await anyio.sleep(0.02)

    async def judged(self, count: int) -> None:
        """Waits until so many windows have an outcome."""

        async def enough() -> bool:
            done: int = await self.exam.value("select count(*) from windows where outcome is not null")
            return done >= count

        await self.until(enough)

    async def leased(self) -> None:
        """Waits until some window is in somebody's hands."""

        async def held() -> bool:
            count: int = await self.exam.value("select count(*) from windows where leased_by is not null")
            return count > 0

        await self.until(held)


@asynccontextmanager
async def open_lab(url: str, folder: Path) -> AsyncIterator[Lab]:
    async with open_exam(url) as exam:
        yield Lab(exam, FolderClips(folder), url)


async def until_judged(lab: Lab, count: int, *loops: AnalysisLoop) -> None:
    """Runs the loops until so many windows have an outcome."""
    async with anyio.create_task_group() as tasks:
        for loop in loops or (lab.loop(),):
            tasks.start_soon(loop.run)
        await lab.judged(count)
        tasks.cancel_scope.cancel()


async def _work(url: str, folder: Path, lease_s: float) -> None:
    async with open_lab(url, folder) as lab:
        await lab.loop(lease_s=lease_s, renew_s=lease_s / 4).run()


if __name__ == "__main__":
    anyio.run(_work, sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
