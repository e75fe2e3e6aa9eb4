"""A meeting in the middle of an exam, written straight into the database: what a proctor's view has to cope with.

await crowd(database_url, data, meeting, candidates=200, anomalies=500, minutes=120)
await append(database_url, meeting, "anomaly_opened", who, anomaly_body(1, who, datetime.now(UTC)))
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg

from tests.browser.speech import SAMPLES
from undertone.store.notify import CHANNEL, NOTIFY

# As `undertone analyze` says of the sample: who speaks when, in ms.
TURNS: Final[tuple[tuple[int, int, int], ...]] = (
    (380, 3840, 0), (3840, 10000, 1), (10320, 11820, 1), (12040, 16060, 0), (16360, 20000, 0), (20960, 24340, 0),
    (25680, 28280, 1), (28640, 30800, 1), (30800, 32940, 0), (33440, 34320, 0), (35880, 37740, 1), (38120, 41800, 0),
    (42380, 43920, 0), (43920, 46400, 1), (46780, 48240, 1), (48240, 50320, 0), (51160, 53600, 0), (53600, 54620, 1),
    (54960, 56640, 1), (56640, 59760, 0),
)  # fmt: skip
WINDOW_MS: Final = 60_000
# So much of each clip belongs to the window before. In life it is a tenth of a second; here nobody who forgets it plays
# or draws the right place by chance.
LEAD_IN_MS: Final = 2_000
GIVEN: Final = (
    "Amara", "Bilal", "Chiara", "Dana", "Elif", "Farid", "Grace", "Hana", "Ivo", "Jonas", "Kofi", "Leila", "Mateo",
    "Noor", "Olga", "Priya", "Quentin", "Rosa", "Samir", "Tove", "Uma", "Victor", "Wren", "Ximena", "Yusuf", "Zofia",
)  # fmt: skip
FAMILY: Final = ("Adeyemi", "Bergström", "Costa", "Dubois", "Eriksen", "Fuentes", "García-Hernández", "Haddad", "Ito")
# Names as long, and in as many scripts, as life brings them, by place.
UNLIKE: Final = {
    4: "Maximiliane-Friederike von Hohenlohe-Waldenburg-Schillingsfürst",
    9: "عبد الرحمن بن عبد العزيز الأنصاري القرطبي",
}
STATES: Final = ("streaming",) * 44 + ("degraded", "silent", "lost", "finished", "joined", "revoked")
OUTCOMES: Final = ("clean",) * 40 + ("silent", "silent", "unclear", "failed")
# As the server's own processes say it.
REASONS: Final = {
    "silent": "no sound: the microphone is muted or dead",
    "unclear": "too noisy to tell voices apart",
    "failed": "the analysis took longer than 40 s",
}
UNCLEAR: Final = 2  # the place of somebody whose last minute could not be judged
NOTES: Final = ("A radio in the next room.", "Somebody reads the question aloud.", None)

WINDOW_COLUMNS: Final = (
    "meeting", "participant", "stream", "number", "start_ms", "duration_ms", "start_at", "clip", "clip_bytes",
    "fingerprint", "sample_rate", "samples", "lead_in_samples", "outcome", "reason",
)  # fmt: skip

APPEND: Final = """
with counted as (update meetings set last_event = last_event + 1 where meeting = $1 returning last_event)
insert into events (meeting, id, kind, participant, name, body)
select $1, last_event, $2, $3, $4, $5 from counted returning id
"""


@dataclass(frozen=True)
class Person:
    id: str
    name: str


def people(count: int) -> list[Person]:
    """The same ones each time."""
    return [
        Person(
            f"person-{number}",
            UNLIKE.get(number, f"{GIVEN[number % len(GIVEN)]} {FAMILY[(number * 7) % len(FAMILY)]}"),
        )
        for number in range(count)
    ]


async def crowd(
    database_url: str, data: Path, meeting: str, *, candidates: int = 200, anomalies: int = 500, minutes: int = 120
) -> list[Person]:
    """Candidates with a window a minute, and anomalies spread over them. All clips are the bundled two voices."""
    dice = random.Random(7)
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes)
    them = people(candidates)
    clip = (SAMPLES / "two-voices.mp3").read_bytes()
    loud: dict[tuple[str, int], tuple[str, str]] = {}  # the clip and the outcome of a window with a finding
    rows = []
    placed = []
    for number in range(anomalies):
        who = them[dice.randrange(candidates)]
        first = dice.randrange(max(1, minutes - 4))
        kind = "voice_changed" if number % 17 == 5 else "multiple_voices"
        evidence = []
        for window in range(first, first + dice.choice((1, 1, 1, 2, 4))):
            name, _ = loud.setdefault((who.id, window), (f"{who.id}-1-{window}-{number}", kind))
            heard = _evidence(name, began + timedelta(minutes=window), dice)
            evidence.append(_alone(heard) if kind == "voice_changed" else heard)
        placed.append((number, kind, who, evidence))
    last = dict.fromkeys((who.id for who in them), "clean")
    for place, who in enumerate(them):
        for window in range(minutes):
            if dice.random() < 0.004 and (who.id, window) not in loud:
                continue  # this minute never came
            name, outcome = loud.get((who.id, window), (f"{who.id}-1-{window}", dice.choice(OUTCOMES)))
            if window == minutes - 1 and place == UNCLEAR:
                outcome = "unclear"
            at = began + timedelta(minutes=window)
            rows.append(_window(meeting, who.id, window, at, name, clip, outcome))
            last[who.id] = outcome
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.executemany(
                "insert into participants (meeting, participant, name, external_id, state, reason, streams,"
                " last_outcome, anomalies, created_at) values ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9)",
                [
                    (
                        meeting, who.id, who.name, f"S-{1000 + place}",
                        (state := STATES[(place * 3 + 1) % len(STATES)]),
                        "the connection broke" if state == "lost" else None, last[who.id],
                        sum(each.id == who.id for _, _, each, _ in placed), began + timedelta(milliseconds=place),
                    )
                    for place, who in enumerate(them)
                ],
            )  # fmt: skip
            await connection.executemany(
                "insert into streams (meeting, participant, stream) values ($1, $2, 1)",
                [(meeting, who.id) for who in them],
            )
            await connection.copy_records_to_table("windows", records=rows, columns=WINDOW_COLUMNS)
            await connection.executemany(
                "insert into anomalies (meeting, anomaly, participant, kind, state, opened_at, last_at, count, summary,"
                " evidence, reviewed, review) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                [_anomaly(meeting, *each, dice) for each in placed],
            )
    finally:
        await connection.close()
    folder = data / "clips" / meeting
    folder.mkdir(parents=True, exist_ok=True)
    first_name, *others = (folder / f"{name}.mp3" for name, _ in loud.values())
    first_name.write_bytes(clip)
    for other in others:
        other.hardlink_to(first_name)
    return them


async def append(database_url: str, meeting: str, kind: str, who: Person | None, body: dict[str, Any]) -> int:
    """One event, as the server's own processes write it, and their hint to look at once. Its id."""
    connection = await asyncpg.connect(database_url)
    try:
        row = await connection.fetchrow(APPEND, meeting, kind, who and who.id, who and who.name, json.dumps(body))
        await connection.execute(NOTIFY, CHANNEL, [json.dumps({"moved": [meeting]})])
    finally:
        await connection.close()
    assert row is not None
    return int(row["id"])


