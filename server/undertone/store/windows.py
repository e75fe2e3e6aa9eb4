"""The analysis queue: windows are claimed in turn under a lease, and ended by a verdict in one transaction.

Work is at least once, its effects are exactly once: a lease that ran out is claimed again, and its number fences
whoever held it before. The windows of one participant are claimed one at a time, in the order of stream and number.
Locks are taken in one order everywhere: the participant's row, its windows, its anomalies, then the meeting's
(by `events.append`).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import msgspec

from undertone.core.anomaly import ANOMALY_MINUTES, Growing, HeardWindow, Opened, kind_of, place
from undertone.core.errors import NotFound
from undertone.core.events import AnomalyMoved, CandidateMoved, Evidence, Person, WindowJudged
from undertone.core.times import rfc3339
from undertone.core.verdict import Diarization, Outcome, Verdict, judge
from undertone.store.anomalies import anomaly_of
from undertone.store.clips import clip_object
from undertone.store.database import Database, Row, Transaction
from undertone.store.events import Moved, NewEvent, append
from undertone.store.window_queries import (
    CLAIM,
    END_WINDOW,
    GROW_ANOMALY,
    GROWING,
    LOCK_PARTICIPANT,
    OPEN_ANOMALY,
    PARTICIPANT_JUDGED,
    PUT_OFF,
    RELEASE,
    RENEW,
    TURN,
)

# Four renewals: a worker that was killed holds its windows up no longer than a proctor would wait anyway.
LEASE_S: Final = 20.0
# A crash may come from outside (memory, a deploy) twice; the third in a row is the clip's own.
MOST_ATTEMPTS: Final = 3
# Several workers may see the same turn; who loses it looks again, a few times, before it sleeps.
LOST_RACES: Final = 5
# A failed window is tried again after so long, times its attempts: a machine out of memory gets time to recover.
RETRY_S: Final = 5.0

# Innocent audio does not stay.
_NEEDLESS: Final = frozenset({Outcome.CLEAN, Outcome.SILENT})
_NOTHING_HEARD: Final = "nothing was heard in the last window"

_evidence: msgspec.json.Decoder[list[Evidence]] = msgspec.json.Decoder(list[Evidence])


@dataclass(frozen=True, slots=True)
class Claimed:
    """A window to analyse, ours until the lease runs out or is refused. `attempts` counts this one."""

    meeting: str
    participant: str
    name: str
    stream: int
    number: int
    clip: str
    lead_in_samples: int
    samples: int
    sample_rate: int
    start_ms: int
    start_at: datetime
    duration_ms: int
    lease: int
    attempts: int
    profile: bytes | None  # the candidate's voice from the windows before
    expected_voices: int  # as it was when the window was claimed

    @property
    def object_name(self) -> str:
        """The clip's name in the clip store."""
        return clip_object(self.meeting, self.clip)

    @property
    def person(self) -> Person:
        return Person(id=self.participant, name=self.name)

    @property
    def fence(self) -> dict[str, object]:
        """The window and the lease's number, as the statements take them."""
        return {**self.key, "stream": self.stream, "number": self.number, "lease": self.lease}

    @property
    def key(self) -> dict[str, object]:
        """The participant, as the statements take it."""
        return {"meeting": self.meeting, "participant": self.participant}


