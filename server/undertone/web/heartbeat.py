"""This node's sign of life. After 15 s without one, any sweeper turns the node's candidates into lost ones."""

from __future__ import annotations

import logging
from typing import Final

import anyio

from undertone.core.errors import Unavailable
from undertone.store.database import Database
from undertone.store.nodes import beat, leave

log: Final = logging.getLogger("undertone.web")

BEAT_SECONDS: Final = 5.0  # three signs within the 15 s: one may get lost


async def heartbeat(database: Database, node: str) -> None:
    """Runs until cancelled. A database that is away is said once, and tried again."""
    away = False
    while True:
        try:
            await beat(database, node)
            away = False
        except Unavailable as fault:
            if not away:
                log.warning("no sign of life was written: %s", fault.detail)
            away = True
        await anyio.sleep(BEAT_SECONDS)


async def say_goodbye(database: Database, node: str) -> None:
    """The row goes with the process; where the database is away the sweeper finds it."""
    try:
        await leave(database, node)
    except Unavailable as fault:
        log.warning("this node's row is left to the sweeper: %s", fault.detail)
