"""Verdicts → anomalies: what a proctor should look at, and when a further window is the same matter.

An anomaly takes in windows of one participant and one kind for some minutes from its opening, counted between the
windows' starts; what comes later is news, and so is anything after a review. Which anomaly may grow is looked up by
the caller, who holds the participant's lock meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from undertone.core.events import AnomalyKind, Evidence
from undertone.core.times import rfc3339
from undertone.core.verdict import Outcome, Verdict

# Longer, and a proctor who looked once would not be called again in the same exam; shorter, and one visitor rings
# every minute.
ANOMALY_MINUTES: Final = 10
# Ten minutes hold 11 whole windows, or 13 if the tab is reloaded every 50 s. A candidate who reloads every second must
# not make every event of the channel megabytes long: further windows are counted, and kept, but not listed.
MOST_EVIDENCE: Final = 30

_KINDS: Final[dict[Outcome, AnomalyKind]] = {
    Outcome.MULTIPLE_VOICES: "multiple_voices",
    Outcome.VOICE_CHANGED: "voice_changed",
}


@dataclass(frozen=True, slots=True)
class HeardWindow:
    """The window that a verdict is about. `start_ms` is media time of its stream, `start_at` the wall clock."""

    clip: str
    lead_in_ms: int
    start_ms: int
    start_at: datetime
    duration_ms: int
    expected_voices: int

    @property
    def end_at(self) -> datetime:
        return self.start_at + timedelta(milliseconds=self.duration_ms)


@dataclass(frozen=True, slots=True)
class Growing:
    """An anomaly that nobody has reviewed yet. `count` windows, of which `evidence` lists the first, oldest first."""

    kind: AnomalyKind
    opened_at: datetime
    last_at: datetime
    count: int
    evidence: Sequence[Evidence]


@dataclass(frozen=True, slots=True)
class Opened(Growing):
    """A verdict opened a new anomaly."""

    summary: str


@dataclass(frozen=True, slots=True)
class Grew(Growing):
    """A verdict belongs to the anomaly that was open: this is what it is now."""

    summary: str


def kind_of(outcome: Outcome) -> AnomalyKind | None:
    """The anomaly that such a window is evidence of, if any."""
    return _KINDS.get(outcome)


def place(
    growing: Growing | None, verdict: Verdict, window: HeardWindow, minutes: int = ANOMALY_MINUTES
) -> Opened | Grew | None:
    """Where the verdict belongs: into the anomaly that is open, into a new one, or nowhere.

    `growing` is the participant's newest anomaly of the verdict's kind that was not reviewed. Windows of a stream that
    a newer one overtook may come late: an older one grows the anomaly as well as a newer one does.
    """
    kind = kind_of(verdict.outcome)
    if kind is None:
        return None
    evidence = Evidence(
        clip=window.clip,
        lead_in_ms=window.lead_in_ms,
        start_at=rfc3339(window.start_at),
        duration_ms=window.duration_ms,
        voices=verdict.voices,
        other_ms=verdict.other_ms,
        confidence=verdict.confidence,
        turns=[(turn.start_ms, turn.end_ms, turn.speaker) for turn in verdict.turns],
    )
    heard = _heard(verdict, window)
    apart = None if growing is None else abs(window.start_at - growing.opened_at)
    if growing is None or apart is None or growing.kind != kind or apart >= timedelta(minutes=minutes):
        summary = f"{_who(verdict, window)} {heard}"
        return Opened(kind, window.start_at, window.end_at, 1, (evidence,), summary)
    listed = sorted((*growing.evidence, evidence), key=lambda each: each.start_at)
    return Grew(
        kind=kind,
        opened_at=min(growing.opened_at, window.start_at),
        last_at=max(growing.last_at, window.end_at),
        count=growing.count + 1,
        evidence=tuple(listed if len(listed) <= MOST_EVIDENCE else growing.evidence),
        summary=f"{_who(verdict, window)} in {growing.count + 1} windows, most recently {heard}",
    )


def _who(verdict: Verdict, window: HeardWindow) -> str:
    """What was heard, as neutrally as can be said: people judge, this only points."""
    if verdict.outcome is Outcome.VOICE_CHANGED:
        return "one voice, unlike the one heard before,"
    if window.expected_voices > 1:
        return f"{verdict.voices} voices where {window.expected_voices} are expected,"
    further = verdict.voices - 1
    return "another voice" if further == 1 else f"{further} other voices"


def _heard(verdict: Verdict, window: HeardWindow) -> str:
    """For how long, from where in the recording, how surely: `for about 4 s at 00:32, confidence 0.87`."""
    # Of two expected voices the third is the news. A changed voice is the main one itself.
    first = 0 if verdict.outcome is Outcome.VOICE_CHANGED else window.expected_voices
    speech_ms = sum(verdict.speech_ms[first:])
    starts = [turn.start_ms for turn in verdict.turns if turn.speaker >= first]
    at_s = (window.start_ms + min(starts, default=0)) // 1000
    length = f"about {round(speech_ms / 1000)} s" if speech_ms >= 1000 else "less than 1 s"
    return f"for {length} at {_clock(at_s)}, confidence {verdict.confidence:.2f}"


def _clock(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"
