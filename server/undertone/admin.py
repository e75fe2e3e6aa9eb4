"""`undertone admin`: what an operator says after restoring a backup."""

from __future__ import annotations

import anyio

from undertone.config import ConfigError, Settings
from undertone.process import database_url
from undertone.store.database import Database
from undertone.store.events import Events
from undertone.store.notify import Notifier


def new_epoch(settings: Settings, meeting: str | None) -> int:
    """The command; returns the exit code. Raises ConfigError for a meeting that is not there."""
    anyio.run(_new_epoch, settings, meeting)
    return 0


async def _new_epoch(settings: Settings, meeting: str | None) -> None:
    async with database_url(settings) as url:
        # Whatever stands before a database of somebody else's: one statement more costs nothing here.
        database = Database(url, max_connections=1, pooled=settings.database_url is not None)
        await database.connect()
        try:
            events = Events(database, Notifier(url).moved)
            if meeting is not None and await events.position(meeting) is None:
                raise ConfigError(f"--meeting={meeting}: there is no such meeting")
            await events.new_epoch(meeting)
        finally:
            await database.close()
    which = "all meetings" if meeting is None else f"meeting {meeting}"
    print(f"A new epoch has begun for {which}: every proctor starts from the state as it is.")  # noqa: T201
