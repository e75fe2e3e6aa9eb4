"""Which candidates are there: written by the node that holds the line, and by nobody once it was overtaken."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from undertone.core.events import CandidateMoved
from undertone.store.database import Database, Row
from undertone.store.events import NewEvent, append
from undertone.store.stream_rows import Owner

# At most once a minute: a line that stutters must not fill the proctors' channel. Lost: by a node that stood still for
# long, was taken for dead, and is back.
DEGRADED: Final = """
update participants set state = 'degraded', degraded_at = now(), node = :node, seen_at = now()
where meeting = :meeting and participant = :participant and generation = :generation
  and state in ('streaming', 'silent', 'lost') and (degraded_at is null or degraded_at < now() - interval '60 seconds')
returning state
"""

STREAMING: Final = """
update participants set state = 'streaming', reason = null, node = :node, seen_at = now()
where meeting = :meeting and participant = :participant and generation = :generation and state in ('degraded', 'lost')
returning state
"""

# Nobody took the line up again.
LOST: Final = """
update participants set state = 'lost', reason = :reason
where meeting = :meeting and participant = :participant and generation = :generation and node is null
  and state in ('streaming', 'degraded', 'silent')
returning state
"""

# A line that is held here, and that a sweeper took for nobody's.
RECLAIM: Final = """
update participants set node = :node, seen_at = now()
where meeting = :meeting and participant = :participant and generation = :generation and node is null
  and state not in ('finished', 'revoked')
"""

LINES: Final = """
select held.meeting, held.participant, p.generation, p.node, p.state, p.revoked_at, m.ended_at,
       clock_timestamp() as now
from unnest(cast(:meetings as text[]), cast(:participants as text[])) as held (meeting, participant)
left join participants p using (meeting, participant)
left join meetings m on m.meeting = held.meeting
"""

HELD: Final = """
select meeting, participant, name, streams, generation from participants where node = :node
"""


class Presence:
    """Degraded, streaming again, lost: each with its event, each fenced by the owner's generation."""

    def __init__(self, database: Database, moved: Callable[[str], None], node: str) -> None:
        self._database = database
        self._moved = moved
        self._node = node

    async def degraded(self, owner: Owner) -> bool:
        """No audio for 5 s, while the line is up. False, and nothing said, if it was said within the last minute."""
        return await self._change(DEGRADED, owner, "candidate_degraded", {"node": self._node}, "no audio for 5 s")

    async def streaming(self, owner: Owner) -> None:
        """Audio again."""
        await self._change(STREAMING, owner, "candidate_streaming", {"node": self._node}, None)

    async def lost(self, owner: Owner, reason: str) -> None:
        """The line broke and nobody came back."""
        await self._change(LOST, owner, "candidate_lost", {"reason": reason}, reason)

    async def held(self) -> list[Owner]:
        """Whose lines the database ascribes to this node."""
        rows = await self._database.fetch_all(HELD, {"node": self._node})
        return [
            Owner(row["meeting"], row["participant"], row["name"], row["streams"], row["generation"]) for row in rows
        ]

    async def lines(self, keys: Collection[tuple[str, str]]) -> list[Row]:
        """What the database says of these lines (meeting, participant); generation is null for one that is gone."""
        meetings, participants = [key[0] for key in keys], [key[1] for key in keys]
        return await self._database.fetch_all(LINES, {"meetings": meetings, "participants": participants})

    async def reclaim(self, owner: Owner, state: str) -> None:
        """The line is held here, whatever a sweeper thought while the database or this node stood still."""
        if state == "lost":
            await self.streaming(owner)
        else:
            await self._database.execute(RECLAIM, {**owner.key, "generation": owner.generation, "node": self._node})

    async def _change(
        self, statement: str, owner: Owner, kind: str, values: dict[str, object], reason: str | None
    ) -> bool:
        async with self._database.transaction() as tx:
            changed = await tx.fetch_one(statement, {**owner.key, "generation": owner.generation, **values})
            if changed is None:
                return False
            body = CandidateMoved(stream=owner.stream, reason=reason)
            await append(tx, owner.meeting, [NewEvent(kind, body, owner.person)])
        self._moved(owner.meeting)
        return True