class Windows:
    """The queue as one process uses it. Everything raises Unavailable while the database is away."""

    def __init__(
        self,
        database: Database,
        moved: Moved,
        *,
        lease_s: float = LEASE_S,
        retry_s: float = RETRY_S,
        anomaly_minutes: int = ANOMALY_MINUTES,
        keep_profiles: bool = True,
    ) -> None:
        self._database = database
        self._moved = moved
        self._lease_s = lease_s
        self._retry_s = retry_s
        self._anomaly_minutes = anomaly_minutes
        self._keep_profiles = keep_profiles
        self._after = ""  # the meeting that had the last turn

    async def claim(self, worker: str, limit: int) -> list[Claimed]:
        """Up to `limit` windows, each of another participant: meetings in turn, in each its participants in turn."""
        claimed: list[Claimed] = []
        for _ in range(limit + LOST_RACES):
            window = await self._claim_one(worker)
            if isinstance(window, Claimed):
                claimed.append(window)
            if window == "nothing waits" or len(claimed) == limit:
                break
        return claimed

    async def _claim_one(self, worker: str) -> Claimed | Literal["nothing waits", "another was faster"]:
        async with self._database.transaction() as tx:
            turn = await tx.fetch_one(TURN, {"after": self._after})
            if turn is None and self._after:  # round once more from the first meeting
                turn = await tx.fetch_one(TURN, {"after": ""})
            if turn is None:
                return "nothing waits"
            row = await tx.fetch_one(CLAIM, {**turn, "worker": worker, "lease_s": self._lease_s})
        self._after = turn["meeting"]
        if row is None:
            return "another was faster"
        return Claimed(**{**row, "profile": row["profile"] if self._keep_profiles else None})

    async def renew(self, claimed: Claimed) -> bool:
        """Keep the window for another lease. False if it is not ours any more."""
        return await self._database.fetch_one(RENEW, {**claimed.fence, "lease_s": self._lease_s}) is not None

    async def release(self, claimed: Claimed, delay_s: float = 0.0) -> None:
        """Give the window back untried, claimable by anybody after `delay_s`; the attempt does not count."""
        await self._database.fetch_one(RELEASE, {**claimed.fence, "delay_s": delay_s, "refund": 1})

    async def put_off(self, claimed: Claimed, delay_s: float) -> bool:
        """The same for half an hour from when the window was stored. False after that, or if it isn't ours."""
        return await self._database.fetch_one(PUT_OFF, {**claimed.fence, "delay_s": delay_s}) is not None

    async def judge(self, claimed: Claimed, diarization: Diarization) -> bool:
        """End the window by the verdict on what was heard, with all that follows from it, in one transaction.

        How many voices are expected is what the participant's row says at this moment. False, and no verdict, if the
        lease is not ours any more, or if the voice that it was compared with was forgotten meanwhile: then it is given
        back untried, to be heard once more.
        """
        return await self._ended(claimed, diarization)

    async def failed(self, claimed: Claimed, reason: str) -> bool:
        """An attempt failed: tried again later, or ended as `failed`, visibly, clip kept. False if it isn't ours."""
        if claimed.attempts < MOST_ATTEMPTS:
            values = {**claimed.fence, "delay_s": self._retry_s * claimed.attempts, "refund": 0}
            return await self._database.fetch_one(RELEASE, values) is not None
        return await self._ended(claimed, reason)

    async def _ended(self, claimed: Claimed, result: Diarization | str) -> bool:
        try:
            async with self._database.transaction() as tx:
                participant = await tx.fetch_one(LOCK_PARTICIPANT, claimed.key)
                if participant is None:
                    return False
                if isinstance(result, Diarization) and result.profile is not None and _forgotten(participant, claimed):
                    # Its verdict would accuse the very voice that a proctor has just said may stay.
                    await tx.fetch_one(RELEASE, {**claimed.fence, "delay_s": 0.0, "refund": 1})
                    return False
                expected: int = participant["expected_voices"]
                verdict = _failure(result) if isinstance(result, str) else judge(result, expected)
                if await tx.fetch_one(END_WINDOW, _window_values(claimed, verdict)) is None:
                    return False
                events = [NewEvent("window_judged", _told(claimed, verdict), claimed.person)]
                moved = await self._place(tx, claimed, verdict, expected)
                if moved is not None:
                    events.append(moved)
                state = _next_state(participant, claimed, verdict)
                if state != participant["state"]:
                    body = CandidateMoved(claimed.stream, _NOTHING_HEARD if state == "silent" else None)
                    events.append(NewEvent(f"candidate_{state}", body, claimed.person))
                judged = {
                    **claimed.key,
                    "outcome": verdict.outcome.value,
                    "opened": int(moved is not None and moved.kind == "anomaly_opened"),
                    "keep": self._keep_profiles,
                    "known": claimed.profile,
                    # Of several who may speak, nobody knows whose voice the engine took for the candidate's.
                    "profile": None if isinstance(result, str) or expected > 1 else result.profile,
                    "state": state,
                    "state_reason": _NOTHING_HEARD if state == "silent" else None,
                }
                await tx.execute(PARTICIPANT_JUDGED, judged)
                await append(tx, claimed.meeting, events)
        except NotFound:  # the meeting was deleted at this very moment
            return False
        self._moved(claimed.meeting)
        return True

    async def _place(self, tx: Transaction, claimed: Claimed, verdict: Verdict, expected: int) -> NewEvent | None:
        kind = kind_of(verdict.outcome)
        if kind is None:
            return None
        row = await tx.fetch_one(GROWING, {**claimed.key, "kind": kind})
        growing = None if row is None else _growing(row)
        window = HeardWindow(
            clip=claimed.clip,
            lead_in_ms=claimed.lead_in_samples * 1000 // claimed.sample_rate,
            start_ms=claimed.start_ms,
            start_at=claimed.start_at,
            duration_ms=claimed.duration_ms,
            expected_voices=expected,
        )
        placed = place(growing, verdict, window, self._anomaly_minutes)
        if placed is None:
            return None
        opened = isinstance(placed, Opened)
        anomaly = secrets.token_hex(8) if opened or row is None else str(row["anomaly"])
        values = {
            "meeting": claimed.meeting,
            "anomaly": anomaly,
            "name": claimed.name,
            "opened_at": placed.opened_at,
            "last_at": placed.last_at,
            "count": placed.count,
            "summary": placed.summary,
            "evidence": msgspec.json.encode(placed.evidence).decode(),
        }
        if opened:
            written = await tx.fetch_one(OPEN_ANOMALY, {**values, "participant": claimed.participant, "kind": kind})
        else:
            written = await tx.fetch_one(GROW_ANOMALY, values)
        assert written is not None  # inserted just now, or locked by us
        body = AnomalyMoved(anomaly=anomaly_of(written))
        return NewEvent("anomaly_opened" if opened else "anomaly_grew", body, claimed.person)


