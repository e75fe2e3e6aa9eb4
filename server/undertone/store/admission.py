"""Whose hello is let in: asked before an older connection is told to let go, and again when the line is taken."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from undertone.core.errors import MeetingEnded, NotFound, RateLimited, Revoked, TakenOver
from undertone.core.times import rfc3339
from undertone.store.database import Database, Row, Transaction
from undertone.store.stream_queries import BEGUN_AT
from undertone.store.stream_rows import AlreadyFinished

# After a meeting's end, what was recorded before it may still be delivered for so long.
DELIVERY_AFTER_END: Final = timedelta(minutes=15)

# So often is the clock read where one reading does not tell which of two connections was accepted first. They came
# within milliseconds of each other then; who is refused for nothing comes again.
READINGS: Final = 3
OLDER: Final = "a connection that was opened later has this candidate's line: connect again"

# So many new streams may a candidate begin in so long; each is a row, and a part to look after. A tab that is reloaded
# every 6 s may go on for ever, and one that is every second for a minute and a half.
NEW_STREAMS: Final = 100
NEW_STREAMS_WITHIN: Final = timedelta(minutes=10)


def admitted(found: Row | None, stream: int | None) -> Row:
    """The participant, with the database's `now`. Raises NotFound, Revoked, MeetingEnded."""
    if found is None:
        raise NotFound("no such meeting or participant")
    if stream is not None and not 1 <= stream <= found["streams"]:
        raise NotFound(f"no stream {stream}: this candidate has {found['streams']}")
    if found["revoked_at"] is not None:
        raise Revoked("this participant was revoked")
    ended_at = found["ended_at"]
    if ended_at is not None and (stream is None or found["now"] > ended_at + DELIVERY_AFTER_END):
        raise MeetingEnded(f"the meeting ended at {rfc3339(ended_at)}")
    return found


class Accepted:
    """When a connection was accepted, by the database's clock: not before `earliest`, not after `latest`.

    `accepted` is by time.monotonic(), None for just now. Each reading of the database's clock narrows it down to how
    long that took; those that waited in a queue, or for a process that stood still, do no harm.
    """

    def __init__(self, accepted: float | None) -> None:
        self._accepted = accepted
        self.earliest = datetime.min.replace(tzinfo=UTC)
        self.latest = datetime.max.replace(tzinfo=UTC)

    def read(self, now: datetime, asked: float, answered: float) -> None:
        """The database says that it is `now`; it was asked, and had answered, at these times by time.monotonic()."""
        since = (0.0, 0.0) if self._accepted is None else (asked - self._accepted, answered - self._accepted)
        self.latest = min(self.latest, now - timedelta(seconds=since[0]))
        self.earliest = max(self.earliest, now - timedelta(seconds=since[1]))

    def before(self, found: Row) -> bool | None:
        """Whether the newest owner of the line in `found` was accepted after this; None if that can't be told yet.

        Whoever connects has given up the connections that it had before: a hello that comes late, on one that broke
        say, must not take the newer one's line.
        """
        newest = found["accepted_at"]
        if newest is None or newest > found["now"] or newest <= self.earliest:  # or the clock was put back
            return False
        return True if self.latest < newest else None


async def check_rate(rows: Database | Transaction, key: Mapping[str, object], found: Row) -> None:
    """Raises RateLimited if the candidate has begun too many streams of late: as the oldest of so many tells."""
    oldest = await rows.fetch_one(BEGUN_AT, {**key, "stream": found["streams"] - NEW_STREAMS + 1})
    if oldest is None:
        return
    wait = oldest["created_at"] + NEW_STREAMS_WITHIN - found["now"]
    if wait > timedelta(0):
        raise RateLimited(
            f"a candidate may begin {NEW_STREAMS} streams in {NEW_STREAMS_WITHIN // timedelta(minutes=1)} minutes:"
            " say hello with `stream` to go on with the last one",
            wait // timedelta(milliseconds=1) + 1,
        )


def check_resumable(row: Row | None, stream: int, newest: int) -> AlreadyFinished | None:
    """Whether the stream in `row` goes on, or is finished. Raises NotFound, TakenOver (it has a successor)."""
    if row is None:
        raise NotFound(f"no stream {stream}")
    if row["finished_at"] is not None:
        return AlreadyFinished(row["total_bytes"], row["next_window"])
    if stream < newest:
        raise TakenOver(f"stream {stream} has a successor, stream {newest}")
    return None
