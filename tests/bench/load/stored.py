"""Whether nothing was lost: what the database and the folder of clips hold, against what was spoken and told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from tests.bench.load.plan import Orders, Seen
from tests.bench.load.speech import Window

WINDOWS: Final = """
select meeting, participant, stream, number, clip, clip_bytes, fingerprint from windows
order by meeting, participant, stream, number"""
EVENTS: Final = """
select meeting, kind, count(*) as events, count(distinct (participant, body)) as different from events
group by meeting, kind"""
CHANNELS: Final = "select meeting, last_event from meetings"


@dataclass(frozen=True, slots=True)
class Found:
    """What there is, and everything that should not be so."""

    windows: int
    kinds: Counter[str]
    wrong: list[str]


async def look(database_url: str, data: Path, orders: Orders, windows: Sequence[Window], seen: Seen) -> Found:
    """All of it."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(WINDOWS)
        events = await connection.fetch(EVENTS)
        last = {row["meeting"]: row["last_event"] for row in await connection.fetch(CHANNELS)}
    finally:
        await connection.close()
    wrong = [
        *_windows(rows, data, orders, windows),
        *_candidates(seen, windows),
        *wrong_of_proctors(orders, seen, last),
    ]
    kinds: Counter[str] = Counter()
    for row in events:
        kinds[row["kind"]] += row["events"]
        if row["kind"] == "window_stored" and row["events"] != row["different"]:
            wrong.append(f"{row['events']} events tell of {row['different']} stored windows")
    due = len(orders.seats) * len(windows)
    if kinds["window_stored"] != due:
        wrong.append(f"{kinds['window_stored']} events instead of {due} tell of a stored window")
    if kinds["audio_missing"]:
        wrong.append(f"{kinds['audio_missing']} events tell of missing audio")
    return Found(len(rows), kinds, wrong)


def _windows(rows: Sequence[asyncpg.Record], data: Path, orders: Orders, windows: Sequence[Window]) -> list[str]:
    """Every candidate has every window once, in its one stream, with the very bytes that it spoke."""
    of: dict[tuple[str, str], list[asyncpg.Record]] = {(seat.meeting, seat.participant): [] for seat in orders.seats}
    wrong = []
    for row in rows:
        of[row["meeting"], row["participant"]].append(row)
        clip = data / "clips" / row["meeting"] / f"{row['clip']}.mp3"
        if not clip.exists() or clip.stat().st_size != row["clip_bytes"]:
            wrong.append(f"window {row['number']} of {row['participant']}: its clip is not there, or not whole")
    expected = [(1, number, window.fingerprint) for number, window in enumerate(windows)]
    for (_, participant), its in of.items():
        if [(row["stream"], row["number"], row["fingerprint"]) for row in its] != expected:
            wrong.append(f"{participant} has {len(its)} windows of {len(expected)}, or others than were spoken")
    return wrong


def _candidates(seen: Seen, windows: Sequence[Window]) -> list[str]:
    wrong = []
    for number, candidate in enumerate(seen.candidates):
        wrong += [f"candidate {number}: {each}" for each in candidate.wrong]
        if not candidate.finished:
            wrong.append(f"candidate {number} did not finish; its connections were closed with {candidate.closes}")
        # A `stored` on its way when the server is killed is said by the next `ready`; no other may be missing.
        breaks = len(candidate.ready_at) - 1
        if len(candidate.stored) < len(windows) - breaks:
            wrong.append(f"candidate {number} was told of {len(candidate.stored)} windows of {len(windows)}")
    return wrong


def wrong_of_proctors(orders: Orders, seen: Seen, last: dict[str, int]) -> list[str]:
    """What is wrong with the events that proctors have; `last`: of each meeting, the id of its last."""
    wrong = []
    for number, (post, proctor) in enumerate(zip(orders.posts, seen.proctors, strict=True)):
        wrong += [f"proctor {number}: {each}" for each in proctor.wrong]
        due = last[post.meeting] - proctor.first_id + 1
        if (proctor.events, proctor.last_id) != (due, last[post.meeting]):
            wrong.append(
                f"proctor {number} has {proctor.events} events up to {proctor.last_id}, "
                f"not {due} up to {last[post.meeting]}"
            )
        if proctor.repeated:
            wrong.append(f"proctor {number} was told {proctor.repeated} events again")
    return wrong
