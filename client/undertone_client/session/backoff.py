"""How long to wait before the next attempt: full jitter, the first retry included.

Everybody's first retry comes after the same event (a node that went away), so it is the one that most needs spreading.
Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (2015): full jitter needs the fewest calls.
"""

from __future__ import annotations

from random import Random
from typing import Final

FIRST_MS: Final = 1_000  # 0.5 s on average: shorter than anybody notices, long enough that 1,000 candidates are spread
LONGEST_MS: Final = 30_000  # the outbox holds 15 minutes: at least 30 attempts before anything is dropped
# A connection that lived so long was a good one: its end is a new trouble, not the old one going on.
STEADY_MS: Final = 10_000


class Backoff:
    """Counts failures in a row. `now_ms` is any monotonic clock in milliseconds."""

    def __init__(self, random: Random, first_ms: int = FIRST_MS, longest_ms: int = LONGEST_MS) -> None:
        self._random = random
        self._first_ms = first_ms
        self._longest_ms = longest_ms
        self._failures = 0
        self._ready_at_ms: int | None = None

    def ready(self, now_ms: int) -> None:
        """The server took the connection (`ready` arrived)."""
        self._ready_at_ms = now_ms

    def failed(self, now_ms: int, retry_after_ms: int | None = None) -> int:
        """The connection ended, or never was: milliseconds to wait, never less than the server asked for."""
        if self._ready_at_ms is not None and now_ms - self._ready_at_ms >= STEADY_MS:
            self._failures = 0
        self._ready_at_ms = None
        # 2^20 s is beyond every ceiling: the exponent stops there, for a client that tries for days.
        ceiling_ms = min(self._longest_ms, self._first_ms << min(self._failures, 20))
        self._failures += 1
        wait_ms = self._random.randint(0, ceiling_ms)
        return max(wait_ms, retry_after_ms or 0)
