"""What speaks for a second person: numbers by name, from an observation.

A merge of two groups of partials is where one voice ends and another begins, or where one voice was merely split.
Each merge is described by how far apart its sides are, how much speech and how clear a voice each side holds, and
whether the segmentation told them apart too. Overlapped speech is described apart, since it has no partials.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from undertone.diarize.local.clustering import Merge, merges, stretches
from undertone.diarize.local.embedding import normalised
from undertone.diarize.local.observation import CELL_SECONDS, SPEECH, STEPS_A_CELL, Observation, by_cell

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# Less voice than this on one side is no second person: a bark over a word, a cough, a door at the end of a sentence.
# Second voices that speak for two seconds leave more; cross-validated, nothing is lost by it.
LEAST_SIDE: Final = 1.0
# Where Silero hears nothing at all it may be a chair that fooled the probe, or a voice far off; a chair is brief.
_UNHEARD: Final = 0.05
LEAST_UNHEARD_SIDE: Final = 2.0
MERGE_FEATURES: Final = (
    "distance",
    "centre",
    "within_small",
    "within_large",
    "log_small",
    "log_large",
    "voice_small",
    "voice_large",
    "vad_small",
    "quieter",
    "log_run",
    "told_apart",
    "norm_small",
    "whitened",
    "normed",
)
OVERLAP_FEATURES: Final = ("overlap",)

# Of a lone partial nothing is known of the spread inside; this is what one voice's partials have on average.
_LONE_SPREAD: Final = 0.45
# Even odds where two groups never meet in one chunk.
_NOT_COMPARED: Final = 0.3
# Cells over which overlap is taken together: two seconds. Half a second and a second tell less.
_TOGETHER: Final = 25
_MOST_LOGIT: Final = 8.0
# Surely a voice is surely a voice: being surer still says nothing about whose it is.
_SURE_LOGIT: Final = 5.0
_SURE_VAD: Final = 0.4
# One side may be quieter by so many dB, and more counts for no more: who turns away from the microphone is quieter too.
_QUIETER: Final = 3.0
# Of the voices that everybody is compared with, the share that is most alike (a fixed number would mean another thing
# in a larger cohort), and the least spread of their likeness.
_ALIKE: Final = 0.12
_LEAST_LIKENESS_SPREAD: Final = 0.02


@dataclass(frozen=True, slots=True)
class Probe:
    """A linear look at an embedding: is this a voice at all (and not a door, a cough, a machine)?

    Silero's opinion of the same place is weighed in: each is fooled by noises that do not fool the other.
    """

    weights: Floats  # [256], for the normalised embedding
    norm: float  # for the logarithm of its length
    vad: float  # for Silero's mean probability of speech
    bias: float

    def logits(self, voices: Floats, vad: Floats) -> Floats:
        """[n, 256] embeddings, not normalised, and [n] probabilities of speech → [n] logits."""
        length = np.log(np.maximum(np.linalg.norm(voices, axis=-1), 1e-6))
        logit: Floats = normalised(voices) @ self.weights + np.float32(self.norm) * length
        logit += np.float32(self.vad) * vad + np.float32(self.bias)
        return np.clip(logit, -_MOST_LOGIT, _MOST_LOGIT)


@dataclass(frozen=True, slots=True)
class Space:
    """Where voices are compared a second time: what varies within one voice counts less there (WCCN, Hatch 2006)."""

    mean: Floats  # [256]
    matrix: Floats  # [256, 256]
    cohort: Floats  # [voices, 256] whom everybody is compared with, in this space and of length one

    def __call__(self, unit: Floats) -> Floats:
        """[n, 256] of length one → the same in this space."""
        moved: Floats = np.asarray((unit - self.mean) @ self.matrix, np.float32)
        return normalised(moved)


@dataclass(frozen=True, slots=True)
class Partials:
    """The partials that are a voice, with what each is worth."""

    first: Ints
    cells: Ints
    unit: Floats  # [n, 256], of length one
    log_norm: Floats
    voice: Floats  # logits of the probe
    vad: Floats
    level: Floats  # dBFS
    local: Floats  # [n, 3] which of the chunk's local speakers it is
    chunk: Ints

    def __len__(self) -> int:
        return len(self.first)


def partials(seen: Observation, probe: Probe, least_logit: float) -> Partials:
    """Those of the observation's partials that the probe takes for a voice."""
    heard = spoken(seen)
    logits = probe.logits(seen.voice, heard)
    kept = np.flatnonzero(logits >= least_logit)
    first, cells = seen.first[kept], seen.cells[kept]
    local = by_cell(seen.segmentation.local)
    level = np.array([_power_mean(seen.level[a : a + n]) for a, n in zip(first, cells, strict=True)], np.float32)
    names = np.array([local[a : a + n].sum(axis=0) for a, n in zip(first, cells, strict=True)], np.float32)
    names = names.reshape(-1, 3)
    return Partials(
        first=first,
        cells=cells,
        unit=normalised(seen.voice[kept]),
        log_norm=np.log(np.maximum(np.linalg.norm(seen.voice[kept], axis=-1), 1e-6)),
        voice=logits[kept],
        vad=heard[kept],
        level=level,
        local=names / np.maximum(names.sum(axis=1, keepdims=True), 1e-6),
        chunk=seen.segmentation.chunk[::STEPS_A_CELL][first + cells // 2].astype(np.int64),
    )


def spoken(seen: Observation) -> Floats:
    """[partials] Silero's mean probability of speech in each."""
    heard = by_cell(seen.vad)
    return np.array([heard[a : a + n].mean() for a, n in zip(seen.first, seen.cells, strict=True)], np.float32)


def tree(of: Partials) -> list[Merge]:
    """Every merge of the partials by voice, the closest first."""
    if len(of) < 2:
        return []
    return merges(1 - of.unit @ of.unit.T, of.cells.astype(np.float32))


def odd_stretches(of: Partials) -> list[Merge]:
    """The runs of partials in time that stand out most, each against all others."""
    if len(of) < 3:
        return []
    return stretches(of.unit, of.first, of.cells, int(np.ceil(LEAST_SIDE / CELL_SECONDS)))


def weighty(of: Partials, joined: list[Merge]) -> Mask:
    """[merges] whether both sides hold enough voice for two people to have met there."""
    enough = np.ones(len(joined), np.bool_)
    for side in (_members(of, [merge.left for merge in joined]), _members(of, [merge.right for merge in joined])):
        heard = side @ of.vad / np.maximum(side.sum(axis=1), 1) >= _UNHEARD
        enough &= _covered(of, side).sum(axis=1) * CELL_SECONDS >= np.where(heard, LEAST_SIDE, LEAST_UNHEARD_SIDE)
    return enough


def describe(of: Partials, joined: list[Merge], space: Space) -> Floats:
    """[merges, features], in the order of MERGE_FEATURES."""
    if not joined:
        return np.zeros((0, len(MERGE_FEATURES)), np.float32)
    left, right = _members(of, [merge.left for merge in joined]), _members(of, [merge.right for merge in joined])
    swapped = (_covered(of, left).sum(axis=1) > _covered(of, right).sum(axis=1))[:, None]
    small, large = np.where(swapped, right, left), np.where(swapped, left, right)
    covered_small = _covered(of, small)
    distances = 1 - of.unit @ of.unit.T
    together = (of.chunk[:, None] == of.chunk[None, :]).astype(np.float32)
    met = (small @ together * large).sum(axis=1)
    apart = (small @ (together * (1 - of.local @ of.local.T)) * large).sum(axis=1)
    centres = [normalised(side @ (of.unit * of.cells[:, None])) for side in (small, large)]
    likeness = (centres[0] * centres[1]).sum(axis=1)
    whitened = [space(centre) for centre in centres]
    likeness_there = (whitened[0] * whitened[1]).sum(axis=1)
    quieter = _mean(large, of.level) - _mean(small, of.level)
    columns = [
        np.array([merge.distance for merge in joined]),
        1 - likeness,
        _spread(distances, small),
        _spread(distances, large),
        np.log(covered_small.sum(axis=1) * CELL_SECONDS),
        np.log(_covered(of, large).sum(axis=1) * CELL_SECONDS),
        np.minimum(_SURE_LOGIT, _mean(small, of.voice)),
        np.minimum(_SURE_LOGIT, _mean(large, of.voice)),
        np.minimum(_SURE_VAD, _mean(small, of.vad)),
        np.clip(quieter, 0, _QUIETER),
        np.log([_longest_run(cells) for cells in covered_small]),
        np.where(met > 0, apart / np.maximum(met, 1), _NOT_COMPARED),
        _mean(small, of.log_norm),
        1 - likeness_there,
        -sum(_standing_out(likeness_there, centre, space.cohort) for centre in whitened) / 2,
    ]
    return np.column_stack(columns).astype(np.float32)


def _standing_out(likeness: Floats, centre: Floats, cohort: Floats) -> Floats:
    """How far the likeness of two sides exceeds that of one of them to the most alike of the cohort (AS-norm).

    In spreads of the latter. Voices that many resemble need to be more alike to be one (Matejka et al., 2017).
    """
    if not len(cohort):
        return np.zeros(len(centre), np.float32)
    alike = min(len(cohort), max(2, round(len(cohort) * _ALIKE)))
    nearest = np.partition(centre @ cohort.T, -alike, axis=1)[:, -alike:]
    normed: Floats = (likeness - nearest.mean(axis=1)) / np.maximum(nearest.std(axis=1), _LEAST_LIKENESS_SPREAD)
    return normed


def _members(of: Partials, sides: list[Ints]) -> Floats:
    """[sides, partials] one for a member."""
    table = np.zeros((len(sides), len(of)), np.float32)
    for row, side in zip(table, sides, strict=True):
        row[side] = 1
    return table


def _covered(of: Partials, sides: Floats) -> Mask:
    """[sides, partials] → [sides, cells] the cells that each side covers."""
    cells = np.arange(int((of.first + of.cells).max(initial=0)))
    within = (of.first[:, None] <= cells) & (cells < (of.first + of.cells)[:, None])
    covers: Mask = sides @ within.astype(np.float32) > 0
    return covers


def _mean(sides: Floats, values: Floats) -> Floats:
    mean: Floats = sides @ values / sides.sum(axis=1)
    return mean


def _spread(distances: Floats, sides: Floats) -> Floats:
    """[sides] mean distance between the members of each."""
    count = sides.sum(axis=1)
    pairs = count * (count - 1)
    return np.where(pairs > 0, (sides @ distances * sides).sum(axis=1) / np.maximum(pairs, 1), _LONE_SPREAD)


def _longest_run(covers: Mask) -> float:
    """Seconds of the longest stretch; pauses of up to half a second do not interrupt."""
    cells = np.flatnonzero(covers)
    breaks = np.flatnonzero(np.diff(cells) > 6)
    return max(len(run) for run in np.split(cells, breaks + 1)) * CELL_SECONDS


def covered(of: Partials, members: Ints) -> Ints:
    """Cells that the partials cover, each once, in order."""
    return np.flatnonzero(_covered(of, _members(of, [members]))[0])


def seconds(of: Partials, members: Ints) -> float:
    return len(covered(of, members)) * CELL_SECONDS


def overlap(seen: Observation) -> Floats:
    """[features], in the order of OVERLAP_FEATURES: the two seconds in which two speak at once most surely."""
    both = np.where(by_cell(seen.segmentation.speech) > SPEECH, by_cell(seen.agreed), 0)
    return np.array([np.convolve(both, np.ones(_TOGETHER) / _TOGETHER).max()], np.float32)


def _power_mean(level: Floats) -> float:
    return float(10 * np.log10(np.mean(10 ** (level / 10))))
