"""Who spoke when: the diarization error rate, and how far off the second voice's turns begin and end.

The error rate is NIST's: of all speech of all people, how much was missed, made up, or given to somebody else, under
the naming of speakers that agrees best (Hungarian method). With a collar, the time around each true boundary does not
count; NIST's is 0.25 s to either side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from training.accuracy.dev import MP3_SHIFT
from training.accuracy.tables import grouped
from training.accuracy.windows import Judged
from undertone.core.verdict import BREATH_MS

Spoken = Sequence[tuple[float, float, int]]  # start, end in seconds, speaker
Mask = npt.NDArray[np.bool_]

_FRAME: Final = 0.01  # seconds
COLLAR: Final = 0.25
# What is good enough to click on.
GOOD: Final = 0.3
# A breath, as the verdict joins turns; and a second, by which people take them for turns.
PAUSES: Final = {BREATH_MS / 1000: "phrases", 1.0: "turns"}
_CONVERSATION: Final = "real_conversation"


@dataclass(frozen=True, slots=True)
class Error:
    """Seconds."""

    missed: float = 0.0
    made_up: float = 0.0
    confused: float = 0.0
    speech: float = 0.0

    def __add__(self, other: Error) -> Error:
        return Error(
            self.missed + other.missed,
            self.made_up + other.made_up,
            self.confused + other.confused,
            self.speech + other.speech,
        )

    def __str__(self) -> str:
        parts = (self.missed + self.made_up + self.confused, self.missed, self.made_up, self.confused)
        total, *each = (f"{part / max(self.speech, 1e-9):6.1%}" for part in parts)
        return f"{total}  = {' + '.join(each)}  of {self.speech:6.0f} s"


def error(truth: Spoken, said: Spoken, seconds: float, collar: float = 0.0) -> Error:
    """Of one recording of so many seconds."""
    true, heard, scored = _mask(truth, seconds), _mask(said, seconds), np.ones(_frames(seconds), np.bool_)
    for start, end, _ in truth:
        for boundary in (start, end):
            scored[_frames(max(0.0, boundary - collar)) : _frames(boundary + collar)] &= collar == 0
    true, heard = true[:, scored], heard[:, scored]
    pairs = mapping(true, heard)
    right = sum(int((true[a] & heard[b]).sum()) for a, b in pairs)
    some, said_some = true.sum(axis=0), heard.sum(axis=0)
    both = int(np.minimum(some, said_some).sum())
    return Error(
        missed=int(np.maximum(some - said_some, 0).sum()) * _FRAME,
        made_up=int(np.maximum(said_some - some, 0).sum()) * _FRAME,
        confused=(both - right) * _FRAME,
        speech=int(some.sum()) * _FRAME,
    )


def mapping(true: Mask, heard: Mask) -> list[tuple[int, int]]:
    """[people, frames] and [speakers, frames] → pairs (person, speaker) that share most time in all."""
    if not len(true) or not len(heard):
        return []
    shared = true.astype(np.int64) @ heard.astype(np.int64).T
    people, speakers = linear_sum_assignment(-shared)
    return [(int(a), int(b)) for a, b in zip(people, speakers, strict=True) if shared[a, b]]


def _frames(seconds: float) -> int:
    return round(seconds / _FRAME)


def _mask(spoken: Spoken, seconds: float) -> Mask:
    mask = np.zeros((max((who for _, _, who in spoken), default=-1) + 1, _frames(seconds)), np.bool_)
    for start, end, who in spoken:
        mask[who, _frames(start) : _frames(end)] = True
    return mask


@dataclass(frozen=True, slots=True)
class Boundary:
    """How much later than in truth a turn of the second voice begins (or ends), in seconds."""

    late: float
    starts: bool


def boundaries(truth: Spoken, said: Spoken, seconds: float, pause: float) -> tuple[list[Boundary], int]:
    """Of each true turn of anybody but the first person; and the number of turns that nothing was said of.

    A true turn is found if a turn of the speaker who stands for that person overlaps it. On both sides stretches of
    one speaker are joined over shorter pauses.
    """
    stands_for = dict(mapping(_mask(truth, seconds), _mask(said, seconds)))
    found: list[Boundary] = []
    unfound = 0
    for person in sorted({who for _, _, who in truth if who > 0}):
        shown = joined(said, stands_for.get(person, -1), pause)
        for start, end in joined(truth, person, pause):
            over = [(a, b) for a, b in shown if a < end and b > start]
            if not over:
                unfound += 1
                continue
            found += [Boundary(over[0][0] - start, starts=True)] if start > 0 else []
            found += [Boundary(over[-1][1] - end, starts=False)] if end < seconds else []
    return found, unfound


def joined(spoken: Spoken, who: int, pause: float) -> list[tuple[float, float]]:
    """One person's stretches, those closer than the pause made one."""
    out: list[tuple[float, float]] = []
    for start, end in sorted((start, end) for start, end, speaker in spoken if speaker == who):
        if out and start - out[-1][1] < pause:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def _truth(one: Judged, shift: float) -> Spoken:
    moved = [(start + shift, min(end + shift, one.truth.seconds), who) for start, end, who in one.truth.segments]
    return [(start, end, who) for start, end, who in moved if end > start]


