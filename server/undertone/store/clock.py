"""The database's clock, known to a process: times on the wire are its, whatever a machine's own clock says."""

from __future__ import annotations

import time
from datetime import datetime


class DatabaseClock:
    """Unix milliseconds by the database; between two tellings it runs with this machine's monotonic clock."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def told(self, now: datetime) -> None:
        """The database has just said that it is `now`."""
        self._offset_s = now.timestamp() - time.monotonic()

    def now_ms(self) -> int:
        return int((time.monotonic() + self._offset_s) * 1000)
