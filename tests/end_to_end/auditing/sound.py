"""Streams against what was sent: no byte lost, windows without a hole between them, clips that sound as they should."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from tests.audio import decode
from tests.end_to_end.auditing.book import Book, Finding, Row, Sent, named, stream_key
from tests.end_to_end.auditing.expected import Expected, windows_of
from undertone.store.clips import clip_object

# What a window's row says of its place and length; the clip's bytes are compared by their fingerprint.
MEASURES = ("start_ms", "duration_ms", "samples", "lead_in_samples", "sample_rate", "clip_bytes")


def kept_as_sent(book: Book, sent: Sequence[Sent], strangers: Collection[str]) -> Iterator[Finding]:
    """Every stream that was sent; and no other in the meetings that these are of, but those of `strangers`."""
    rows = {stream_key(row): row for row in book.streams}
    for each in sent:
        row = rows.pop((each.meeting, each.participant, each.stream), None)
        name = f"stream {each.stream} of {each.participant} in {each.meeting}"
        if row is None:
            if each.acknowledged or each.finished:
                yield Finding("stream missing", f"{name} was acknowledged, and has no row")
            continue
        yield from _end(name, each, row)
        yield from _windows(book, each, row)
    described = {each.meeting for each in sent}
    for meeting, participant, stream in rows:
        if meeting in described and participant not in strangers:
            yield Finding("stream unknown", f"stream {stream} of {participant} in {meeting} was sent by nobody")


def numbered_without_holes(book: Book) -> Iterator[Finding]:
    """What can be said of windows without knowing what was sent."""
    for row in book.streams:
        windows = book.windows_of[stream_key(row)]
        name = f"stream {row['stream']} of {row['participant']} in {row['meeting']}"
        numbers = [window["number"] for window in windows]
        if numbers != list(range(row["next_window"])):
            yield Finding("window missing", f"{name} has windows {numbers}, not 0 to {row['next_window'] - 1}")
        end_ms = holes_ms = 0
        for window in windows:
            hole_ms = window["start_ms"] - end_ms
            if hole_ms < 0:
                yield Finding(
                    "windows overlap", f"{named(window)} begins {-hole_ms} ms before the end of the one before"
                )
            holes_ms += hole_ms
            end_ms = window["start_ms"] + window["duration_ms"]
        # Both ends of a gap are rounded down to a millisecond.
        if holes_ms > row["lost_ms"] + len(windows):
            yield Finding(
                "windows apart", f"{name} has holes of {holes_ms} ms, and gaps of {row['lost_ms']} ms were told"
            )


def _end(name: str, sent: Sent, row: Row) -> Iterator[Finding]:
    reached = row["total_bytes"] if row["finished_at"] else row["resume_offset"]
    if sent.acknowledged > reached:
        yield Finding("sound lost", f"{name} was stored to byte {sent.acknowledged}, and is kept to byte {reached}")
    if sent.finished is None:
        return
    last = sent.pieces[-1]
    end = last.offset + len(last.data)
    if sent.finished[0] != end:
        yield Finding("sound lost", f"{name} has {end} bytes, and was finished at byte {sent.finished[0]}")
    kept = (row["total_bytes"], row["next_window"])
    if kept != sent.finished:
        yield Finding("stream end wrong", f"{name} was finished at {sent.finished}, its row says {kept}")


def _windows(book: Book, sent: Sent, row: Row) -> Iterator[Finding]:
    windows = book.windows_of[stream_key(row)]
    lengths = [window["samples"] for window in windows]
    expected = list(windows_of(sent.pieces, lengths, finished=row["finished_at"] is not None))
    for window, should in zip(windows, expected, strict=False):
        yield from _window(book, window, should)
    for window in windows[len(expected) :]:
        yield Finding("window unknown", f"{named(window)} holds sound that nobody sent")
    if row["finished_at"] is not None:
        for should in expected[len(windows) :]:
            number = should.window.window
            yield Finding(
                "window missing",
                f"window {number} of stream {sent.stream} of {sent.participant} was sent and is not kept",
            )


def _window(book: Book, row: Row, expected: Expected) -> Iterator[Finding]:
    window = expected.window
    should = (
        window.start_ms, window.duration_ms, window.samples, window.lead_in_samples, window.format.sample_rate,
        len(window.clip),
    )  # fmt: skip
    for measure, right in zip(MEASURES, should, strict=True):
        if row[measure] != right:
            yield Finding("window wrong", f"{named(row)} has {measure} {row[measure]}, and {right} was sent")
    if row["fingerprint"] != hashlib.sha256(window.clip).digest():
        yield Finding("sound differs", f"the clip of {named(row)} was not made of the bytes that were sent")
    kept = book.objects.get(clip_object(row["meeting"], row["clip"])) if row["clip"] else None
    if kept is None or not kept.path.exists():
        return
    clip = kept.path.read_bytes()
    if clip != window.clip:
        yield Finding("sound differs", f"the clip of {named(row)} in the store has not the bytes that were sent")
        return
    heard = decode(clip)[:, row["lead_in_samples"] :]
    if not np.array_equal(heard, expected.sound()):
        yield Finding("sound differs", f"the clip of {named(row)} does not sound as what was sent")
