"""What no single process is in charge of: objects to delete, candidates of dead nodes, and what has had its time.

Any number of processes may do any of it at once: what is taken is locked or fenced, and each step is one transaction.
All times are the database's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from undertone.core.events import CandidateMoved, Person
from undertone.store.database import Database, Row
from undertone.store.events import Moved, NewEvent, append

# Nodes write every 5 s: two signs of life lost and a third one late.
NODE_SILENT_S: Final = 15
# A node says itself after 5 s that a candidate did not come back; if it has not by now, it is no more.
UNHELD_S: Final = 30
# Its candidates are lost long before; the row itself only keeps a name from being taken for a new one's.
NODE_FORGOTTEN_S: Final = 600
# Deletions that fail are tried again after this, however often they did: what is to go, goes once the store is back.
RETRY_DELETION_S: Final = 15
# An exam is over after a day without a stream, whatever nobody told us.
IDLE_MEETING_HOURS: Final = 24
# For so long after the end, what was recorded before it may still come; then nobody needs to be recognised any more.
DELIVERY_AFTER_END_MINUTES: Final = 15
# Of everything in one go: a statement stays in milliseconds, and the next one takes the rest.
BATCH: Final = 500

LOST_REASON: Final = "the line was lost, and the server that held it"

# Putting due_at off before the attempt is what keeps two sweepers off one object, and the pause after one that failed.
# Materialized: a plan that runs the selection again would take more than the limit.
TAKE_DELETIONS: Final = """
with due as materialized (
    select meeting, object from deletions where due_at <= clock_timestamp()
    order by due_at limit :batch for update skip locked
)
update deletions d
set attempts = d.attempts + 1, due_at = clock_timestamp() + make_interval(secs => :retry_s)
from due
where d.meeting = due.meeting and d.object = due.object
returning d.meeting, d.object, d.attempts
"""

DELETED: Final = """
delete from deletions d
using unnest(cast(:meetings as text[]), cast(:objects as text[])) as gone (meeting, object)
where d.meeting = gone.meeting and d.object = gone.object
"""

# By the indexes windows_clip, parts' and deletions' keys. :meetings, :clips and :objects stand side by side.
NAMED: Final = """
select o.object
from unnest(cast(:meetings as text[]), cast(:clips as text[]), cast(:objects as text[])) as o (meeting, clip, object)
where exists (select from windows w where w.meeting = o.meeting and w.clip = o.clip)
   or exists (select from parts t where t.meeting = o.meeting and t.object = o.object)
   or exists (select from deletions d where d.meeting = o.meeting and d.object = o.object)
"""

# By the index participants_node.
SILENT_NODES_MEETINGS: Final = """
select distinct p.meeting
from participants p
where p.node is not null
  and not exists (
      select from nodes n where n.id = p.node and n.seen_at > now() - make_interval(secs => :silent_s)
  )
limit :batch
"""

# Whose line was given up, and whose node died before it could say so.
UNHELD_MEETINGS: Final = """
select distinct p.meeting
from meetings m join participants p using (meeting)
where (m.ended_at is null or m.ended_at > now() - interval '1 day')
  and p.node is null and p.state in ('streaming', 'degraded', 'silent')
  and p.seen_at < now() - make_interval(secs => :unheld_s)
limit :batch
"""

# Looked at again under the lock: the node may be back, or another one may have taken the candidate over. A part that
# the node left has its time from here on.
LOSE_CANDIDATES: Final = """
with forsaken as materialized (
    select p.participant, p.state in ('streaming', 'degraded', 'silent') as live
    from participants p
    where p.meeting = :meeting
      and case when p.node is null then
              p.state in ('streaming', 'degraded', 'silent')
              and p.seen_at < clock_timestamp() - make_interval(secs => :unheld_s)
          else not exists (
              select from nodes n
              where n.id = p.node and n.seen_at > clock_timestamp() - make_interval(secs => :silent_s)
          ) end
    order by p.participant
    limit :batch
    for update of p skip locked
)
update participants p
set node = null, seen_at = case when p.node is null then p.seen_at else clock_timestamp() end,
    state = case when f.live then 'lost' else p.state end,
    reason = case when f.live then cast(:reason as text) else p.reason end
from forsaken f
where p.meeting = :meeting and p.participant = f.participant
returning p.participant, p.name, p.streams, f.live
"""

FORGET_NODES: Final = "delete from nodes where seen_at < now() - make_interval(secs => :forgotten_s)"

# Somebody who streams for more than a day is no reason to end.
IDLE_MEETINGS: Final = """
select m.meeting from meetings m
where m.ended_at is null and m.last_stream_at < now() - make_interval(hours => :hours)
  and not exists (select from participants p where p.meeting = m.meeting and p.node is not null)
