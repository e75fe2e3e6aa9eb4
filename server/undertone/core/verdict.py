"""Turns → verdict: one rule for every engine.

The number of distinct speakers that an engine names is no evidence: engines split one voice in two, and take a chair
for a voice. A voice besides the main one counts only if enough of it is heard and, where the engine says how sure it
is, if it is more likely than not that a second person speaks. What does not count is taken to be the main voice.

One voice alone may be the wrong one: an engine that keeps the candidate's voice over the windows may say how likely it
is that somebody else speaks in the candidate's place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# The least speech that makes a voice. Half a second is about two syllables: less than that at a window's edge is not
# told from a cough by people either, and a sentence that is cut there counts in the next window.
LEAST_SPEECH_MS: Final = 500
# From here on a further voice counts. Engines calibrate against the price of a false accusation, so that even odds
# are the point to act on.
LEAST_PROBABILITY: Final = 0.5
# Two stretches of one voice this close are one turn: a breath, or a stop consonant.
BREATH_MS: Final = 300
# What is said of a verdict whose engine gives no probability at all.
_UNSTATED: Final = 0.5


class Outcome(StrEnum):
    """What a window comes to, relative to the voices expected of the participant."""

    CLEAN = "clean"
    SILENT = "silent"
    UNCLEAR = "unclear"
    MULTIPLE_VOICES = "multiple_voices"
    VOICE_CHANGED = "voice_changed"
    FAILED = "failed"


# What a proctor has to look at.
ALARMS: Final = frozenset({Outcome.MULTIPLE_VOICES, Outcome.VOICE_CHANGED})


@dataclass(frozen=True, slots=True, order=True)
class Turn:
    """One stretch of one voice, in ms from the window's start (lead-in excluded); speaker 0 is the main voice."""

    start_ms: int
    end_ms: int
    speaker: int

    def __post_init__(self) -> None:
        if not (0 <= self.start_ms < self.end_ms and self.speaker >= 0):
            raise ValueError(f"not a turn: {self.start_ms}..{self.end_ms} ms of speaker {self.speaker}")


@dataclass(frozen=True, slots=True)
class Diarization:
    """What an engine says of one clip."""

    turns: tuple[Turn, ...]  # any order; speakers numbered as the engine likes
    engine: str
    probabilities: Mapping[int, float] | None = None  # by speaker: that this is another person than the main voice
    second_voice: float | None = None  # that anybody besides the main voice speaks, also where no turn says so
    main: int | None = None  # the speaker taken for the main voice; None: whoever speaks most
    changed: float | None = None  # that the only voice is not the candidate's of the windows before
    silent: bool = False  # no sound above the gate: a muted or dead microphone
    unclear: str | None = None  # why the clip cannot be judged, e.g. too much noise
    profile: bytes | None = None  # the candidate's voice after this window, for the next one
    note: str | None = None  # what else belongs to the verdict: that another engine failed, or hears it otherwise


@dataclass(frozen=True, slots=True)
class Verdict:
    """What analysis says of one window."""

    outcome: Outcome
    voices: int  # people heard, whatever is expected
    confidence: float  # 0..1: how sure the outcome is
    speech_ms: tuple[int, ...]  # per voice, the main one first
    other_ms: int  # speech of everyone but the main voice
    turns: tuple[Turn, ...]  # by time; speaker 0 is the main voice, then by speech
    reason: str | None
    engine: str


