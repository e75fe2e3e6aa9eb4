"""Objects against rows: what must be there is, whole; what must be gone is; and nobody is left half-way."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import orjson

from tests.end_to_end.auditing.book import Book, Finding, named, stream_key
from undertone.store.clips import clip_object

INNOCENT: Final = ("clean", "silent")
# Deletions are tried within 15 s, parts are taken up within 60 s and looked for every 5 s; busy machines get as much
# again.
DELETED_WITHIN: Final = timedelta(seconds=60)
PART_WITHIN: Final = timedelta(seconds=120)


def kept_as_named(book: Book, unnamed_for: timedelta) -> Iterator[Finding]:
    """Clips and parts. An object that no row names may be there for `unnamed_for`."""
    wanted: dict[str, tuple[str, int]] = {}
    for row in book.windows:
        if row["clip"] is not None:
            wanted[clip_object(row["meeting"], row["clip"])] = f"the clip of {named(row)}", row["clip_bytes"]
            if row["outcome"] in INNOCENT:
                yield Finding("clip kept", f"{named(row)} was found {row['outcome']}, and still has its clip")
        elif row["outcome"] not in INNOCENT:
            yield Finding("clip missing", f"{named(row)} is {row['outcome'] or 'not judged yet'}, and has no clip")
    for row in book.parts:
        wanted[row["object"]] = f"the part of stream {row['stream']} of {row['participant']}", row["bytes"]
    for name, (what, size) in wanted.items():
        found = book.objects.get(name)
        if found is None or not found.path.exists():
            yield Finding("clip missing", f"{what} is not in the clip store")
        elif found.path.stat().st_size != size:
            yield Finding("clip damaged", f"{what} has {found.path.stat().st_size} bytes in the clip store, not {size}")
    yield from _damaged(book)
    doomed = {row["object"] for row in book.deletions}
    for name in wanted.keys() & doomed:
        yield Finding("clip doomed", f"{wanted[name][0]} is needed, and is to be deleted")
    oldest = (book.now - unnamed_for).timestamp()
    for name, found in book.objects.items():
        # Looked at again: deletions are carried out while we read.
        if name not in wanted and name not in doomed and found.modified_at <= oldest and found.path.exists():
            yield Finding("clip leaked", f"{name} is in the clip store, and no row names it")
    for row in book.deletions:
        if row["requested_at"] < book.now - DELETED_WITHIN:
            yield Finding("deletion overdue", f"{row['object']} was to be deleted at {row['requested_at']}")


def _damaged(book: Book) -> Iterator[Finding]:
    for row in book.windows:
        found = book.objects.get(clip_object(row["meeting"], row["clip"])) if row["clip"] else None
        if found is None or not found.path.exists():
            continue
        if hashlib.sha256(found.path.read_bytes()).digest() != row["fingerprint"]:
            yield Finding("clip damaged", f"the clip of {named(row)} has another fingerprint than its row")


def judged_once(book: Book) -> Iterator[Finding]:
    """Verdicts, and the anomalies they led to."""
    clips = {(row["meeting"], row["clip"]) for row in book.windows if row["clip"] is not None}
    for row in book.windows:
        if row["outcome"] is None:
            yield Finding("verdict missing", f"{named(row)} was stored, and never judged")
        elif row["leased_by"] is not None:
            yield Finding("lease left", f"{named(row)} was judged, and is still leased by {row['leased_by']}")
        elif row["outcome"] == "failed" and not row["reason"]:
            yield Finding("failure unexplained", f"{named(row)} failed, and nothing says why")
    heard = Counter(
        (row["meeting"], row["participant"], row["outcome"])
        for row in book.windows
        if row["outcome"] in ("multiple_voices", "voice_changed")
    )
    counted: Counter[tuple[str, str, str]] = Counter()
    for row in book.anomalies:
        counted[row["meeting"], row["participant"], row["kind"]] += row["count"]
        for each in orjson.loads(row["evidence"]):
            if (row["meeting"], each["clip"]) not in clips:
                yield Finding(
                    "evidence missing", f"anomaly {row['anomaly']} shows clip {each['clip']}, which no window has"
                )
    for who in heard.keys() | counted.keys():
        if heard[who] != counted[who]:
            yield Finding(
                "anomaly miscounted", f"{who[1]} has {heard[who]} windows of {who[2]}, and anomalies of {counted[who]}"
            )


def nobody_left_half_way(book: Book) -> Iterator[Finding]:
    """Lines and parts: a run that is over holds none."""
    finished = {stream_key(row) for row in book.streams if row["finished_at"] is not None}
    for row in book.participants:
        if row["node"] is not None:
            yield Finding("line left", f"the line of {row['participant']} is still held by node {row['node']}")
        newest = row["meeting"], row["participant"], row["streams"]
        if newest in finished and row["state"] not in ("finished", "revoked"):
            yield Finding("state wrong", f"{row['participant']} has finished, and shows as {row['state']}")
    for row in book.parts:
        if stream_key(row) in finished:
            yield Finding(
                "part left", f"stream {row['stream']} of {row['participant']} is finished, and still has a part"
            )
        elif row["left_at"] < book.now - PART_WITHIN:
            yield Finding(
                "part left", f"the part of stream {row['stream']} of {row['participant']} was taken up by nobody"
            )
