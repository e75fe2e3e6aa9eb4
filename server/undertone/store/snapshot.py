"""A meeting as it stands: what a proctor gets whose cursor is worth nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, cast

import msgspec

from undertone.core.events import Anomaly, Outcome
from undertone.core.messages import Candidate
from undertone.store.anomalies import anomaly_of
from undertone.store.database import Database, Row
from undertone.store.events import POSITION

# The windows are put together as they go on the wire: a meeting can have 100,000 of them, too many to handle as rows,
# or to decode here and encode again.
# A colon that is not a bind is written `\\:`.
CANDIDATES: Final = """
select p.participant, p.name, p.external_id, p.state, p.reason, nullif(p.streams, 0) as stream, p.expected_voices,
       p.last_outcome, case when v.outcome = p.last_outcome then v.reason end as last_reason,
       p.anomalies, coalesce(w.windows, '[]') as windows
from participants p left join lateral (
    select jsonb_agg(jsonb_build_array(
        stream, number, to_char(start_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24\\:MI\\:SS.MS"Z"'), duration_ms, outcome
    ) order by stream, number) as windows
    from windows where windows.meeting = p.meeting and windows.participant = p.participant
) w on true
left join lateral (
    select reason, outcome from windows
    where windows.meeting = p.meeting and windows.participant = p.participant and outcome is not null
    order by stream desc, number desc limit 1
) v on true
where p.meeting = :meeting
order by p.created_at, p.participant
"""

# Of anomalies with one beginning, the id decides: any order does, if it is always the same.
ANOMALIES: Final = """
select a.*, p.name from anomalies a join participants p using (meeting, participant)
where a.meeting = :meeting order by a.opened_at desc, a.anomaly desc
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State as of `last_id`: candidates in the order of their joining, anomalies newest first.

    It is there to be encoded: the windows of its candidates are JSON already.
    """

    epoch: str
    last_id: int
    candidates: list[Candidate]
    anomalies: list[Anomaly]


async def snapshot(database: Database, meeting: str) -> Snapshot | None:
    """All of one moment; None if there is no such meeting."""
    key = {"meeting": meeting}
    async with database.transaction(repeatable_read=True) as transaction:
        position = await transaction.fetch_one(POSITION, key)
        if position is None:
            return None
        candidates = await transaction.fetch_all(CANDIDATES, key)
        anomalies = await transaction.fetch_all(ANOMALIES, key)
    # A meeting can have 1,000 candidates: in a thread, sockets get their turns meanwhile.
    return await asyncio.to_thread(_put_together, position, candidates, anomalies)


async def list_anomalies(database: Database, meeting: str) -> list[Anomaly]:
    """The meeting's anomalies, newest first."""
    return [anomaly_of(row) for row in await database.fetch_all(ANOMALIES, {"meeting": meeting})]


def _put_together(position: Row, candidates: list[Row], anomalies: list[Row]) -> Snapshot:
    return Snapshot(
        position["epoch"],
        position["last_event"],
        [_candidate(row) for row in candidates],
        [anomaly_of(row) for row in anomalies],
    )


def _candidate(row: Row) -> Candidate:
    return Candidate(
        id=row["participant"],
        name=row["name"],
        external_id=row["external_id"],
        state=row["state"],
        reason=row["reason"],
        stream=row["stream"],
        expected_voices=row["expected_voices"],
        last_outcome=row["last_outcome"],
        last_reason=row["last_reason"],
        anomalies=row["anomalies"],
        windows=cast("list[tuple[int, int, str, int, Outcome | None]]", msgspec.Raw(row["windows"])),
    )