def said(one: Judged) -> Spoken:
    return [(turn.start_ms / 1000, turn.end_ms / 1000, turn.speaker) for turn in one.verdict.turns]


def report(judged: Iterable[Judged], shift: float = MP3_SHIFT) -> None:
    """Windows with two voices or more; the truth is moved to where coding has moved the sound."""
    chosen = [one for one in judged if one.second]
    print(f"\nTURNS (truth moved by {shift * 1000:.0f} ms, as coding moves the sound)")
    print(f"  diarization error rate = missed + made up + confused   no collar; then a collar of {COLLAR} s")
    for name, group in grouped(chosen, lambda one: one.truth.kind).items():
        print(f"  {name:20s} {_sum(group, 0.0, shift)}    {_sum(group, COLLAR, shift)}")
    told = [one for one in chosen if one.alarm]
    for name, group in (
        ("all", chosen),
        ("all but conversations", [one for one in chosen if one.truth.kind != _CONVERSATION]),
        ("where a second voice is told", told),
    ):
        print(f"  {name:20s} {_sum(group, 0.0, shift)}    {_sum(group, COLLAR, shift)}")
    print("\nBOUNDARIES of the second voice's turns, in windows where one is told (late: told after it is true)")
    for pause, what in PAUSES.items():
        print(f" {what}, which pauses of {pause:g} s part")
        for name, group in (
            ("conversations", [one for one in told if one.truth.kind == _CONVERSATION]),
            ("one after the other", [one for one in told if one.truth.kind != _CONVERSATION and not _overlapped(one)]),
            ("overlapped", [one for one in told if one.truth.kind != _CONVERSATION and _overlapped(one)]),
            ("all", told),
        ):
            if group:
                _boundaries(name, group, shift, pause)


def _overlapped(one: Judged) -> bool:
    return "overlap" in one.truth.kind


def _sum(judged: Sequence[Judged], collar: float, shift: float) -> Error:
    total = Error()
    for one in judged:
        total += error(_truth(one, shift), said(one), one.truth.seconds, collar)
    return total


def _boundaries(name: str, judged: Sequence[Judged], shift: float, pause: float) -> None:
    each = [boundaries(_truth(one, shift), said(one), one.truth.seconds, pause) for one in judged]
    unfound, everything = sum(count for _, count in each), [one for found, _ in each for one in found]
    print(f"  {name}: {len(judged)} windows; {unfound} true turns of which nothing is told")
    for kind, starts in (("starts", True), ("ends", False)):
        late = np.array([one.late for one in everything if one.starts is starts])
        if len(late):
            off = np.abs(late)
            median, ninetieth = np.percentile(off, [50, 90])
            print(
                f"    {kind:7s}{len(late):4d}: off by {median:.2f} s in the median, {ninetieth:.2f} s at the 90th",
                end="",
            )
            print(
                f" centile; within {GOOD} s {(off <= GOOD).mean():.0%}; late by {np.median(late):+.3f} s in the median"
            )
