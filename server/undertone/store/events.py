"""The meeting's channel in the database: numbered under the meeting's row lock, so that commit order is id order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

import msgspec

from undertone.core.errors import NotFound, Unavailable
from undertone.core.events import Body, Person
from undertone.core.messages import EventMessage, encode
from undertone.core.times import rfc3339
from undertone.store.database import Database, Row, Transaction

# 1 to 2 ms of work for everybody else to wait; a round trip more for each.
LISTED_AT_ONCE: Final = 200
LISTING_TRIES: Final = 3  # retention trims a meeting once; twice within one listing is a fault elsewhere

# "This meeting has new events": the notifier's, called after commit; it neither blocks nor fails.
Moved: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that has no number yet. `body` is one of the kind's (`EVENT_KINDS`)."""

    kind: str
    body: Body
    participant: Person | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event and its wire form: the `event` message, encoded once for all who get it."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class Position:
    """Where a meeting's channel stands. Ids count within `epoch`; those up to `trimmed_to` are kept no longer."""

    epoch: str
    last_id: int
    trimmed_to: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some events and the position that was true when they were read."""

    position: Position
    events: list[StoredEvent]


# One statement, because the ingest path pays for every round trip. The update takes the meeting's lock; who waits for
# it gets the counter as the winner left it, and the time after the wait: `at` never runs backwards within a meeting.
APPEND: Final = """
with counter as (
    update meetings set last_event = last_event + cast(:count as integer)
    where meeting = :meeting
    returning last_event, clock_timestamp() as at
), written as (
    insert into events (meeting, id, kind, at, participant, name, body)
    select :meeting, last_event - :count + position, new.kind, counter.at, new.participant, new.name, new.body
    from counter, unnest(
        cast(:kinds as text[]), cast(:participants as text[]), cast(:names as text[]), cast(:bodies as jsonb[])
    ) with ordinality as new (kind, participant, name, body, position)
)
select last_event from counter
"""

# By the primary key, in its order.
AFTER: Final = """
select id, kind, at, participant, name, body from events
where meeting = :meeting and id > :after order by id limit :limit
"""

POSITION: Final = "select epoch, last_event, trimmed_to from meetings where meeting = :meeting"

# One statement sees one moment: the events and the position can't contradict each other.
PAGE: Final = """
select m.epoch, m.last_event, m.trimmed_to, e.id, e.kind, e.at, e.participant, e.name, e.body
from meetings m left join lateral (
    select id, kind, at, participant, name, body from events
    where events.meeting = m.meeting and id > :after order by id limit :limit
) e on true
where m.meeting = :meeting order by e.id
"""

# Other, not greater: after a restore the counter may stand lower. A meeting that is gone has moved, too.
MOVED_SINCE: Final = """
select known.meeting
from unnest(cast(:meetings as text[]), cast(:positions as bigint[])) as known (meeting, position)
left join meetings m using (meeting)
where m.last_event is distinct from known.position
"""

NEW_EPOCH: Final = """
update meetings set epoch = cast(gen_random_uuid() as text)
where cast(:meeting as text) is null or meeting = :meeting
returning meeting
"""


async def append(transaction: Transaction, meeting: str, events: Sequence[NewEvent]) -> list[int]:
    """Numbers and writes `events`; returns their ids. Raises NotFound if the meeting is gone.

    The meeting stays locked until the transaction ends, and it is the last lock to take: call it last.
    """
    if not events:
        return []
    people = [event.participant for event in events]
    row = await transaction.fetch_one(
        APPEND,
        {
            "meeting": meeting,
            "count": len(events),
            "kinds": [event.kind for event in events],
            "participants": [person and person.id for person in people],
            "names": [person and person.name for person in people],
            "bodies": [msgspec.json.encode(event.body).decode() for event in events],
        },
    )
    if row is None:
        raise NotFound("no such meeting")
    last: int = row["last_event"]
    return list(range(last - len(events) + 1, last + 1))


class Events:
    """Reading a channel by id."""

    def __init__(self, database: Database, moved: Moved) -> None:
        self._database = database
        self._moved = moved

    async def after(self, meeting: str, after: int, limit: int) -> list[StoredEvent]:
        """The oldest `limit` events with an id above `after`, in order. Ids are dense: a hole means trimmed ones."""
        rows = await self._database.fetch_all(AFTER, {"meeting": meeting, "after": after, "limit": limit})
        return [stored(row) for row in rows]

    async def position(self, meeting: str) -> Position | None:
        """Where the channel stands; None if there is no such meeting."""
        row = await self._database.fetch_one(POSITION, {"meeting": meeting})
        return None if row is None else _position(row)

    async def page(self, meeting: str, after: int, limit: int) -> Page | None:
        """Like `after`, with the position of the same moment. None if there is no such meeting."""
        rows = await self._database.fetch_all(PAGE, {"meeting": meeting, "after": after, "limit": limit})
        if not rows:
            return None
        return Page(_position(rows[0]), [stored(row) for row in rows if row["id"] is not None])

    async def listing(self, meeting: str, after: int, limit: int) -> Page | None:
        """Like `page`, for so many events that they are read and put together bit by bit: others get their turns.

        All are of one epoch and without a hole, as if read in one moment: that of the position. Raises Unavailable
        if the channel changes faster than it can be read.
        """
        for _ in range(LISTING_TRIES):
            first = await self.page(meeting, after, min(limit, LISTED_AT_ONCE))
            if first is None or not first.events:
                return first
            events = first.events
            while True:
                last = events[-1].id
                # Ids are dense: what is younger than the position is left for the next call.
                more = min(limit - len(events), first.position.last_id - last, LISTED_AT_ONCE)
                if more <= 0:
                    return Page(first.position, events)
                page = await self.page(meeting, last, more)
                if page is None:
                    return None
                if page.position.epoch != first.position.epoch or not page.events or page.events[0].id != last + 1:
                    break  # trimmed or restored meanwhile, which happens once in a long while: from the start
                events.extend(page.events)
        raise Unavailable("the events were trimmed while they were read; ask again")

    async def moved_since(self, known: Mapping[str, int]) -> list[str]:
        """Those meetings whose last id is not the `known` one, deleted meetings included."""
        values = {"meetings": list(known), "positions": list(known.values())}
        return [row["meeting"] for row in await self._database.fetch_all(MOVED_SINCE, values)]

    async def new_epoch(self, meeting: str | None = None) -> int:
        """After a restore: no cursor of this meeting (None: of any) counts any more. Returns how many meetings."""
        changed = [row["meeting"] for row in await self._database.fetch_all(NEW_EPOCH, {"meeting": meeting})]
        for each in changed:
            self._moved(each)
        return len(changed)


def stored(row: Row) -> StoredEvent:
    """The event of a row with id, kind, at, participant, name and body."""
    at: datetime = row["at"]
    person = None if row["participant"] is None else Person(id=row["participant"], name=row["name"])
    head = encode(EventMessage(id=row["id"], kind=row["kind"], at=rfc3339(at), participant=person))
    body: str = row["body"]
    # The kind's own fields stand beside the envelope's: two JSON objects become one without parsing either.
    return StoredEvent(row["id"], head if body == "{}" else f"{head[:-1]}, {body[1:]}")


def _position(row: Row) -> Position:
    return Position(row["epoch"], row["last_event"], row["trimmed_to"])
