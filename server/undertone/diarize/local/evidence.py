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

from undertone.diarize.local.clustering import Merge, merges
from undertone.diarize.local.embedding import normalised
from undertone.diarize.local.observation import CELL_SECONDS, STEPS_A_CELL, Observation, by_cell

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
)
OVERLAP_FEATURES: Final = ("overlap", "overlap_voice", "overlap_vad", "overlap_seconds", "overlap_distance")

# Of a lone partial nothing is known of the spread inside; this is what one voice's partials have on average.
_LONE_SPREAD: Final = 0.45
# Even odds where two groups never meet in one chunk.
_NOT_COMPARED: Final = 0.3
_TOP_STEPS: Final = 25  # half a second
_MOST_LOGIT: Final = 8.0
# Surely a voice is surely a voice: being surer still says nothing about whose it is.
_SURE_LOGIT: Final = 5.0
_SURE_VAD: Final = 0.4


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


def weighty(of: Partials, joined: list[Merge]) -> Mask:
    """[merges] whether both sides hold enough voice for two people to have met there."""

    def enough(side: Ints) -> bool:
        heard = float(of.vad[side].mean()) >= _UNHEARD
        return seconds(of, side) >= (LEAST_SIDE if heard else LEAST_UNHEARD_SIDE)

    return np.array([enough(merge.left) and enough(merge.right) for merge in joined], np.bool_)


def describe(of: Partials, joined: list[Merge]) -> Floats:
    """[merges, features], in the order of MERGE_FEATURES."""
    distances = 1 - of.unit @ of.unit.T
    together = of.chunk[:, None] == of.chunk[None, :]
    apart = 1 - of.local @ of.local.T
    rows = [_describe(of, merge, distances, together, apart) for merge in joined]
    return np.array(rows, np.float32).reshape(len(joined), len(MERGE_FEATURES))


def _describe(of: Partials, merge: Merge, distances: Floats, together: Mask, apart: Floats) -> list[float]:
    sides = [(seconds(of, side), side) for side in (merge.left, merge.right)]
    (small_seconds, small), (large_seconds, large) = sorted(sides, key=lambda side: side[0])
    cross = np.ix_(small, large)
    met = together[cross]
    centres = [normalised((of.unit[side] * of.cells[side, None]).sum(axis=0)) for side in (small, large)]
    return [
        merge.distance,
        1 - float(centres[0] @ centres[1]),
        _spread(distances, small),
        _spread(distances, large),
        float(np.log(small_seconds)),
        float(np.log(large_seconds)),
        min(_SURE_LOGIT, float(of.voice[small].mean())),
        min(_SURE_LOGIT, float(of.voice[large].mean())),
        min(_SURE_VAD, float(of.vad[small].mean())),
        float(max(0.0, of.level[large].mean() - of.level[small].mean())),
        float(np.log(max(_runs(of, small)))),
        float(apart[cross][met].mean()) if met.any() else _NOT_COMPARED,
        float(of.log_norm[small].mean()),
    ]


def _spread(distances: Floats, side: Ints) -> float:
    if len(side) < 2:
        return _LONE_SPREAD
    inside = distances[np.ix_(side, side)]
    return float(inside.sum() / (len(side) * (len(side) - 1)))


def covered(of: Partials, members: Ints) -> Ints:
    """Cells that the partials cover, each once, in order."""
    spans = [np.arange(of.first[item], of.first[item] + of.cells[item]) for item in members]
    return np.unique(np.concatenate(spans)) if spans else np.zeros(0, np.int64)


def seconds(of: Partials, members: Ints) -> float:
    return len(covered(of, members)) * CELL_SECONDS


def _runs(of: Partials, members: Ints) -> list[float]:
    """Seconds of each uninterrupted stretch; pauses of up to half a second do not interrupt."""
    cells = covered(of, members)
    breaks = np.flatnonzero(np.diff(cells) > 6)
    return [len(run) * CELL_SECONDS for run in np.split(cells, breaks + 1)]


def overlap(seen: Observation, of: Partials, probe: Probe) -> Floats:
    """[features], in the order of OVERLAP_FEATURES, of the chunk where two at once are clearest."""
    best = np.zeros(len(OVERLAP_FEATURES), np.float32)
    segmentation = seen.segmentation
    heard = by_cell(seen.vad)
    main = normalised((of.unit * of.cells[:, None]).sum(axis=0)) if len(of) else np.zeros(256, np.float32)
    chunk_of = segmentation.chunk[::STEPS_A_CELL][seen.overlap_at + 1]
    for place, chunk in enumerate(chunk_of):
        two = np.sort(segmentation.overlap[segmentation.chunk == chunk])[::-1]
        strength = float(two[:_TOP_STEPS].mean())
        if strength <= best[0]:
            continue
        cells = slice(seen.overlap_at[place], seen.overlap_at[place] + seen.overlap_cells[place])
        voice = seen.overlap_voice[place]
        best = np.array(
            [
                strength,
                probe.logits(voice[None], heard[cells].mean(keepdims=True))[0],
                heard[cells].mean(),
                np.log1p((segmentation.overlap > 0.5).sum() / 50),
                1 - float(normalised(voice) @ main),
            ],
            np.float32,
        )
    return best


def _power_mean(level: Floats) -> float:
    return float(10 * np.log10(np.mean(10 ** (level / 10))))
