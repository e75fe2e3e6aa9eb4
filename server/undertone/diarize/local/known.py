"""A window beside the profile of those before it: who in it is the candidate, is it somebody else, what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from undertone.diarize.local import evidence
from undertone.diarize.local.clustering import Merge
from undertone.diarize.local.decision import Decision
from undertone.diarize.local.evidence import Partials
from undertone.diarize.local.likeness import Likeness, voice_of
from undertone.diarize.local.profile import Profile, Voice

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

# Log odds. In an exam few minutes hold a second voice, of the scenes that were fitted on nearly half do. In 45 hours of
# simulated exams (both parts) it spares four of seven false alarms, and costs one in fourteen second voices.
_RESERVE: Final = 0.85
# Of less speech nothing is claimed and nothing is kept: two seconds are about seven syllables.
LEAST_CLAIM: Final = 2.0
_LEAST_KEPT: Final = 1.5
# A window in which a second voice is not this unlikely teaches nothing about the first.
_DOUBT: Final = 0.3
# Cosine. Of the candidate's own partials 2 % are less like the profile, of other people's 86 %.
_OWN: Final = 0.35
# The candidate is the main voice, though another speaks more, if so much likelier (a factor of 7) to be the one known.
_SURELY: Final = 2.0
# Cells. The words at a window's edge: they begin or end within 0.8 s of it, hold no pause over half a second, and
# beyond 5 s a window can judge them by itself.
_AT_EDGE: Final = 10
_PAUSE: Final = 6
_LONGEST_EDGE: Final = 62


@dataclass(frozen=True, slots=True)
class Judged:
    """A decision as the profile completes it."""

    decision: Decision  # the first group is the candidate, where that is sure
    changed: float | None  # that the only voice is somebody else's; None if nothing can be said


@dataclass(frozen=True, slots=True)
class Known:
    profile: Profile
    by: Likeness

    @property
    def reserve(self) -> float:
        """What speaks against a second voice beforehand, where the candidate's is known."""
        return _RESERVE if self.profile.candidate is not None else 0.0

    def lean(self, of: Partials, joined: Sequence[Merge], scores: Floats) -> Floats:
        """[merges] what the profile adds to the scores that two people meet in them."""
        added = np.zeros(len(joined), np.float32)
        if self.profile.candidate is not None:
            for place in np.flatnonzero(np.isfinite(scores)):
                added[place] = self.by.leaning(self.profile.candidate, of, joined[int(place)])
        return added

    def complete(self, of: Partials, decided: Decision, cells: int) -> Judged:
        """The decision on a window of so many cells, with the candidate first and a changed voice named."""
        candidate = self.profile.candidate
        if candidate is None or len(of) == 0:
            return Judged(decided, None)
        if len(decided.groups) > 1:
            return self._candidate_first(candidate, of, decided)
        if decided.overlap_only:
            return Judged(decided, None)
        everything = voice_of(of, np.arange(len(of)))
        enough = everything.seconds >= LEAST_CLAIM
        changed = self.by.stated(self.by.unlike(candidate, everything)) if enough else None
        if changed is not None and changed >= 0.5:
            return Judged(decided, changed)
        return self._over_border(candidate, of, decided, cells) or Judged(decided, changed)

    def after(self, of: Partials, judged: Judged, cells: int) -> Profile:
        """What the next window is told."""
        profile, candidate = replace(self.profile, tail=None), self.profile.candidate
        if candidate is not None:
            words = edge(of, cells, last=True)
            tail = voice_of(of, words) if len(words) else None
            if tail is not None and self.by.unlike(candidate, tail) > 0:
                profile = replace(profile, tail=tail)
        if len(judged.decision.groups) != 1 or judged.decision.second_voice >= _DOUBT:
            return profile
        heard = voice_of(of, np.arange(len(of)))
        if heard.seconds < _LEAST_KEPT:
            return profile
        return profile.heard(
            heard if candidate is None else voice_of(of, self._own(candidate, of)),
            like_voice=self._like(profile.voice, heard, self.by.same if candidate is not None else 0.0),
            like_rival=self._like(profile.rival, heard, 0.0),
        )

    def _own(self, candidate: Voice, of: Partials) -> Ints:
        """The partials to learn from: somebody else's few words, unheard among the candidate's many, are left out."""
        own = np.flatnonzero(of.unit @ candidate.unit >= _OWN)
        return own if len(own) else np.arange(len(of))

    def _like(self, known: Voice | None, heard: Voice, most: float) -> bool:
        return known is not None and self.by.unlike(known, heard) <= most

    def _candidate_first(self, candidate: Voice, of: Partials, decided: Decision) -> Judged:
        odds = [self.by.unlike(candidate, voice_of(of, group)) for group in decided.groups]
        likest = int(np.argmin(odds))
        surely = odds[likest] <= self.by.same and min(odds[:likest] + odds[likest + 1 :]) - odds[likest] >= _SURELY
        if not surely:
            return Judged(decided, None)
        order = [likest, *(place for place in range(len(odds)) if place != likest)]
        # That two are different people is as likely whichever of them is named first.
        probabilities = list(decided.probabilities)
        probabilities[0] = probabilities[likest]
        ordered = replace(
            decided,
            groups=tuple(decided.groups[place] for place in order),
            probabilities=(0.0, *(probabilities[place] for place in order[1:])),
        )
        return Judged(ordered, None)

    def _over_border(self, candidate: Voice, of: Partials, decided: Decision, cells: int) -> Judged | None:
        """Somebody else whose words began at the end of the window before and go on at the beginning of this one.

        Either part may be too short to be told from the candidate; together they may not be.
        """
        tail, words = self.profile.tail, edge(of, cells, last=False)
        if tail is None or not len(words):
            return None
        head = voice_of(of, words)
        both = tail.with_more(head)
        alike = self.by.unlike(tail, head) <= 0 < self.by.unlike(candidate, head)
        probability = self.by.stated(self.by.unlike(candidate, both))
        if not alike or both.seconds < LEAST_CLAIM or probability < 0.5:
            return None
        rest = np.setdiff1d(np.arange(len(of)), words)
        # The same stranger may go on for longer than an edge.
        if evidence.seconds(of, rest) < evidence.LEAST_SIDE or self.by.unlike(candidate, voice_of(of, rest)) > 0:
            return Judged(decided, probability)
        split = Decision((rest, words), (0.0, probability), max(probability, decided.second_voice), overlap_only=False)
        return Judged(split, None)


def edge(of: Partials, cells: int, *, last: bool) -> Ints:
    """The partials of the first words in a window of so many cells, or of the last ones; none if it is quiet there."""
    order = np.argsort(of.first + of.cells if last else of.first)
    if last:
        order = order[::-1]
    start, stop = (cells - of.first - of.cells, cells - of.first) if last else (of.first, of.first + of.cells)
    words: list[int] = []
    reached = _AT_EDGE - _PAUSE
    for item in order:
        same_chunk = bool(words) and of.chunk[item] == of.chunk[words[-1]]
        turned = same_chunk and of.local[item].argmax() != of.local[words[-1]].argmax()
        if start[item] > reached + _PAUSE or stop[item] > _LONGEST_EDGE or turned:
            break
        words.append(int(item))
        reached = max(reached, int(stop[item])) if len(words) > 1 else int(stop[item])
    return np.array(sorted(words), np.int64)