def _growing(row: Row) -> Growing:
    evidence = _evidence.decode(row["evidence"])
    return Growing(row["kind"], row["opened_at"], row["last_at"], row["count"], evidence)


def _forgotten(participant: Row, claimed: Claimed) -> bool:
    """Whether the voice that the window was claimed with was dismissed since. It happens to a window once."""
    return claimed.profile is not None and participant["profile"] is None


def _failure(reason: str) -> Verdict:
    return Verdict(Outcome.FAILED, 0, 0.0, (), 0, (), reason, "")


def _told(claimed: Claimed, verdict: Verdict) -> WindowJudged:
    return WindowJudged(
        stream=claimed.stream,
        window=claimed.number,
        start_at=rfc3339(claimed.start_at),
        duration_ms=claimed.duration_ms,
        outcome=verdict.outcome.value,
        voices=verdict.voices,
        confidence=verdict.confidence,
        reason=verdict.reason,
    )


def _window_values(claimed: Claimed, verdict: Verdict) -> dict[str, object]:
    turns = [(turn.start_ms, turn.end_ms, turn.speaker) for turn in verdict.turns]
    return {
        **claimed.fence,
        "outcome": verdict.outcome.value,
        "voices": verdict.voices,
        "confidence": verdict.confidence,
        "other_ms": verdict.other_ms,
        "speech_ms": list(verdict.speech_ms),
        "turns": msgspec.json.encode(turns).decode(),
        "reason": verdict.reason,
        "engine": verdict.engine or None,
        "needless": claimed.object_name if verdict.outcome in _NEEDLESS else None,
    }


def _next_state(participant: Row, claimed: Claimed, verdict: Verdict) -> str:
    """Only the newest stream speaks for the candidate; a window that could not be analysed says nothing."""
    state: str = participant["state"]
    if participant["streams"] != claimed.stream or verdict.outcome is Outcome.FAILED:
        return state
    silent = verdict.outcome is Outcome.SILENT
    if silent and state == "streaming":
        return "silent"
    return "streaming" if state == "silent" and not silent else state
