"""Instants as the wire writes them: RFC 3339 in UTC with milliseconds, `2026-03-01T09:30:00.125Z`; and Retry-After."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


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


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After asks for (RFC 9110 section 10.2.3), never negative; None if it says nothing."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year that no date holds
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
