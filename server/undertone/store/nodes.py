"""Which processes hold candidates' sockets: a row each, written every few seconds, so that the dead are noticed."""

from __future__ import annotations

from typing import Final

from undertone.store.database import Database

BEAT: Final = """
insert into nodes (id) values (:node) on conflict (id) do update set seen_at = now()
"""

LEAVE: Final = "delete from nodes where id = :node"


async def beat(database: Database, node: str) -> None:
    """This node is alive, by the database's clock."""
    await database.execute(BEAT, {"node": node})


async def leave(database: Database, node: str) -> None:
    """This node has stopped cleanly: nobody need wait for its silence."""
    await database.execute(LEAVE, {"node": node})
