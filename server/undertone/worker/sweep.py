"""The sweeper: chores that no request waits for, each by its own clock, in every process and harmlessly so."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import anyio

from undertone.core.errors import Unavailable
from undertone.store.clips import ALL_CLIPS, ClipStore, Stored
from undertone.store.meetings import Meetings
from undertone.store.sweeps import BATCH, Candidate, Deletion, Sweeps

log = logging.getLogger(__name__)

# A clip is put and then named by a row within seconds; an hour forgives every clock and every retry.
UNNAMED_FOR: Final = timedelta(hours=1)
# Deletions side by side: a store far away answers in 100 ms, and a full minute of 10,000 candidates is 170 a second.
DELETIONS_AT_ONCE: Final = 16

Chore = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Kept:
    """For how many days an ended meeting, and any event, is kept."""

    meeting_days: int
    event_days: int


class Sweeper:
    """`flush_due_parts` turns parts that nobody took up into short windows."""

    def __init__(
        self,
        sweeps: Sweeps,
        clips: ClipStore,
        meetings: Meetings,
        flush_due_parts: Chore,
        kept: Kept,
        *,
        keep_profiles: bool = True,
    ) -> None:
        self._sweeps = sweeps
        self._clips = clips
        self._meetings = meetings
        self._kept = kept
        self._keep_profiles = keep_profiles
        # Seconds between two rounds. Those that somebody watches are quick; those that read much are rare.
        self._chores: tuple[tuple[float, Chore], ...] = (
            (5, sweeps.lose_candidates),
            (5, flush_due_parts),
            (15, self.delete_objects),
            (30, sweeps.lose_unheld),
            (300, sweeps.forget_nodes),
            (300, self.end_idle_meetings),
            (600, self.forget_profiles),
            (600, self.delete_expired_meetings),
            (600, self.trim_events),
            (3600, self.delete_unnamed_objects),
        )

    async def run(self) -> None:
        """Until cancelled. What is away is tried again next time; anything else is a bug and stops the process."""
        async with anyio.create_task_group() as tasks:
            for every_s, chore in self._chores:
                tasks.start_soon(self._repeat, every_s, chore)

    async def _repeat(self, every_s: float, chore: Chore) -> None:
        # Spread, from the first round on: processes that start together need not sweep together.
        await anyio.sleep(random.uniform(0, min(every_s, 60)))  # noqa: S311
        while True:
            try:
                await chore()
            except Unavailable as fault:
                log.warning("swept again in %g s: %s", every_s, fault.detail)
            await anyio.sleep(every_s * random.uniform(0.8, 1.2))  # noqa: S311

    async def delete_objects(self) -> int:
        """Carries out what is due to be deleted; returns how many objects are gone."""
        gone = 0
        while due := await self._sweeps.take_deletions():
            done = await self._delete(due)
            if done:
                await self._sweeps.deleted(done)
            gone += len(done)
            if not done:  # the store is away: no use in going on now
                break
        return gone

    async def _delete(self, due: list[Deletion]) -> list[Deletion]:
        done: list[Deletion] = []
        failed: list[tuple[int, str]] = []
        limiter = anyio.CapacityLimiter(DELETIONS_AT_ONCE)

        async def delete(each: Deletion) -> None:
            async with limiter:
                try:
                    await self._clips.delete(each.object)
                except Unavailable as fault:
                    failed.append((each.attempts, fault.detail))
                else:
                    done.append(each)

        async with anyio.create_task_group() as tasks:
            for each in due:
                tasks.start_soon(delete, each)
        if failed:
            most, why = max(failed)
            log.warning("%d objects stay for now, after up to %d attempts: %s", len(failed), most, why)
        return done

    async def delete_unnamed_objects(self) -> int:
        """Deletes what was put but never named by a row: its process died in between. Returns how many."""
        gone = 0
        batch: list[Candidate] = []
        oldest_spared = datetime.now(UTC) - UNNAMED_FOR
        async for stored in self._clips.list(ALL_CLIPS):
            candidate = _candidate(stored)
            if candidate is not None and stored.modified_at < oldest_spared:
                batch.append(candidate)
            if len(batch) == BATCH:
                gone += await self._delete_unnamed(batch)
                batch = []
        return gone + await self._delete_unnamed(batch)

    async def _delete_unnamed(self, batch: list[Candidate]) -> int:
        unnamed = await self._sweeps.unnamed(batch) if batch else []
        for each in unnamed:
            await self._clips.delete(each.object)
        if unnamed:
            log.info("deleted %d objects that no row names", len(unnamed))
        return len(unnamed)

    async def end_idle_meetings(self) -> None:
        """A day without a stream ends a meeting."""
        for meeting in await self._sweeps.idle_meetings():
            if await self._meetings.end(meeting):
                log.info("meeting %s ended: no stream for a day", meeting)

    async def delete_expired_meetings(self) -> None:
        """What was kept long enough goes, with every object, as if somebody had deleted the meeting."""
        while expired := await self._sweeps.expired_meetings(self._kept.meeting_days):
            for meeting in expired:
                if await self._meetings.delete(meeting):
                    log.info("meeting %s deleted: it ended %d days ago", meeting, self._kept.meeting_days)

    async def forget_profiles(self) -> None:
        """Nobody's voice outlives the meeting; where none is to be kept, what was kept before goes too."""
        while await self._sweeps.forget_profiles(everybody=not self._keep_profiles):
            pass

    async def trim_events(self) -> None:
        """Events that were kept long enough go."""
        while await self._sweeps.trim_events(self._kept.event_days):
            pass


def _candidate(stored: Stored) -> Candidate | None:
    """What the object would be called by, if it is one of ours: `clips/{meeting}/{clip}.mp3` or `….part`."""
    parts = stored.object.split("/")
    if len(parts) != 3 or not parts[2].endswith((".mp3", ".part")):
        return None
    return Candidate(parts[1], parts[2].removesuffix(".mp3"), stored.object)
