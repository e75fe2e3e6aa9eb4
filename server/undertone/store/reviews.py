"""What proctors decide about anomalies: every decision is kept, the last one counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from undertone.core.errors import NotFound
from undertone.core.events import Anomaly, AnomalyMoved, AnomalyState, ReviewGiven
from undertone.core.times import rfc3339
from undertone.store.anomalies import anomaly_of
from undertone.store.database import Database, Row, Transaction
from undertone.store.events import Moved, NewEvent, StoredEvent, append, stored

# A dismissed change of voice says that the voice may stay: the candidate's is learned anew. It comes before the
# anomaly's lock, since the participant's row is locked first everywhere; a repeated key changes nothing,
# and neither does what is dismissed again or is not the newest: the voice was learned since.
FORGET_VOICE: Final = """
update participants p set profile = null
from anomalies a
where a.meeting = :meeting and a.anomaly = :anomaly and a.kind = 'voice_changed' and a.state <> 'dismissed'
  and not exists (
    select from anomalies n
    where n.meeting = a.meeting and n.participant = a.participant and n.kind = a.kind and n.opened_at > a.opened_at
  )
  and p.meeting = a.meeting and p.participant = a.participant
  and not exists (select from reviews r where r.meeting = a.meeting and r.key = :key)
"""

# The anomaly's lock orders those who decide about it, and keeps it from growing meanwhile.
LOCK_ANOMALY: Final = """
select a.*, p.name from anomalies a join participants p using (meeting, participant)
where a.meeting = :meeting and a.anomaly = :anomaly
for no key update of a
"""

# Whoever writes the key first has it; a second one waits here until the first is through. The event's number follows.
TAKE_KEY: Final = """
insert into reviews (meeting, key, anomaly, decision, note, by, at, event)
values (:meeting, :key, :anomaly, :decision, :note, :by, clock_timestamp(), 0)
on conflict do nothing
returning at
"""

DECIDE: Final = """
update anomalies set state = :decision, reviewed = true, review = cast(:review as jsonb)
where meeting = :meeting and anomaly = :anomaly
"""

NUMBER: Final = "update reviews set event = :event where meeting = :meeting and key = :key"

# What the key was first given for, whatever a repeat names.
ANOMALY_OF_KEY: Final = """
select a.*, p.name
from reviews r join anomalies a using (meeting, anomaly) join participants p using (meeting, participant)
where r.meeting = :meeting and r.key = :key
"""

EVENT_OF_KEY: Final = """
select e.id, e.kind, e.at, e.participant, e.name, e.body
from reviews r join events e on e.meeting = r.meeting and e.id = r.event
where r.meeting = :meeting and r.key = :key
"""


@dataclass(frozen=True, slots=True)
class ReviewResult:
    """The anomaly as it now is, and the event that told the decision; `repeated`: it had been told before."""

    anomaly: Anomaly
    event: StoredEvent
    repeated: bool


class Reviews:
    """The decisions in all meetings."""

    def __init__(self, database: Database, moved: Moved) -> None:
        self._database = database
        self._moved = moved

    async def give(
        self, meeting: str, key: str, anomaly: str, decision: AnomalyState, note: str | None, by: str
    ) -> ReviewResult:
        """Decides, once for each `key`: whatever else a repeat says, it changes nothing and gets the first event.

        Raises NotFound if there is no such anomaly, or if the first event of a repeat is kept no longer.
        """
        which = {"meeting": meeting, "anomaly": anomaly}
        async with self._database.transaction() as transaction:
            if decision == "dismissed":
                await transaction.execute(FORGET_VOICE, {**which, "key": key})
            row = await transaction.fetch_one(LOCK_ANOMALY, which)
            if row is None:
                raise NotFound("no such anomaly")
            taken = await transaction.fetch_one(
                TAKE_KEY, {**which, "key": key, "decision": decision, "note": note, "by": by}
            )
            if taken is None:
                first = await transaction.fetch_one(ANOMALY_OF_KEY, {"meeting": meeting, "key": key})
                assert first is not None  # a review goes only with its anomaly
                return ReviewResult(anomaly_of(first), await _event(transaction, meeting, key), repeated=True)
            review = ReviewGiven(decision=decision, by=by, at=rfc3339(taken["at"]), note=note)
            await transaction.execute(
                DECIDE, {**which, "decision": decision, "review": msgspec.json.encode(review).decode()}
            )
            decided = msgspec.structs.replace(anomaly_of(row), state=decision, review=review)
            [event] = await append(
                transaction, meeting, [NewEvent("anomaly_reviewed", AnomalyMoved(anomaly=decided), decided.participant)]
            )
            await transaction.execute(NUMBER, {"meeting": meeting, "key": key, "event": event})
            result = ReviewResult(decided, await _event(transaction, meeting, key), repeated=False)
        self._moved(meeting)
        return result


async def _event(transaction: Transaction, meeting: str, key: str) -> StoredEvent:
    row: Row | None = await transaction.fetch_one(EVENT_OF_KEY, {"meeting": meeting, "key": key})
    if row is None:
        raise NotFound("the decision with this key was told so long ago that its event is gone")
    return stored(row)
