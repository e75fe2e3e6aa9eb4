"""Whole recordings: each becomes a finished stream of its participant, in one transaction, or nothing at all.

An upload never holds a candidate's line, and takes it from nobody: while a stream of the participant is, or may yet be,
resumed, it is refused. Locks are taken in the order of `streams`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

import anyio

from undertone.core.errors import Conflict, NotFound, RemoteFault, Unavailable
from undertone.core.events import CandidateMoved
from undertone.core.uploads import placed
from undertone.core.window import WindowClosed
from undertone.store.admission import admitted, check_rate
from undertone.store.clips import ClipStore, clip_id, clip_object
from undertone.store.database import Database, Row, Transaction
from undertone.store.events import Moved, NewEvent, append
from undertone.store.stream_queries import (
    FINISH_STREAM,
    LOCK_PARTICIPANT,
    MEETING_STREAMS,
    NEW_STREAM,
    OWN_PARTICIPANT,
    PARTICIPANT,
    STREAM_AND_PART,
)
from undertone.store.stream_rows import Owner, millis, opening_of
from undertone.store.stream_windows import fingerprint, insert_window, window_told

log = logging.getLogger(__name__)

# As long as a live candidate's audio waits for a store that is away, all in all; the page behind an upload never sends
# it again.
PATIENCE_S: Final = 30.0
RETRY_FIRST_S: Final = 0.25
RETRY_MOST_S: Final = 4.0

# A newer stream would end this one for good: it is held, or its sender's buffer of 15 minutes still reaches back to it.
LIVE: Final = """
select s.stream from streams s join participants p using (meeting, participant)
where s.meeting = :meeting and s.participant = :participant and s.stream = p.streams and s.finished_at is null
  and (p.node is not null or p.seen_at > now() - interval '15 minutes')
"""

# A commit whose answer was lost. Only ours names the clip; where it has been judged and its name is gone since, another
# upload may begin with the same minute of silence, but hardly has as many bytes.
WRITTEN: Final = """
select w.stream from windows w join streams s using (meeting, participant, stream)
where w.meeting = :meeting and w.participant = :participant and w.stream > :before and w.number = 0
  and s.total_bytes = :total_bytes and (w.clip = :clip or w.clip is null and w.fingerprint = :fingerprint)
order by w.clip is null, w.stream limit 1
"""

VERDICTS: Final = """
select number, outcome, reason, clip from windows
where meeting = :meeting and participant = :participant and stream = :stream
order by number
"""

# An anomaly's row does not tell which clip it began with once it has grown: a participant's windows may lie in another
# order than they came in. By the primary key, from the upload on.
OPENED_WITH: Final = """
select body -> 'anomaly' -> 'evidence' -> 0 ->> 'clip' as clip from events
where meeting = :meeting and id > :after and kind = 'anomaly_opened' and participant = :participant
"""

# More than anybody reads in a table; the channel and its snapshot have them all.
REPORTS: Final = """
select a.opened_at, coalesce(p.external_id, p.participant) as participant, p.name,
       a.evidence -> 0 ->> 'clip' as clip
from anomalies a join participants p using (meeting, participant)
where a.meeting = :meeting order by a.opened_at desc, a.anomaly desc limit 1000
"""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kept:
    """An upload that is durable: which stream it is, how many windows that has, and the last event that told of it."""

    meeting: str
    participant: str
    stream: int
    windows: int
    event: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A window of an upload; `outcome` is None while it waits."""

    number: int
    outcome: str | None
    reason: str | None
    clip: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """An anomaly as a line of a list. `participant` is the `external_id` where there is one."""

    at: datetime
    participant: str
    name: str
    clip: str | None


