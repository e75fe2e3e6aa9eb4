"""An auditor for runs that are over: do the wire, the database and the clip store agree, and keep the promises?

    findings = await audit(database_url, data_folder, sent, received)
    assert not findings, "\\n".join(map(str, findings))

It takes nobody's word: windows are cut anew from the bytes that were sent, events are counted against rows, and objects
against both.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from pathlib import Path

from tests.end_to_end.auditing.book import Finding, Received, Sent, read_book
from tests.end_to_end.auditing.events import numbered_densely, received_once_in_order, told_as_it_is
from tests.end_to_end.auditing.expected import Piece
from tests.end_to_end.auditing.sound import kept_as_sent, numbered_without_holes
from tests.end_to_end.auditing.store import judged_once, kept_as_named, nobody_left_half_way
from undertone.worker.sweep import UNNAMED_FOR

__all__ = ["Finding", "Piece", "Received", "Sent", "audit"]


async def audit(
    database_url: str,
    data: Path,
    sent: Sequence[Sent] = (),
    received: Sequence[Received] = (),
    *,
    meeting: str | None = None,
    strangers: Collection[str] = (),
    unnamed_for: timedelta = UNNAMED_FOR,
) -> list[Finding]:
    """Everything that does not hold of a meeting, or of all; `data` is the folder that holds `clips`.

    For when candidates have left and windows are judged. `strangers` are participants of whom nobody wrote down what
    they sent. `unnamed_for`: how long an object may be there that no row
    names; zero for a run in which no process and no database died between writing a clip and naming it.
    """
    book = await read_book(database_url, data, meeting)
    return [
        *kept_as_sent(book, sent, strangers),
        *numbered_without_holes(book),
        *kept_as_named(book, unnamed_for),
        *judged_once(book),
        *nobody_left_half_way(book),
        *numbered_densely(book),
        *told_as_it_is(book),
        *received_once_in_order(book, received),
    ]