def spoken_at(evidence: dict[str, Any]) -> int:
    """Where in its clip the second voice begins, in ms: by the sample, whatever the evidence says of a lead-in."""
    behind = [turn for turn in evidence["turns"] if turn[2] == 1]
    return next(start for start, end, who in TURNS if [start - LEAD_IN_MS, end - LEAD_IN_MS, who] in behind)


def anomaly_body(number: int, who: Person, at: datetime) -> dict[str, Any]:
    """What `anomaly_opened` carries, with a clip that nobody stored."""
    start = at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return {
        "anomaly": {
            "id": f"late-{number}",
            "kind": "multiple_voices",
            "state": "open",
            "participant": {"id": who.id, "name": who.name},
            "opened_at": start,
            "last_at": (at + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "count": 1,
            "summary": "another voice for about 21 s",
            "evidence": [_evidence(f"{who.id}-late", at, random.Random(number))],
        }
    }


def _evidence(clip: str, at: datetime, dice: random.Random) -> dict[str, Any]:
    # Some are the whole conversation; others have a few of the second voice's turns.
    most = dice.choice((0, 1, 2, 3, 9))
    others = [turn for turn in TURNS if turn[2] == 1][most % 5 : most + 1]
    heard = sorted([*(turn for turn in TURNS if turn[2] == 0), *others])
    return {
        "clip": clip,
        "lead_in_ms": LEAD_IN_MS,
        "start_at": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "duration_ms": WINDOW_MS - LEAD_IN_MS,
        "voices": 2,
        "other_ms": sum(end - start for start, end, _ in others),
        "confidence": round(dice.uniform(0.62, 0.99), 4),
        "turns": [(max(0, start - LEAD_IN_MS), end - LEAD_IN_MS, who) for start, end, who in heard],
    }


def _alone(evidence: dict[str, Any]) -> dict[str, Any]:
    """The same minute, had only somebody else spoken in it."""
    turns = [(start, end, 0) for start, end, _ in evidence["turns"]]
    return {**evidence, "voices": 1, "other_ms": 0, "turns": turns}


def _window(meeting: str, who: str, number: int, at: datetime, clip: str, data: bytes, outcome: str) -> tuple[Any, ...]:
    fingerprint = hashlib.sha256(data).digest()
    start = number * WINDOW_MS
    sound = (len(data), fingerprint, 44100, 2646000, 0)
    return (meeting, who, 1, number, start, WINDOW_MS, at, clip, *sound, outcome, REASONS.get(outcome))


def _anomaly(
    meeting: str, number: int, kind: str, who: Person, evidence: list[dict[str, Any]], dice: random.Random
) -> tuple[Any, ...]:
    state = dice.choice(("open", "open", "open", "open", "open", "confirmed", "dismissed", "dismissed"))
    if kind == "voice_changed":
        state = "open"  # there are few, and they are to be seen
    opened = datetime.fromisoformat(evidence[0]["start_at"])
    last = datetime.fromisoformat(evidence[-1]["start_at"]) + timedelta(minutes=1)
    review = None
    if state != "open":
        at = (last + timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        review = json.dumps(
            {"decision": state, "by": dice.choice(("Morgan Lee", "Salma")), "at": at, "note": dice.choice(NOTES)}
        )
    return (
        meeting, f"anomaly-{number:04}", who.id, kind, state, opened, last, len(evidence), "another voice",
        json.dumps(evidence), state != "open", review,
    )  # fmt: skip
