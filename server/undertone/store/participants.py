"""Participants: who takes part in a meeting, how many voices are expected there, and who may no longer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from undertone.core.errors import Conflict, MeetingEnded, NotFound
from undertone.core.events import CandidateChanged, CandidateJoined, CandidateMoved, Person
from undertone.core.times import rfc3339
from undertone.store.database import Database, Row, Transaction
from undertone.store.events import Moved, NewEvent, append

GET: Final = """
select participant, name, external_id, expected_voices, created_at, revoked_at, state from participants
where meeting = :meeting and participant = :participant
"""

# By our own id, or by what somebody else calls them; ours goes first.
FIND: Final = """
select participant, name, external_id, expected_voices, created_at, revoked_at, state from participants
where meeting = :meeting and (participant = :known_as or external_id = :known_as)
order by participant = :known_as desc limit 1
"""

# The meeting's lock comes first here, alone among all writers: nobody holds a row that does not exist yet. Nobody joins
# behind `meeting_ended`, and two who bring the same id or external_id meet here, not at the index.
LOCK_MEETING: Final = "select ended_at from meetings where meeting = :meeting for no key update"

# One that exists is looked for, not run into: the index would wait for whoever is writing that row, and they for the
# meeting, which is ours.
ADD: Final = """
insert into participants (meeting, participant, name, external_id, expected_voices)
select :meeting, cast(:participant as text), cast(:name as text), cast(:external_id as text),
       cast(:expected_voices as smallint)
where not exists (
    select from participants
    where meeting = :meeting and (participant = :participant or external_id = :external_id)
)
on conflict do nothing
returning participant, name, external_id, expected_voices, created_at, revoked_at, state
"""

LOCK: Final = GET + "for update"

CHANGE: Final = """
update participants
set expected_voices = :expected_voices, revoked_at = case when :revoked then coalesce(revoked_at, now()) end,
    state = :state, reason = case when state = :state then reason end
where meeting = :meeting and participant = :participant
returning participant, name, external_id, expected_voices, created_at, revoked_at, state
"""


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody in a meeting. `external_id`: who this is in the exam platform's or the room provider's eyes."""

    id: str
    name: str
    external_id: str | None
    expected_voices: int
    created_at: datetime
    revoked_at: datetime | None
    state: str

    @property
    def person(self) -> Person:
        """As events name them."""
        return Person(id=self.id, name=self.name)


class Participants:
    """The participants of all meetings. `moved` and `revoked` (meeting, who) tell every node, after the commit."""

    def __init__(
        self, database: Database, moved: Moved, revoked: Callable[[str, str], None] = lambda _meeting, _who: None
    ) -> None:
        self._database = database
        self._moved = moved
        self._revoked = revoked

    async def get(self, meeting: str, participant: str) -> Participant | None:
        """The participant; None if there is no such one."""
        row = await self._database.fetch_one(GET, {"meeting": meeting, "participant": participant})
        return None if row is None else _participant(row)

    async def find(self, meeting: str, known_as: str) -> Participant | None:
        """The participant with this id or, if there is none, with this `external_id`."""
        row = await self._database.fetch_one(FIND, {"meeting": meeting, "known_as": known_as})
        return None if row is None else _participant(row)

    async def add(
        self, meeting: str, participant: str, name: str, external_id: str | None = None, expected_voices: int = 1
    ) -> Participant:
        """A new one, told as `candidate_joined`. Raises NotFound, MeetingEnded, or Conflict over id or external_id."""
        async with self._database.transaction() as transaction:
            added = await _add(transaction, meeting, participant, name, external_id, expected_voices)
        if added is None:
            raise Conflict(f"the meeting has somebody with the external_id {external_id!r} or the id {participant!r}")
        self._moved(meeting)
        return added

    async def ensure(self, meeting: str, participant: str, name: str) -> Participant:
        """The participant; one that has no row yet is added under `name`. Raises NotFound, MeetingEnded."""
        found = await self.get(meeting, participant)
        if found is not None:
            return found
        async with self._database.transaction() as transaction:
            added = await _add(transaction, meeting, participant, name, None, 1)
        if added is not None:
            self._moved(meeting)
            return added
        found = await self.get(meeting, participant)  # somebody else added it in between
        if found is None:
            raise NotFound("no such meeting")
        return found

    async def change(
        self, meeting: str, participant: str, expected_voices: int | None = None, revoked: bool | None = None
    ) -> Participant:
        """Sets what is not None, and tells what changed: `candidate_changed`, `candidate_revoked`. Raises NotFound.

        One who is admitted again after a revocation joins again.
        """
        async with self._database.transaction() as transaction:
            row = await transaction.fetch_one(LOCK, {"meeting": meeting, "participant": participant})
            if row is None:
                raise NotFound("no such participant")
            before = _participant(row)
            was_revoked = before.revoked_at is not None
            voices = before.expected_voices if expected_voices is None else expected_voices
            is_revoked = was_revoked if revoked is None else revoked
            told: list[NewEvent] = []
            if voices != before.expected_voices:
                told.append(NewEvent("candidate_changed", CandidateChanged(expected_voices=voices), before.person))
            if is_revoked and not was_revoked:
                told.append(NewEvent("candidate_revoked", CandidateMoved(), before.person))
            if was_revoked and not is_revoked:
                told.append(
                    NewEvent("candidate_joined", CandidateJoined(external_id=before.external_id), before.person)
                )
            if not told:
                return before
            state = before.state
            if is_revoked != was_revoked:
                state = "revoked" if is_revoked else "joined"
            changed = await transaction.fetch_one(
                CHANGE,
                {
                    "meeting": meeting,
                    "participant": participant,
                    "expected_voices": voices,
                    "revoked": is_revoked,
                    "state": state,
                },
            )
            assert changed is not None
            await append(transaction, meeting, told)
        self._moved(meeting)
        if is_revoked and not was_revoked:
            self._revoked(meeting, participant)
        return _participant(changed)


async def _add(
    transaction: Transaction, meeting: str, participant: str, name: str, external_id: str | None, expected_voices: int
) -> Participant | None:
    found = await transaction.fetch_one(LOCK_MEETING, {"meeting": meeting})
    if found is None:
        raise NotFound("no such meeting")
    if found["ended_at"] is not None:
        raise MeetingEnded(f"the meeting ended at {rfc3339(found['ended_at'])}")
    row = await transaction.fetch_one(
        ADD,
        {
            "meeting": meeting,
            "participant": participant,
            "name": name,
            "external_id": external_id,
            "expected_voices": expected_voices,
        },
    )
    if row is None:
        return None
    added = _participant(row)
    told = [NewEvent("candidate_joined", CandidateJoined(external_id=external_id), added.person)]
    if expected_voices != 1:  # what everybody takes of somebody who joins
        told.append(NewEvent("candidate_changed", CandidateChanged(expected_voices=expected_voices), added.person))
    await append(transaction, meeting, told)
    return added


def _participant(row: Row) -> Participant:
    return Participant(
        id=row["participant"],
        name=row["name"],
        external_id=row["external_id"],
        expected_voices=row["expected_voices"],
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
        state=row["state"],
    )
