"""Meetings and their proctors: created, listed, ended, deleted with everything in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

import orjson

from undertone.core.errors import BadMessage, Conflict, NotFound
from undertone.core.events import MeetingEnded
from undertone.store.clips import clip_object
from undertone.store.database import Database, Row
from undertone.store.events import NewEvent, append

CREATE: Final = """
insert into meetings (meeting, title, admin_hash, join_hash, provider, provider_data, epoch)
values (:meeting, :title, :admin_hash, :join_hash, :provider, cast(:provider_data as jsonb),
        cast(gen_random_uuid() as text))
on conflict do nothing
returning *
"""

GET: Final = "select * from meetings where meeting = :meeting"

NEWEST: Final = "select * from meetings order by created_at desc, meeting limit :limit"

# Both conditions on created_at: the first alone lets the index meetings_newest start where the page does.
NEWEST_BEFORE: Final = """
select * from meetings
where created_at <= :created_at and (created_at < :created_at or meeting > :meeting)
order by created_at desc, meeting limit :limit
"""

END: Final = """
update meetings set ended_at = clock_timestamp() where meeting = :meeting and ended_at is null returning meeting
"""

# Deleting takes the locks in the order in which everybody else takes them, the meeting's last: a verdict, a window or a
# review in progress is waited for, not met head-on. Who holds a window's row alone waits for nobody. Counted, because a
# driver that wants one row stops locking after it.
LOCK_PARTICIPANTS: Final = """
select count(*) from (select from participants where meeting = :meeting order by participant for update) as locked
"""
LOCK_ANOMALIES: Final = """
select count(*) from (select from anomalies where meeting = :meeting for update) as locked
"""
LOCK_MEETING: Final = "select meeting from meetings where meeting = :meeting for update"

# How an object is called is said in one place, store/clips: `*` stands for the clip in the name that comes from there.
QUEUE_DELETIONS: Final = """
insert into deletions (meeting, object)
select meeting, replace(:clip_object, '*', clip) from windows where meeting = :meeting and clip is not null
union
select meeting, object from parts where meeting = :meeting
on conflict do nothing
"""

DELETE: Final = "delete from meetings where meeting = :meeting"

ADD_PROCTOR: Final = """
insert into proctors (meeting, proctor, name)
select meeting, :proctor, :name from meetings where meeting = :meeting
returning proctor, name, revoked_at
"""

GET_PROCTOR: Final = "select proctor, name, revoked_at from proctors where meeting = :meeting and proctor = :proctor"

# The exam platform may have minted a token for somebody who has no row: revoking makes one, named by the id.
REVOKE_PROCTOR: Final = """
insert into proctors (meeting, proctor, name, revoked_at)
select meeting, cast(:proctor as text), cast(:proctor as text), now() from meetings where meeting = :meeting
on conflict (meeting, proctor) do update set revoked_at = coalesce(proctors.revoked_at, excluded.revoked_at)
returning proctor, name, revoked_at
"""

ADMIT_PROCTOR: Final = """
update proctors set revoked_at = null where meeting = :meeting and proctor = :proctor
returning proctor, name, revoked_at
"""

Told: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Meeting:
    """An exam room. The hashes are SHA-256 of the `admin_id` and the `join_secret`."""

    id: str
    title: str
    created_at: datetime
    ended_at: datetime | None
    admin_hash: bytes
    join_hash: bytes
    provider: str
    provider_data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MeetingsPage:
    """Some meetings, newest first, and what to ask for the following ones; None at the end."""

    meetings: list[Meeting]
    next: str | None


@dataclass(frozen=True, slots=True)
class InvitedProctor:
    """Somebody invited to watch, by name."""

    id: str
    name: str
    revoked_at: datetime | None


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

# A page's `next`: created_at in Unix milliseconds (14 digits reach the year 5138), and the meeting's id.
_CURSOR: Final = re.compile(r"([0-9]{1,14})-([0-9A-Za-z_-]{1,64})")


class Meetings:
    """All meetings. `moved`, `ended` and `proctor_revoked` (meeting, who) tell every node, after the commit."""

    def __init__(
        self,
        database: Database,
        moved: Told,
        ended: Told = lambda _: None,
        proctor_revoked: Callable[[str, str], None] = lambda _meeting, _who: None,
    ) -> None:
        self._database = database
        self._moved = moved
        self._ended = ended
        self._proctor_revoked = proctor_revoked

    async def create(
        self,
        meeting: str,
        title: str,
        admin_hash: bytes,
        join_hash: bytes,
        provider: str,
        provider_data: Mapping[str, Any],
    ) -> Meeting:
        """A new meeting. Raises Conflict if there is one with this id."""
        row = await self._database.fetch_one(
            CREATE,
            {
                "meeting": meeting,
                "title": title,
                "admin_hash": admin_hash,
                "join_hash": join_hash,
                "provider": provider,
                "provider_data": orjson.dumps(dict(provider_data)).decode(),
            },
        )
        if row is None:
            raise Conflict(f"there is a meeting {meeting} already")
        return _meeting(row)

    async def get(self, meeting: str) -> Meeting | None:
        """The meeting; None if there is no such one."""
        row = await self._database.fetch_one(GET, {"meeting": meeting})
        return None if row is None else _meeting(row)

    async def list(self, limit: int, before: str | None = None) -> MeetingsPage:
        """The newest `limit` meetings, or those that follow where an earlier page ended. Raises BadMessage."""
        if before is None:
            rows = await self._database.fetch_all(NEWEST, {"limit": limit + 1})
        else:
            rows = await self._database.fetch_all(NEWEST_BEFORE, {"limit": limit + 1, **_place(before)})
        page = [_meeting(row) for row in rows[:limit]]
        return MeetingsPage(page, _cursor(page[-1]) if len(rows) > limit else None)

    async def end(self, meeting: str) -> bool:
        """Ends it, once: False if it had ended, or is gone."""
        async with self._database.transaction() as transaction:
            if await transaction.fetch_one(END, {"meeting": meeting}) is None:
                return False
            await append(transaction, meeting, [NewEvent("meeting_ended", MeetingEnded())])
        self._moved(meeting)
        self._ended(meeting)
        return True

    async def delete(self, meeting: str) -> bool:
        """Leaves no row of it, but one for each object that the sweeper is to delete. False if it was gone."""
        key = {"meeting": meeting}
        async with self._database.transaction() as transaction:
            for lock in (LOCK_PARTICIPANTS, LOCK_ANOMALIES):
                await transaction.fetch_one(lock, key)
            if await transaction.fetch_one(LOCK_MEETING, key) is None:
                return False
            await transaction.execute(QUEUE_DELETIONS, {**key, "clip_object": clip_object(meeting, "*")})
            await transaction.execute(DELETE, key)
        self._moved(meeting)
        self._ended(meeting)
        return True

    async def add_proctor(self, meeting: str, proctor: str, name: str) -> InvitedProctor:
        """Invites somebody to watch. Raises NotFound if the meeting is gone."""
        row = await self._database.fetch_one(ADD_PROCTOR, {"meeting": meeting, "proctor": proctor, "name": name})
        if row is None:
            raise NotFound("no such meeting")
        return _proctor(row)

    async def change_proctor(self, meeting: str, proctor: str, revoked: bool) -> InvitedProctor:
        """Revokes somebody, with a row or without, or admits one again. Raises NotFound.

        Revoking twice tells the nodes twice: the first notice may have been lost.
        """
        row = await self._database.fetch_one(
            REVOKE_PROCTOR if revoked else ADMIT_PROCTOR, {"meeting": meeting, "proctor": proctor}
        )
        if row is None:
            raise NotFound("no such meeting" if revoked else "no such proctor")
        if revoked:
            self._proctor_revoked(meeting, proctor)
        return _proctor(row)

    async def get_proctor(self, meeting: str, proctor: str) -> InvitedProctor | None:
        """Whoever was invited under this id. The exam platform may mint tokens for others, who have no row."""
        row = await self._database.fetch_one(GET_PROCTOR, {"meeting": meeting, "proctor": proctor})
        return None if row is None else _proctor(row)


def _meeting(row: Row) -> Meeting:
    return Meeting(
        id=row["meeting"],
        title=row["title"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
        admin_hash=row["admin_hash"],
        join_hash=row["join_hash"],
        provider=row["provider"],
        provider_data=orjson.loads(row["provider_data"]),
    )


def _proctor(row: Row) -> InvitedProctor:
    return InvitedProctor(row["proctor"], row["name"], row["revoked_at"])


def _cursor(meeting: Meeting) -> str:
    return f"{(meeting.created_at - _EPOCH) // _MILLISECOND}-{meeting.id}"


def _place(cursor: str) -> dict[str, Any]:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise BadMessage("`before` is the `next` of an earlier answer")
    return {"created_at": _EPOCH + int(found[1]) * _MILLISECOND, "meeting": found[2]}
