"""How many reviews and refreshes a proctor's socket may ask for: each costs a transaction."""

from __future__ import annotations

from typing import Final

from undertone.core.errors import RateLimited

# A proctor clicking through a list of anomalies decides a few a second, for some seconds; each costs a transaction.
ASKS_AT_ONCE: Final = 30
MS_PER_ASK: Final = 500
# Refused asks count too. Who goes on for this many is no person, and is closed.
MAX_REFUSED: Final = 100


class Asks:
    """A leaky bucket, in milliseconds of a steady clock."""

    __slots__ = ("_at", "_credit")

    def __init__(self) -> None:
        self._credit = ASKS_AT_ONCE * MS_PER_ASK
        self._at = 0

    def begin(self, now: int) -> None:
        """The socket begins to watch."""
        self._at = now

    def spend(self, what: str, now: int) -> RateLimited | None:
        """One more ask. The refusal, which closes nothing, if there were too many; raised past all patience."""
        self._credit = min(ASKS_AT_ONCE * MS_PER_ASK, self._credit + now - self._at) - MS_PER_ASK
        self._at = now
        if self._credit < -MAX_REFUSED * MS_PER_ASK:
            raise RateLimited(
                f"more than {1000 // MS_PER_ASK} reviews and refreshes a second, and no pause after errors"
            )
        if self._credit >= 0:
            return None
        limit = f"at most {ASKS_AT_ONCE} at once and {1000 // MS_PER_ASK} a second"
        return RateLimited(f"{what}: {limit}; send it again later", retry_after_ms=MS_PER_ASK - self._credit)
