"""What a process does besides serving: the analysis loop and the sweeper, put together."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from undertone.store.clips import ClipStore
from undertone.store.database import Database
from undertone.store.meetings import Meetings
from undertone.store.sweeps import Sweeps
from undertone.store.windows import Windows
from undertone.worker.ears import Ear
from undertone.worker.loop import AnalysisLoop, Wake
from undertone.worker.sweep import Kept, Sweeper


@dataclass(frozen=True, slots=True)
class Duties:
    """What the process was told: what listens, what is kept, and for how long."""

    ear: Ear
    anomaly_minutes: int
    voice_profile: bool
    kept: Kept


class Work:
    """Two things to run, and a bell: `ring` it for every notice that a meeting has moved."""

    def __init__(
        self,
        database: Database,
        clips: ClipStore,
        meetings: Meetings,
        moved: Callable[[str], None],
        flush_due_parts: Callable[[], Awaitable[object]],
        duties: Duties,
    ) -> None:
        windows = Windows(database, moved, anomaly_minutes=duties.anomaly_minutes, keep_profiles=duties.voice_profile)
        wake = Wake()
        loop = AnalysisLoop(windows, clips, duties.ear, wake, _name())
        sweeper = Sweeper(
            Sweeps(database, moved), clips, meetings, flush_due_parts, duties.kept, keep_profiles=duties.voice_profile
        )
        self.ring = wake.ring
        self.analyse = loop.run
        self.sweep = sweeper.run


def _name() -> str:
    """Who has leased a window: for people who look into the database."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
