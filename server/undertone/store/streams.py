"""A candidate's stream in the database: taking it over, storing its windows, leaving a part, finishing it.

One owner at a time. A hello raises the participant's `generation`; every later write is fenced by it, so that an owner
that was overtaken without noticing finds out at its next write (`TakenOver`). The stream's row keeps what resuming
needs, written in the transaction that stores the window or the part. Locks are taken in one order everywhere: the
participant's row, then the meeting's (by `events.append`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from undertone.core.errors import NotFound, TakenOver, Unavailable
from undertone.core.events import Body, CandidateMoved
from undertone.core.stream_actions import KeepAnchor, KeepGap, LeavePart, StoreWindow
from undertone.core.window import WindowClosed
from undertone.store.admission import OLDER, READINGS, Accepted, admitted, check_rate, check_resumable
from undertone.store.clips import ClipStore, clip_id, clip_object, part_object
from undertone.store.database import Database, Row, Transaction
from undertone.store.events import NewEvent, append
from undertone.store.stream_queries import (
    FINISH_STREAM,
    KEEP_ANCHOR,
    KEEP_GAP,
    LEAVE_PART,
    LOCK_PARTICIPANT,
    MEETING_STREAMS,
    NAMED_PART,
    NEW_STREAM,
    OWN_PARTICIPANT,
    OWN_STREAM,
    PARTICIPANT,
    RELEASE,
    STREAM_AND_PART,
    WRITTEN_FINISH,
    WRITTEN_WINDOW,
)
from undertone.store.stream_rows import (
    AlreadyFinished,
    Held,
    Opened,
    Owner,
    moment,
    opening_of,
    pace_values,
    pick,
    resume_values,
)
from undertone.store.stream_windows import insert_window, missing_told, window_told, written_key

log = logging.getLogger(__name__)


class Streams:
    """The streams of all candidates, as one node writes them. `moved` is called after each commit that wrote events."""

    def __init__(self, database: Database, clips: ClipStore, moved: Callable[[str], None], node: str) -> None:
        self._database = database
        self._clips = clips
        self._moved = moved
        self._node = node

    async def open(
        self,
        meeting: str,
        participant: str,
        stream: int | None,
        expires_ms: int,
        check: Callable[[int], None] = lambda generation: None,
        accepted_at: datetime | None = None,
    ) -> Opened | AlreadyFinished:
        """Take over the candidate's stream: a new one, or `stream` to resume it. The older owner can write no more.

        `check` is asked once all that takes time is over, with the generation before this one; it raises where the
        hello has been overtaken meanwhile. `accepted_at`: when its connection was, as `admit` says; None is now.
        Raises NotFound, Revoked, MeetingEnded, TakenOver (the stream has a successor), RateLimited (too many new ones),
        Unavailable.
        """
        async with self._database.transaction() as tx:
            key = {"meeting": meeting, "participant": participant}
            found = admitted(await tx.fetch_one(LOCK_PARTICIPANT, key), stream)
            check(found["generation"])
            if stream is None:
                await check_rate(tx, key, found)
            number = found["streams"] + 1 if stream is None else stream
            row = await tx.fetch_one(STREAM_AND_PART, {**key, "stream": number})
            ended = None if stream is None else check_resumable(row, stream, found["streams"])
            if ended is not None:
                return ended
            owning = {"stream": number, "node": self._node, "accepted_at": accepted_at}
            owned = await tx.fetch_one(OWN_PARTICIPANT, {**key, **owning})
            assert owned is not None
            owner = Owner(meeting, participant, found["name"], number, owned["generation"])
            opening = {**key, "stream": number, "generation": owner.generation}
            await tx.execute(NEW_STREAM if row is None else OWN_STREAM, opening)
            if row is None or found["state"] != "streaming":
                await self._tell(tx, owner, "candidate_streaming", CandidateMoved(stream=number))
            if row is None:
                row = await tx.fetch_one(STREAM_AND_PART, {**key, "stream": number})
                assert row is not None
            await tx.execute(MEETING_STREAMS, {"meeting": meeting})
        self._moved(meeting)
        try:
            part = b"" if row["object"] is None else await self._clips.get(row["object"])
        except NotFound:  # after a restore, say; nothing of it was acknowledged, so that it comes again
            log.error("part %s is missing from the clip store", row["object"])
            part = b""
        except Unavailable:
            await self.release(owner)
            raise
        return Opened(owner, opening_of(number, row, part, found, expires_ms), found["now"])

    async def admit(
        self, meeting: str, participant: str, stream: int | None, accepted: float | None = None
    ) -> Held | AlreadyFinished:
        """Whether a hello would be let in, and who holds the line now: asked before anybody is told to let go.

        `accepted`: when its connection was, by time.monotonic(). Raises as `open` does, and Unavailable if the newest
        owner's was accepted later: that can only change with the generation, for which `open` has its `check`.
        """
        key, when = {"meeting": meeting, "participant": participant}, Accepted(accepted)
        for _ in range(READINGS):
            asked = time.monotonic()
            found = admitted(await self._database.fetch_one(PARTICIPANT, key), stream)
            when.read(found["now"], asked, time.monotonic())
            if when.before(found) is not None:
                break
        if stream is None:
            await check_rate(self._database, key, found)
        else:
            row = await self._database.fetch_one(STREAM_AND_PART, {**key, "stream": stream})
            ended = check_resumable(row, stream, found["streams"])
            if ended is not None:
                return ended
        if when.before(found) is not False:
            raise Unavailable(OLDER)
        return Held(found["node"], found["generation"], when.latest)

    async def holder(self, meeting: str, participant: str) -> Held | None:
        """Who holds the candidate's line now."""
        found = await self._database.fetch_one(PARTICIPANT, {"meeting": meeting, "participant": participant})
        return None if found is None else Held(found["node"], found["generation"])

    async def release(self, owner: Owner) -> None:
        """Give the line up as it is."""
        await self._database.execute(RELEASE, {**owner.key, "generation": owner.generation})

    async def put_clip(self, owner: Owner, window: WindowClosed) -> str:
        """The first half of storing a window: its bytes. Returns the clip's id, for `store_window`."""
        clip = clip_id(owner.participant, owner.stream, window.window)
        await self._clips.put(clip_object(owner.meeting, clip), window.clip)
        return clip

    async def store_window(self, owner: Owner, action: StoreWindow, clip: str, part: str | None = None) -> None:
        """Make a window durable whose `clip` was put. Raises TakenOver, Unavailable; may be said again with that clip.

        `part` names the object that the window was made of, if nobody took that up.
        """
        async with self._database.transaction() as tx:
            if await insert_window(tx, owner, action, clip, part):
                await append(tx, owner.meeting, window_told(owner, action))
                written: Row | None = {"clip": clip}
            else:
                written = await tx.fetch_one(WRITTEN_WINDOW, written_key(owner, action.window))
        if written is None or written["clip"] != clip:
            await self._drop(clip_object(owner.meeting, clip))
        if written is None:
            raise TakenOver("a newer connection owns the candidate")
        self._moved(owner.meeting)

    async def keep_anchor(self, owner: Owner, action: KeepAnchor) -> None:
        """Remember that sound never came, though no gap said so, and tell it once however often this is said."""
        values = {
            **owner.key,
            "generation": owner.generation,
            "stream": owner.stream,
            "anchor_at": moment(action.anchor_ms),
        }
        async with self._database.transaction() as tx:
            await tx.fetch_one(LOCK_PARTICIPANT, owner.key)
            if await tx.fetch_one(KEEP_ANCHOR, values) is not None:
                await append(tx, owner.meeting, missing_told(owner, action.missing))
        self._moved(owner.meeting)

    async def keep_gap(self, owner: Owner, action: KeepGap) -> None:
        """Remember a gap, and tell it once however often it is said."""
        values = {
            **owner.key,
            **resume_values(action.resume),
            **pace_values(action),
            "generation": owner.generation,
            "stream": owner.stream,
        }
        async with self._database.transaction() as tx:
            await tx.fetch_one(LOCK_PARTICIPANT, owner.key)
            if await tx.fetch_one(KEEP_GAP, values) is not None and action.missing is not None:
                await append(tx, owner.meeting, missing_told(owner, action.missing))
        self._moved(owner.meeting)

    async def put_part(self, owner: Owner, action: LeavePart) -> str:
        """The first half of leaving a part: its bytes, if there are any. Returns the object, for `leave_part`."""
        name = part_object(owner.meeting, owner.participant, owner.stream)
        if action.data:
            await self._clips.put(name, action.data)
        return name

    async def leave_part(self, owner: Owner, action: LeavePart, name: str) -> None:
        """Keep the open window's bytes, which were put as `name`, for whoever resumes, and give the stream up."""
        values = {
            **owner.key,
            **resume_values(action.resume),
            **pace_values(action),
            "generation": owner.generation,
            "stream": owner.stream,
            "object": name,
            "bytes": len(action.data),
        }
        async with self._database.transaction() as tx:
            await tx.fetch_one(LOCK_PARTICIPANT, owner.key)
            left = await tx.fetch_one(LEAVE_PART, values)
            left = left or await tx.fetch_one(NAMED_PART, {"meeting": owner.meeting, "object": name})
            await tx.fetch_one(RELEASE, {**owner.key, "generation": owner.generation})

        if action.data and left is None:
            await self._drop(name)

    async def _drop(self, name: str) -> None:
        """An object that no row came to name: the owner was overtaken, or the meeting deleted."""
        with suppress(Unavailable):  # then the sweeper finds it within the hour
            await self._clips.delete(name)

    async def finish(self, owner: Owner, total_bytes: int) -> int:
        """End the stream; returns how many windows it has. Raises TakenOver, Unavailable."""
        values = {**owner.key, "generation": owner.generation, "stream": owner.stream, "total_bytes": total_bytes}
        async with self._database.transaction() as tx:
            row = await tx.fetch_one(FINISH_STREAM, values)
            if row is not None:
                await self._tell(tx, owner, "candidate_finished", CandidateMoved(stream=owner.stream))
            else:
                row = await tx.fetch_one(WRITTEN_FINISH, pick(values, "stream", "generation"))
        if row is None:
            raise TakenOver("a newer connection owns the candidate")
        self._moved(owner.meeting)
        return int(row["next_window"])

    async def _tell(self, tx: Transaction, owner: Owner, kind: str, body: Body) -> None:
        await append(tx, owner.meeting, [NewEvent(kind, body, owner.person)])