def judge(diarization: Diarization, expected_voices: int = 1) -> Verdict:
    """The verdict on a window of a participant of whom so many voices are expected (at least 1).

    A changed voice is claimed only where one voice is expected and one is heard: of several that are allowed, any may
    be the one that speaks.
    """
    if expected_voices < 1:
        raise ValueError(f"expected_voices is {expected_voices}: at least the participant is expected")
    if diarization.silent:
        reason = _reason("no sound: the microphone is muted or dead", diarization.note)
        return Verdict(Outcome.SILENT, 0, 1.0, (), 0, (), reason, diarization.engine)
    turns = _main_voice_first(_without_doubtful(diarization), diarization.main)
    speech = _speech(turns)
    voices = len(speech)
    probability = _more_than(expected_voices, voices, diarization)
    changed = (diarization.changed or 0.0) if voices == expected_voices == 1 else 0.0
    if voices > expected_voices:
        outcome, confidence = Outcome.MULTIPLE_VOICES, probability
    elif changed >= LEAST_PROBABILITY:
        outcome, confidence = Outcome.VOICE_CHANGED, changed
    elif diarization.unclear is not None:
        outcome, confidence = Outcome.UNCLEAR, max(probability, 1 - probability)
    else:
        outcome, confidence = Outcome.CLEAN, 1 - max(probability, changed)
    return Verdict(
        outcome=outcome,
        voices=voices,
        confidence=round(confidence, 4),
        speech_ms=tuple(speech[speaker] for speaker in range(voices)),
        other_ms=sum(speech.values()) - speech.get(0, 0),
        turns=turns,
        reason=_reason(diarization.unclear if outcome is Outcome.UNCLEAR else None, diarization.note),
        engine=diarization.engine,
    )


def _reason(*said: str | None) -> str | None:
    return "; ".join(each for each in said if each) or None


def _without_doubtful(diarization: Diarization) -> list[Turn]:
    """The turns, those of voices that do not count given to the main voice."""
    turns = joined(diarization.turns)
    speech = _speech(turns)
    if not speech:
        return []
    main = _by_speech(speech, diarization.main)[0]
    probabilities = diarization.probabilities

    def counts(speaker: int) -> bool:
        if probabilities is None:
            return speech[speaker] >= LEAST_SPEECH_MS
        # Where two speak about as much, the engine may have taken the other one for the main voice.
        other = probabilities.get(speaker, 0.0) or probabilities.get(main, 0.0)
        return other >= LEAST_PROBABILITY and speech[speaker] >= LEAST_SPEECH_MS

    kept = {speaker: speaker if speaker == main or counts(speaker) else main for speaker in speech}
    return joined(Turn(turn.start_ms, turn.end_ms, kept[turn.speaker]) for turn in turns)


def _main_voice_first(turns: Sequence[Turn], main: int | None) -> tuple[Turn, ...]:
    number = {speaker: place for place, speaker in enumerate(_by_speech(_speech(turns), main))}
    return tuple(sorted(Turn(turn.start_ms, turn.end_ms, number[turn.speaker]) for turn in turns))


def joined(turns: Iterable[Turn]) -> list[Turn]:
    """By time; overlapping or neighbouring turns of one speaker made one."""
    joined: list[Turn] = []
    last: dict[int, int] = {}
    for turn in sorted(turns):
        at = last.get(turn.speaker)
        if at is not None and turn.start_ms - joined[at].end_ms < BREATH_MS:
            before = joined[at]
            joined[at] = Turn(before.start_ms, max(before.end_ms, turn.end_ms), turn.speaker)
        else:
            last[turn.speaker] = len(joined)
            joined.append(turn)
    return joined


def _speech(turns: Iterable[Turn]) -> dict[int, int]:
    """Milliseconds by speaker, of turns that are joined."""
    speech: dict[int, int] = {}
    for turn in turns:
        speech[turn.speaker] = speech.get(turn.speaker, 0) + turn.end_ms - turn.start_ms
    return speech


def _by_speech(speech: Mapping[int, int], main: int | None) -> list[int]:
    """Speakers: `main`, then the one who speaks most; the engine's own order where they speak alike."""
    return sorted(speech, key=lambda speaker: (speaker != main, -speech[speaker], speaker))


def _more_than(expected: int, voices: int, diarization: Diarization) -> float:
    """How likely it is that more people speak than expected, in keeping with how many were counted."""
    stated = sorted((diarization.probabilities or {}).values(), reverse=True)
    if diarization.second_voice is not None and expected == 1:
        stated = [max(diarization.second_voice, *stated[:1])] if stated else [diarization.second_voice]
    if voices > expected:
        probability = stated[expected - 1] if len(stated) >= expected else _UNSTATED
        return max(probability, LEAST_PROBABILITY)
    if len(stated) >= expected:
        return min(stated[expected - 1], LEAST_PROBABILITY)
    return 0.0 if diarization.probabilities is not None else _UNSTATED