class Uploads:
    """The uploads that one node takes. `moved` is called after each commit that wrote events.

    `writing` is the candidates' pool. Who waits for a verdict asks `reading`: they are many, and not to stand before
    what candidates send.
    """

    def __init__(
        self,
        writing: Database,
        reading: Database,
        clips: ClipStore,
        moved: Moved,
        node: str,
        *,
        max_speed: float,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._writing = writing
        self._reading = reading
        self._clips = clips
        self._moved = moved
        self._node = node
        self._max_speed = max_speed
        self._patience_s = patience_s

    async def keep(
        self,
        meeting: str,
        participant: str,
        windows: Sequence[WindowClosed],
        total_bytes: int,
        since: float,
        *,
        created_with_it: bool = False,
    ) -> Kept:
        """Make all windows durable, and wake the analysis. The sound ended when the upload began: `since`, by anyio's
        clock. `created_with_it`: the participant was unknown before this upload, whose sound is older.

        Raises NotFound, Revoked, MeetingEnded, Conflict (somebody streams), RateLimited, Unavailable.
        """
        key: dict[str, object] = {"meeting": meeting, "participant": participant}
        give_up_at = anyio.current_time() + self._patience_s
        before = (await self._patiently(lambda _: self._admit(key), give_up_at))["streams"]
        tried: list[str] = []
        in_doubt = False  # an attempt to write may have been committed, or yet be

        async def put(window: WindowClosed, _again: bool) -> str:
            # Each attempt has a name of its own: one that was not answered in time may still fail, and take its file.
            tried.append(clip := clip_id(participant, None, window.window))
            await self._clips.put(clip_object(meeting, clip), window.clip)
            return clip

        async def write(again: bool) -> tuple[int, int]:
            nonlocal in_doubt
            written = {"before": before, "clip": clips[0], "fingerprint": fingerprint(windows[0])} if again else None
            try:
                return await self._write(key, windows, clips, total_bytes, since, created_with_it, written)
            except Unavailable:
                in_doubt = True
                raise

        try:
            clips = [await self._patiently(partial(put, each), give_up_at) for each in windows]
            stream, event = await self._patiently(write, give_up_at)
        except (RemoteFault, Conflict):
            if not in_doubt:  # else the sweeper knows, within the hour
                await self._drop(meeting, tried)
            raise
        self._moved(meeting)
        return Kept(meeting, participant, stream, len(windows), event)

    async def verdicts(self, kept: Kept) -> list[Judged]:
        """What is known of the upload's windows. Raises NotFound if they are gone with their meeting."""
        key = {"meeting": kept.meeting, "participant": kept.participant, "stream": kept.stream}
        rows = await self._reading.fetch_all(VERDICTS, key)
        if len(rows) < kept.windows:
            raise NotFound("the meeting was deleted")
        return [Judged(row["number"], row["outcome"], row["reason"], row["clip"]) for row in rows]

    async def opened_with(self, kept: Kept) -> set[str]:
        """The clips with which anomalies of this participant began since the upload."""
        key = {"meeting": kept.meeting, "participant": kept.participant, "after": kept.event}
        return {row["clip"] for row in await self._reading.fetch_all(OPENED_WITH, key)}

    async def reports(self, meeting: str) -> list[Report]:
        """The meeting's anomalies, newest first."""
        rows = await self._reading.fetch_all(REPORTS, {"meeting": meeting})
        return [Report(row["opened_at"], row["participant"], row["name"], row["clip"]) for row in rows]

    async def _admit(self, key: dict[str, object]) -> Row:
        """Asked before anything is put."""
        found = admitted(await self._writing.fetch_one(PARTICIPANT, key), None)
        await _check_free(self._writing, key)
        await check_rate(self._writing, key, found)
        return found

    async def _write(
        self,
        key: dict[str, object],
        windows: Sequence[WindowClosed],
        clips: Sequence[str],
        total_bytes: int,
        since: float,
        created_with_it: bool,
        written: dict[str, object] | None,
    ) -> tuple[int, int]:
        """The whole stream; its number, and that of the last event.

        `written` tells how an earlier attempt would be known, if there was one; its events are looked for among all.
        """
        async with self._writing.transaction() as tx:
            locked = await tx.fetch_one(LOCK_PARTICIPANT, key)  # behind an attempt that still commits
            if written is not None:
                row = await tx.fetch_one(WRITTEN, {**key, **written, "total_bytes": total_bytes})
                if row is not None:
                    return row["stream"], 0
            found = admitted(locked, None)
            await _check_free(tx, key)
            await check_rate(tx, key, found)
            number: int = found["streams"] + 1
            owned = await tx.fetch_one(OWN_PARTICIPANT, {**key, "stream": number, "node": self._node})
            assert owned is not None
            owner = Owner(str(key["meeting"]), str(key["participant"]), found["name"], number, owned["generation"])
            await tx.execute(NEW_STREAM, {**key, "stream": number, "generation": owner.generation})
            row = await tx.fetch_one(STREAM_AND_PART, {**key, "stream": number})
            assert row is not None
            earliest = {**found, "created_at": found["meeting_created_at"]} if created_with_it else found
            opening = opening_of(number, row, b"", earliest, 0)
            age_ms = round((anyio.current_time() - since) * 1000)
            stored = placed(opening, windows, age_ms, millis(found["now"]), self._max_speed)
            moved = CandidateMoved(stream=number)
            told = [NewEvent("candidate_streaming", moved, owner.person)]
            for action, clip in zip(stored, clips, strict=True):
                assert await insert_window(tx, owner, action, clip), "nobody else writes a stream that nobody sees"
                told += window_told(owner, action)
            finish = {**key, "generation": owner.generation, "stream": number, "total_bytes": total_bytes}
            assert await tx.fetch_one(FINISH_STREAM, finish) is not None
            await tx.execute(MEETING_STREAMS, {"meeting": owner.meeting})
            events = await append(tx, owner.meeting, [*told, NewEvent("candidate_finished", moved, owner.person)])
        return number, events[-1]

    async def _drop(self, meeting: str, clips: Sequence[str]) -> None:
        with suppress(Unavailable):  # then the sweeper finds them
            for clip in clips:
                await self._clips.delete(clip_object(meeting, clip))

    async def _patiently(self, work: Callable[[bool], Awaitable[T]], give_up_at: float) -> T:
        """Tries `work(False)`, then `work(True)`, until what it needs is there again, or it is `give_up_at`."""
        pause_s, again = RETRY_FIRST_S, False
        while True:
            try:
                return await work(again)
            except Unavailable as away:
                if anyio.current_time() >= give_up_at:
                    raise
                log.warning("an upload waits: %s", away.detail)
            await anyio.sleep(pause_s)
            again = True
            pause_s = min(2 * pause_s, RETRY_MOST_S)


async def _check_free(rows: Database | Transaction, key: dict[str, object]) -> None:
    if await rows.fetch_one(LIVE, key) is not None:
        raise Conflict(
            "this participant streams over the socket: what it brings is heard already, and an upload would end it;"
            " finish the stream first, or upload under another participant_id"
        )
