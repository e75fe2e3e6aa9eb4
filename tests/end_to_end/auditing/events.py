"""The channel against the rows, and what each proctor received against the channel."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import orjson

from tests.end_to_end.auditing.book import Book, Finding, Received, Row, named, stream_key
from undertone.core.events import Event, decode_event
from undertone.core.times import rfc3339
from undertone.store.events import stored

STATES = frozenset(
    f"candidate_{state}" for state in ("joined", "streaming", "degraded", "silent", "lost", "finished", "revoked")
)


def numbered_densely(book: Book) -> Iterator[Finding]:
    """Ids count 1, 2, 3 … up to the meeting's counter, and time goes with them."""
    for row in book.meetings:
        meeting, last, trimmed = row["meeting"], row["last_event"], row["trimmed_to"]
        events = book.events_of[meeting]
        ids = [event["id"] for event in events]
        if ids != list(range(trimmed + 1, last + 1)):
            missing = sorted(set(range(trimmed + 1, last + 1)) - set(ids))
            beyond = [id_ for id_ in ids if id_ > last]
            yield Finding(
                "event row missing", f"meeting {meeting}: of {last} events, {missing} miss and {beyond} are too many"
            )
        if any(later["at"] < earlier["at"] for earlier, later in pairwise(events)):
            yield Finding("time runs back", f"meeting {meeting}: an event is older than the one before it")
        ended = sum(event["kind"] == "meeting_ended" for event in events)
        if not trimmed and ended != (row["ended_at"] is not None):
            yield Finding("event count wrong", f"meeting {meeting}: its end was told {ended} times")


def told_as_it_is(book: Book) -> Iterator[Finding]:
    """One event for each thing that happened, saying what its row says. For meetings whose events are all kept."""
    kept = {row["meeting"] for row in book.meetings if not row["trimmed_to"]}
    told: dict[tuple[str, tuple[Any, ...]], list[dict[str, Any]]] = defaultdict(list)
    shown: dict[tuple[str, str], str] = {}
    for row in book.events:
        body = orjson.loads(row["body"])
        if row["kind"] in STATES:
            shown[row["meeting"], row["participant"]] = row["kind"].removeprefix("candidate_")
        told[row["kind"], _subject(row, body)].append(body)
    for row in book.windows:
        if row["meeting"] in kept:
            yield from _window(row, told)
    for row in book.participants:
        who = row["meeting"], row["participant"]
        if row["meeting"] not in kept:
            continue
        yield from _counted("candidate_joined", 1 if row["revoked_at"] is None else None, told, who, row["participant"])
        if shown.get(who) != row["state"]:
            yield Finding("state wrong", f"{who[1]} is {row['state']}, and was last told to be {shown.get(who)}")
    for row in book.streams:
        if row["meeting"] in kept and row["finished_at"] is not None:
            name = f"stream {row['stream']} of {row['participant']}"
            yield from _counted("candidate_finished", 1, told, stream_key(row), name)
    for row in book.anomalies:
        if row["meeting"] in kept:
            who = row["meeting"], row["anomaly"]
            yield from _counted("anomaly_opened", 1, told, who, f"anomaly {row['anomaly']}")
            yield from _counted("anomaly_grew", row["count"] - 1, told, who, f"anomaly {row['anomaly']}")


def _subject(row: Row, body: dict[str, Any]) -> tuple[Any, ...]:
    """What the event is one of: at most one each."""
    kind, meeting, who = row["kind"], row["meeting"], row["participant"]
    if kind in ("window_stored", "window_judged"):
        return meeting, who, body["stream"], body["window"]
    if kind == "candidate_finished":
        return meeting, who, body["stream"]
    if kind in ("anomaly_opened", "anomaly_grew"):
        return meeting, body["anomaly"]["id"]
    return meeting, who


def _counted(kind: str, right: int | None, told: Any, subject: tuple[Any, ...], name: str) -> Iterator[Finding]:
    count = len(told[kind, subject])
    if right is not None and count != right:
        yield Finding("event count wrong", f"{name}: {kind} was told {count} times, not {right}")


def _window(row: Row, told: Any) -> Iterator[Finding]:
    key = (*stream_key(row), row["number"])
    said = {"start_at": rfc3339(row["start_at"]), "duration_ms": row["duration_ms"]}
    judged = row["outcome"] is not None
    for kind, right in (("window_stored", said), ("window_judged", {**said, "outcome": row["outcome"]})):
        yield from _counted(kind, 1 if kind == "window_stored" else int(judged), told, key, named(row))
        for body in told[kind, key]:
            wrong = {name: body[name] for name in right if body[name] != right[name]}
            if wrong:
                yield Finding("event wrong", f"{kind} of {named(row)} says {wrong}, its row {right}")


def received_once_in_order(book: Book, received: Sequence[Received]) -> Iterator[Finding]:
    """Every event of the meeting, to every proctor of it."""
    last = {row["meeting"]: row["last_event"] for row in book.meetings}
    texts = {meeting: {row["id"]: row for row in rows} for meeting, rows in book.events_of.items()}
    for each in received:
        until = last.get(each.meeting, each.after) if each.until is None else each.until
        name = f"proctor {each.proctor} of {each.meeting}"
        counts = Counter(event.id for event in each.events)
        for id_ in sorted(set(range(each.after + 1, until + 1)) - counts.keys()):
            yield Finding("event dropped", f"{name} never received event {id_}")
        for id_, count in sorted(counts.items()):
            if count > 1:
                yield Finding("event doubled", f"{name} received event {id_} {count} times")
        for before, event in _turned(each.events):
            yield Finding("events swapped", f"{name} received event {event.id} after event {before.id}")
        for event in each.events:
            row = texts.get(each.meeting, {}).get(event.id)
            if row is None or event.id <= each.after:
                yield Finding("event unknown", f"{name} received event {event.id}, which it should not have")
            elif decode_event(stored(row).text) != event:
                yield Finding("event wrong", f"{name} received event {event.id} otherwise than it is kept")


def _turned(events: Sequence[Event]) -> Iterable[tuple[Event, Event]]:
    pairs = pairwise(events)
    return ((before, event) for before, event in pairs if event.id < before.id)
