"""Pieces of observed scenes, as if the window had been shorter: more cases of short turns and sparse speech for free.

A piece of a minute with two voices may hold only one of them, which is as true as the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from training.cache import Sample
from undertone.diarize.local.observation import CELL_SECONDS, STEPS_A_CELL, Observation
from undertone.diarize.local.segmentation import Segmentation

# Halves, and two pieces of a fifth to a third at places drawn for each scene.
_HALVES: Final = ((0.0, 0.5), (0.5, 1.0))
_DRAWN: Final = 2
_SHORTEST, _LONGEST = 0.2, 0.35
# A cut through the second voice that leaves less of it is neither one thing nor the other.
_LEAST_SECOND: Final = 1.0


def crops(sample: Sample, number: int) -> Iterator[Sample]:
    """The pieces of a scene that have a right answer; the same for the same number."""
    random = np.random.default_rng([number, 77])
    cells = len(sample.seen.level)
    lengths = random.uniform(_SHORTEST, _LONGEST, _DRAWN)
    drawn = [(start, start + length) for length in lengths for start in [random.uniform(0, 1 - length)]]
    for start, stop in (*_HALVES, *drawn):
        piece = crop(sample, int(start * cells), int(stop * cells))
        if piece.second_seconds == 0 or piece.second_seconds >= _LEAST_SECOND:
            yield piece


def crop(sample: Sample, start: int, stop: int) -> Sample:
    """Cells from `start` up to `stop` of a sample; a lone voice becomes the main one."""
    begin, end = start * CELL_SECONDS, stop * CELL_SECONDS
    kept = [(max(a, begin) - begin, min(b, end) - begin, who) for a, b, who in sample.segments if a < end and b > begin]
    names = {who: place for place, who in enumerate(sorted({who for _, _, who in kept}))}
    return replace(
        sample,
        seen=_observation(sample.seen, start, stop),
        segments=tuple((a, b, names[who]) for a, b, who in kept),
    )


def _observation(seen: Observation, start: int, stop: int) -> Observation:
    steps = slice(start * STEPS_A_CELL, stop * STEPS_A_CELL)
    of = seen.segmentation
    inside = (seen.first >= start) & (seen.first + seen.cells <= stop)
    return Observation(
        segmentation=Segmentation(of.speech[steps], of.overlap[steps], of.local[steps], of.chunk[steps]),
        agreed=seen.agreed[steps],
        vad=seen.vad[steps],
        level=seen.level[start:stop],
        first=seen.first[inside] - start,
        cells=seen.cells[inside],
        voice=seen.voice[inside],
    )