order by m.last_stream_at limit :batch
"""

EXPIRED_MEETINGS: Final = """
select meeting from meetings
where ended_at < now() - make_interval(days => :days)
order by ended_at limit :batch
"""

FORGET_PROFILES: Final = """
with forgettable as materialized (
    select p.meeting, p.participant
    from meetings m join participants p using (meeting)
    where p.profile is not null and (cast(:everybody as boolean) or (
        m.ended_at < now() - make_interval(mins => :minutes)
        and not exists (select from windows w where w.meeting = p.meeting and w.participant = p.participant
                        and w.outcome is null)
        and not exists (select from parts t where t.meeting = p.meeting and t.participant = p.participant)
    ))
    limit :batch
    for update of p skip locked
)
update participants p set profile = null
from forgettable f
where p.meeting = f.meeting and p.participant = f.participant
returning p.participant
"""

# By the index events_age, oldest first.
OLD_EVENTS: Final = """
select meeting, max(id) as id
from (select meeting, id from events where at < now() - make_interval(days => :days) order by at limit :batch) as old
group by meeting
"""

# Ids are given in the order of time, so that everything up to the newest old event goes. The meeting's row first: a
# reader sees the events and the mark that says they are gone change together.
TRIM_EVENTS: Final = """
with mark as (
    update meetings set trimmed_to = greatest(trimmed_to, :id) where meeting = :meeting returning meeting
)
delete from events e using mark where e.meeting = mark.meeting and e.id <= :id
"""


@dataclass(frozen=True, slots=True)
class Deletion:
    """An object that nobody needs, taken for an attempt to delete it."""

    meeting: str
    object: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """An object of the clip store that may belong to nobody. `clip` is its id if it is a window's, else empty."""

    meeting: str
    clip: str
    object: str


class Sweeps:
    """The statements of all sweeping. Everything raises Unavailable while the database is away."""

    def __init__(self, database: Database, moved: Moved) -> None:
        self._database = database
        self._moved = moved

    async def take_deletions(self) -> list[Deletion]:
        """Some objects whose deletion is due, nobody else's until the attempt is due again."""
        values = {"retry_s": RETRY_DELETION_S, "batch": BATCH}
        rows = await self._database.fetch_all(TAKE_DELETIONS, values)
        return [Deletion(row["meeting"], row["object"], row["attempts"]) for row in rows]

    async def deleted(self, done: Sequence[Deletion]) -> None:
        """These objects are gone."""
        values = {"meetings": [each.meeting for each in done], "objects": [each.object for each in done]}
        await self._database.execute(DELETED, values)

    async def unnamed(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Those that no row names."""
        values = {
            "meetings": [each.meeting for each in candidates],
            "clips": [each.clip for each in candidates],
            "objects": [each.object for each in candidates],
        }
        named = {row["object"] for row in await self._database.fetch_all(NAMED, values)}
        return [each for each in candidates if each.object not in named]

    async def lose_candidates(self) -> int:
        """Candidates of silent nodes are lost, with an event each; returns how many."""
        values = {"silent_s": NODE_SILENT_S, "batch": BATCH}
        return await self._lose(await self._database.fetch_all(SILENT_NODES_MEETINGS, values))

    async def lose_unheld(self) -> int:
        """Candidates whose line nobody holds, and whom nobody said to be lost, are; returns how many."""
        values = {"unheld_s": UNHELD_S, "batch": BATCH}
        return await self._lose(await self._database.fetch_all(UNHELD_MEETINGS, values))

    async def _lose(self, meetings: Sequence[Row]) -> int:
        lost = 0
        for meeting in (row["meeting"] for row in meetings):
            values = {"silent_s": NODE_SILENT_S, "unheld_s": UNHELD_S, "reason": LOST_REASON, "batch": BATCH}
            async with self._database.transaction() as tx:
                rows = await tx.fetch_all(LOSE_CANDIDATES, {"meeting": meeting, **values})
                events = [
                    NewEvent(
                        "candidate_lost",
                        CandidateMoved(stream=row["streams"], reason=LOST_REASON),
                        Person(id=row["participant"], name=row["name"]),
                    )
                    for row in rows
                    if row["live"]
                ]
                await append(tx, meeting, events)
            if events:
                self._moved(meeting)
            lost += len(events)
        return lost

    async def forget_nodes(self) -> None:
        """Rows of nodes that have been silent for long."""
        await self._database.execute(FORGET_NODES, {"forgotten_s": NODE_FORGOTTEN_S})

    async def idle_meetings(self) -> list[str]:
        """Open meetings that had no stream for a day."""
        rows = await self._database.fetch_all(IDLE_MEETINGS, {"hours": IDLE_MEETING_HOURS, "batch": BATCH})
        return [row["meeting"] for row in rows]

    async def expired_meetings(self, days: int) -> list[str]:
        """Meetings that ended so long ago."""
        rows = await self._database.fetch_all(EXPIRED_MEETINGS, {"days": days, "batch": BATCH})
        return [row["meeting"] for row in rows]

    async def forget_profiles(self, *, everybody: bool = False) -> int:
        """Voice profiles die with the meeting, once nothing of the participant waits to be judged. Returns how many.

        With `everybody` those of meetings that go on die too.
        """
        values = {"minutes": DELIVERY_AFTER_END_MINUTES, "batch": BATCH, "everybody": everybody}
        return len(await self._database.fetch_all(FORGET_PROFILES, values))

    async def trim_events(self, days: int) -> int:
        """Events older than this go, and `trimmed_to` says so; returns how many meetings were trimmed."""
        old = await self._database.fetch_all(OLD_EVENTS, {"days": days, "batch": BATCH})
        for row in old:
            await self._database.execute(TRIM_EVENTS, {"meeting": row["meeting"], "id": row["id"]})
        return len(old)
