"""Groups of partials → turns: every 20 ms of speech gets its speaker, overlapped speech two."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import numpy.typing as npt

from undertone.core.verdict import Turn
from undertone.diarize.local.decision import Decision
from undertone.diarize.local.embedding import runs
from undertone.diarize.local.evidence import Partials
from undertone.diarize.local.observation import PARTIAL, SPEECH, STEPS_A_CELL, Observation

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_STEP_MS: Final = 20
# Speech too short for a partial belongs to whoever speaks within a second.
_NEAR_CELLS: Final = 13
# Overlapped speech whose second voice has no partial: the evidence was the mean over half a second, so its edges count.
_FAINT_OVERLAP: Final = 0.35
_SHORTEST_STEPS: Final = 3
# Share of the votes by which a stretch is one person's; from .7 to .85 the turns are the same.
_CLEAR: Final = 0.75
_ON_END: Final = PARTIAL * STEPS_A_CELL


def turns(seen: Observation, of: Partials, decided: Decision, duration_ms: int) -> tuple[Turn, ...]:
    """Speaker numbers are places in `decided.groups`; an overlapped second voice without partials is speaker 1."""
    if len(of) == 0:
        return ()
    owner = _owners(seen, of, decided)
    segmentation = seen.segmentation
    spoken = (segmentation.speech > SPEECH) & (owner >= 0)
    found: list[Turn] = []
    for speaker in range(len(decided.groups)):
        found += _turns(spoken & (owner == speaker), speaker, duration_ms)
    two = spoken & (segmentation.overlap > (_FAINT_OVERLAP if decided.overlap_only else SPEECH))
    if decided.overlap_only:
        found += _turns(two, 1, duration_ms)
    elif len(decided.groups) > 1:
        other = _others(owner)
        for speaker in range(len(decided.groups)):
            found += _turns(two & (other == speaker), speaker, duration_ms)
    return tuple(sorted(found))


def _owners(seen: Observation, of: Partials, decided: Decision) -> Ints:
    """[steps] the speaker, −1 for none."""
    cells = -(-seen.steps // STEPS_A_CELL)
    votes = _votes(of, decided, cells)
    owner = np.where(votes.max(axis=0) > 0, votes.argmax(axis=0), -1)
    known = np.flatnonzero(owner >= 0)
    for cell in np.flatnonzero(owner < 0):
        nearest = known[np.abs(known - cell).argmin()]
        if abs(int(nearest) - int(cell)) <= _NEAR_CELLS:
            owner[cell] = owner[nearest]
    by_step = np.repeat(owner, STEPS_A_CELL)[: seen.steps]
    if len(decided.groups) < 2:
        return by_step
    return _settled(seen, np.repeat(votes, STEPS_A_CELL, axis=1)[:, : seen.steps], by_step)


def _votes(of: Partials, decided: Decision, cells: int) -> Floats:
    """[speakers, cells] the partials that cover a cell vote, the more the nearer their middle is."""
    votes = np.zeros((len(decided.groups), cells), np.float32)
    for speaker, members in enumerate(decided.groups):
        for item in members:
            first, length = int(of.first[item]), int(of.cells[item])
            weight = 1 - np.abs(np.arange(length) - (length - 1) / 2) / length
            stop = min(first + length, cells)
            votes[speaker, first:stop] += weight[: stop - first]
    return votes


def _settled(seen: Observation, votes: Floats, owner: Ints) -> Ints:
    """The owners with the segmentation's borders: they are exact to 20 ms, where partials blur over a second.

    A stretch that the segmentation gives to one of its speakers is one person's throughout if the votes in it, together
    with all votes for that speaker in its chunk, say so clearly, and nobody else has a partial's time on end in it. If
    somebody would lose most by that, the owners stay.
    """
    segmentation = seen.segmentation
    voice = segmentation.chunk.astype(np.int64) * 3 + segmentation.local.argmax(axis=1)
    share = votes / np.maximum(votes.sum(axis=0), 1e-9)
    spoken = (segmentation.speech > SPEECH) & (owner >= 0)
    of_voice = {int(v): share[:, spoken & (voice == v)].sum(axis=1) for v in np.unique(voice[spoken])}
    settled = owner.copy()
    for first, last in runs(spoken):
        borders = [first, *(np.flatnonzero(np.diff(voice[first:last])) + first + 1).tolist(), last]
        for start, stop in itertools.pairwise(borders):
            everywhere = of_voice[int(voice[start])]
            evidence = share[:, start:stop].mean(axis=1) + everywhere / max(float(everywhere.sum()), 1e-9)
            clear = evidence.max() > 0 and evidence.max() >= _CLEAR * evidence.sum()
            others = runs(owner[start:stop] != evidence.argmax())
            if clear and all(end - begin <= _ON_END for begin, end in others):
                settled[start:stop] = evidence.argmax()
    for speaker in range(len(votes)):
        if (spoken & (settled == speaker)).sum() < (spoken & (owner == speaker)).sum() / 2:
            return owner
    return settled


def _others(owner: Ints) -> Ints:
    """[steps] the nearest speaker in time who is not the step's own, −1 for none."""
    other = np.full(len(owner), -1)
    steps = np.arange(len(owner))
    for speaker in np.unique(owner[owner >= 0]):
        elsewhere = np.flatnonzero((owner >= 0) & (owner != speaker))
        own = steps[owner == speaker]
        if len(elsewhere):
            after = np.clip(np.searchsorted(elsewhere, own), 0, len(elsewhere) - 1)
            before = np.maximum(after - 1, 0)
            nearer = np.abs(elsewhere[before] - own) < np.abs(elsewhere[after] - own)
            other[own] = owner[np.where(nearer, elsewhere[before], elsewhere[after])]
    return other


def _turns(mask: npt.NDArray[np.bool_], speaker: int, duration_ms: int) -> list[Turn]:
    return [
        Turn(first * _STEP_MS, min(last * _STEP_MS, duration_ms), speaker)
        for first, last in runs(mask)
        if last - first >= _SHORTEST_STEPS and first * _STEP_MS < duration_ms
    ]
