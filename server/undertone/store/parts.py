"""Parts that nobody took up become short windows: reloading a tab, or leaving for good, hides nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from undertone.core.errors import NotFound, TakenOver, Unavailable
from undertone.core.stream_actions import StoreWindow
from undertone.core.window import Resume, WindowClosed, WindowCutter
from undertone.store.clips import ClipStore
from undertone.store.database import Database, Row
from undertone.store.stream_rows import Owner, millis, resume_of
from undertone.store.streams import Streams

log = logging.getLogger(__name__)

# Due: nobody holds the candidate's line and 60 s have passed, or a newer stream overtook this one; then a stale owner
# has 5 s to leave a longer part before this one is taken for the last.
DUE_PARTS: Final = """
select t.meeting, t.participant, t.stream
from parts t join participants p using (meeting, participant)
where (p.node is null and greatest(t.left_at, p.seen_at) < now() - interval '60 seconds')
   or (t.stream < p.streams and t.left_at < now() - interval '5 seconds')
order by t.left_at
limit 100
"""

PART: Final = """
select s.*, t.object, p.name
from parts t join streams s using (meeting, participant, stream) join participants p using (meeting, participant)
where t.meeting = :meeting and t.participant = :participant and t.stream = :stream
  and (p.node is null or t.stream < p.streams)
"""

# The part held not one whole frame: there is nothing to judge.
DROP_PART: Final = """
with taken as (
    delete from parts where meeting = :meeting and participant = :participant and stream = :stream and object = :object
    returning object
)
insert into deletions (meeting, object) select :meeting, object from taken on conflict do nothing
"""


class Parts:
    """What broken connections left behind."""

    def __init__(self, database: Database, clips: ClipStore, moved: Callable[[str], None]) -> None:
        self._database = database
        self._clips = clips
        # A part's window is written in the name of the stream's last owner: no node of its own.
        self._streams = Streams(database, clips, moved, node="")

    async def flush_due(self) -> int:
        """Turn every due part into a short window; returns how many. Several sweepers at once do no harm."""
        flushed, away = 0, None
        for due in await self._database.fetch_all(DUE_PARTS):
            try:
                flushed += await self.flush(due["meeting"], due["participant"], due["stream"])
            except Unavailable as fault:  # one that can't be read must not keep all others waiting
                log.warning("the part of stream %s of %s waits: %s", due["stream"], due["participant"], fault)
                away = fault
        if away is not None and not flushed:
            raise away
        return flushed

    async def flush(self, meeting: str, participant: str, stream: int) -> bool:
        """Turn one part into a short window, unless it is gone or taken up. Raises Unavailable."""
        key = {"meeting": meeting, "participant": participant, "stream": stream}
        row = await self._database.fetch_one(PART, key)
        if row is None:
            return False
        try:
            data = await self._clips.get(row["object"])
        except NotFound:
            log.error("part %s is missing from the clip store", row["object"])
            data = b""
        windows = short_windows(resume_of(row), data)
        if not windows:
            await self._database.execute(DROP_PART, {**key, "object": row["object"]})
            return False
        owner = Owner(meeting, participant, row["name"], stream, row["generation"])
        for window in windows:
            try:
                clip = await self._streams.put_clip(owner, window)
                await self._streams.store_window(owner, _stored(window, row), clip, part=row["object"])
            except TakenOver:  # taken up, or flushed by another sweeper, at this very moment
                return False
        return True


def short_windows(resume: Resume, data: bytes) -> list[WindowClosed]:
    """The windows in a part's bytes: one, shorter than 60 s."""
    cutter = WindowCutter(resume)
    windows = cutter.feed(data)
    last = cutter.flush()
    return windows if last is None else [*windows, last]


def _stored(window: WindowClosed, row: Row) -> StoreWindow:
    left_at: datetime = row["credit_at"] or row["created_at"]
    anchor: datetime = row["anchor_at"] or row["created_at"]
    return StoreWindow(window, millis(anchor), row["credit_ms"] or 0, millis(left_at))
