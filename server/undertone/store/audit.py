"""Who heard or changed what."""

from __future__ import annotations

from typing import Final

from undertone.core.errors import NotFound
from undertone.store.database import Database

# Selected from the meeting: one that is gone writes nothing, and says so.
WRITE: Final = """
insert into audit (meeting, who, action, subject, address)
select meeting, :who, :action, :subject, :address from meetings where meeting = :meeting
returning id
"""


class Audit:
    """The trail of a meeting; it lives as long as the meeting."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, meeting: str, who: str, action: str, subject: str | None, address: str | None) -> None:
        """One more row. `action` is a verb in the past (`clip_played`), `subject` what it was done to. NotFound."""
        values = {"meeting": meeting, "who": who, "action": action, "subject": subject, "address": address}
        if await self._database.fetch_one(WRITE, values) is None:
            raise NotFound("no such meeting")
