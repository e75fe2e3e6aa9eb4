"""The analysis loop: claims windows while the ear has room, has each heard, and ends it by its verdict.

A window in hand is a task of its own, which keeps the lease, and is shielded from the loop's cancellation: a process
that is told to stop claims nothing more, finishes what it can, and gives the rest back untried.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import anyio

from undertone.core.errors import NotFound, Unavailable
from undertone.core.verdict import Diarization
from undertone.diarize.base import Clip, Place
from undertone.store.clips import ClipStore
from undertone.store.windows import MOST_ATTEMPTS, Claimed, Windows
from undertone.worker.ears import AnalysisFailed, Ear, room

log = logging.getLogger(__name__)

# A quarter of the lease: three renewals may get lost.
RENEW_S: Final = 5.0
# Notices say when something waits; looking anyway costs a millisecond, and finds what a lost notice, a lease that ran
# out or a failed window's pause left. Spread, so that many workers don't look at the same moment.
POLL_S: Final = 3.0
# Every stored window of every meeting wakes every idle worker: it looks at most 20 times a second.
LOOK_EVERY_S: Final = 0.05
# The whole process has 20 s to go; the rest is for giving back, and for what stops after us.
DRAIN_S: Final = 15.0
GIVE_BACK_S: Final = 3.0
# A window whose clip can't be fetched now waits so long, and so does asking a database that is away.
AWAY_S: Final = 5.0
# The same where its engine is: each window asks it for as long as a window has, a minute, before it counts as away.
ENGINE_AWAY_S: Final = 30.0
FIRST_RETRY_S: Final = 0.2
# What is said of an analysis that ended no window: the lease went, or the voice it was compared with was dismissed.
NOT_OURS: Final = "somebody else's, or to be heard again, after"

T = TypeVar("T")


class Wake:
    """A bell for a loop that waits: ringing it twice is ringing it once. For one thread."""

    def __init__(self) -> None:
        self._rung = anyio.Event()

    def ring(self) -> None:
        """There may be something to do."""
        self._rung.set()

    async def wait(self, at_most_s: float) -> None:
        """Until it rings, or has rung since the last wait, or the time is over."""
        with anyio.move_on_after(at_most_s):
            await self._rung.wait()
        self._rung = anyio.Event()


class AnalysisLoop:
    """As many windows in hand as the ear has room for. `worker` names this process in the rows it has leased."""

    def __init__(
        self,
        windows: Windows,
        clips: ClipStore,
        ear: Ear,
        wake: Wake,
        worker: str,
        *,
        renew_s: float = RENEW_S,
        poll_s: float = POLL_S,
        drain_s: float = DRAIN_S,
    ) -> None:
        self._windows = windows
        self._clips = clips
        self._ear = ear
        self._wake = wake
        self._worker = worker
        self._renew_s = renew_s
        self._poll_s = poll_s
        self._drain_s = drain_s
        self._in_hand: set[anyio.CancelScope] = set()
        self._leave_by = float("inf")

    async def run(self) -> None:
        """Until it is cancelled; then it takes up to `drain_s` to finish what it has in hand.

        Raises EngineUnusable where no window could be analysed.
        """
        try:
            await self._run()
        finally:
            with anyio.CancelScope(shield=True):
                await self._ear.close()

    async def _run(self) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._ear.warm)
            self._ear.on_room(self._wake.ring)
            try:
                while True:
                    free = room(self._ear, len(self._in_hand))
                    looked_at = anyio.current_time()
                    claims = await self._claim(free)
                    for claimed in claims:
                        scope = anyio.CancelScope(shield=True)
                        self._in_hand.add(scope)
                        tasks.start_soon(self._hold, claimed, scope)
                    if len(claims) < free or free == 0:
                        await self._wake.wait(self._poll_s * random.uniform(0.8, 1.2))  # noqa: S311
                    if len(claims) < free:
                        await anyio.sleep_until(looked_at + LOOK_EVERY_S)
            finally:
                self._leave_by = anyio.current_time() + self._drain_s
                for scope in self._in_hand:
                    scope.deadline = self._leave_by

    async def _claim(self, free: int) -> list[Claimed]:
        """Shielded: cancelled while committing, it would leave windows leased to nobody."""
        if free == 0:
            return []
        with anyio.CancelScope(shield=True):
            try:
                return await self._windows.claim(self._worker, free)
            except Unavailable as fault:
                log.warning("nothing can be claimed: %s", fault.detail)
        return []

    async def _hold(self, claimed: Claimed, scope: anyio.CancelScope) -> None:
        """One window in hand, until it is ended, given back, or somebody else's."""
        scope.deadline = self._leave_by
        try:
            with scope:
                try:
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(self._keep, claimed, tasks.cancel_scope)
                        await self._treat(claimed)
                        tasks.cancel_scope.cancel()
                finally:
                    if scope.cancel_called:
                        await self._give_back(claimed)
        finally:
            self._in_hand.remove(scope)
            self._wake.ring()

    async def _keep(self, claimed: Claimed, in_hand: anyio.CancelScope) -> None:
        """Renews the lease, and lets go of a window that is not ours any more."""
        while True:
            await anyio.sleep(self._renew_s)
            try:
                ours = await self._windows.renew(claimed)
            except Unavailable as fault:
                log.warning("%s: the lease was not renewed: %s", _named(claimed), fault.detail)
                continue
            if not ours:
                log.warning("%s: somebody else has it now", _named(claimed))
                in_hand.cancel()

    async def _treat(self, claimed: Claimed) -> None:
        if claimed.attempts > MOST_ATTEMPTS:
            await self._fail(claimed, f"the worker died {MOST_ATTEMPTS} times while analysing it")
            return
        try:
            clip = await self._clips.get(claimed.object_name)
        except Unavailable as fault:
            log.warning("%s: put off: %s", _named(claimed), fault.detail)
            await self._persist(lambda: self._windows.release(claimed, AWAY_S))
            return
        except NotFound:
            await self._fail(claimed, "its clip is missing from the clip store")
            return
        started = anyio.current_time()
        try:
            place = Place(claimed.stream, claimed.start_ms, claimed.start_ms + claimed.duration_ms)
            heard = await self._ear.analyse(
                Clip(clip, claimed.lead_in_samples, claimed.samples, claimed.sample_rate, place),
                claimed.profile,
                claimed.expected_voices,
            )
        except AnalysisFailed as failed:
            if failed.away and await self._persist(lambda: self._windows.put_off(claimed, ENGINE_AWAY_S)):
                level = logging.DEBUG if failed.said else logging.WARNING
                log.log(level, "%s: put off: %s", _named(claimed), failed.reason)
                return
            await self._fail(claimed, failed.reason, said=failed.said)
            return
        took_ms = round((anyio.current_time() - started) * 1000)
        await self._judge(claimed, heard, took_ms)

    async def _judge(self, claimed: Claimed, heard: Diarization, took_ms: int) -> None:
        try:
            ours = await self._persist(lambda: self._windows.judge(claimed, heard))
        except Exception as error:  # a bug of ours: loud, but one window must not stop all the others
            log.exception("%s: its verdict could not be written", _named(claimed))
            await self._fail(claimed, f"its verdict could not be written: {type(error).__name__}")
            return
        log.info("%s: %s in %d ms", _named(claimed), "judged" if ours else NOT_OURS, took_ms)

    async def _fail(self, claimed: Claimed, reason: str, *, said: bool = False) -> None:
        level = logging.DEBUG if said else logging.WARNING
        log.log(level, "%s: attempt %d failed: %s", _named(claimed), claimed.attempts, reason)
        await self._persist(lambda: self._windows.failed(claimed, reason))

    async def _give_back(self, claimed: Claimed) -> None:
        """We leave, and did not finish."""
        with anyio.move_on_after(GIVE_BACK_S, shield=True):
            try:
                await self._windows.release(claimed)
                log.info("%s: given back", _named(claimed))
            except Unavailable as fault:
                log.warning("%s: its lease will run out: %s", _named(claimed), fault.detail)

    async def _persist(self, write: Callable[[], Awaitable[T]]) -> T:
        """Writes, however long the database is away: what was heard is worth more than the time to hear it again."""
        pause = FIRST_RETRY_S
        while True:
            try:
                return await write()
            except Unavailable as fault:
                log.warning("to be written again: %s", fault.detail)
            await anyio.sleep(pause)
            pause = min(2 * pause, AWAY_S)


def _named(claimed: Claimed) -> str:
    return f"window {claimed.meeting}/{claimed.participant}/{claimed.stream}/{claimed.number}"
