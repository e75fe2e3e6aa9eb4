"""Instants as the wire writes them: RFC 3339 in UTC with milliseconds, `2026-03-01T09:30:00.125Z`."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(instant: datetime) -> str:
    """The aware `instant` on the wire; what is below a millisecond is cut off. Raises ValueError for a naive one."""
    if instant.tzinfo is None:
        raise ValueError("an instant without a time zone means nothing on the wire")
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> datetime:
    """An instant from the wire, aware and in UTC. Raises ValueError for anything else, a missing zone included."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return instant.astimezone(UTC)


def rfc3339_ms(unix_ms: int) -> str:
    """Unix milliseconds on the wire."""
    return rfc3339(datetime.fromtimestamp(unix_ms / 1000, UTC))
