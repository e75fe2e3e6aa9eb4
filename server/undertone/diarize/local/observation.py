"""Everything the networks say of one window, before anything is decided.

A *partial* is the shortest piece of one voice that can be told from another: up to 1.2 s of speech (longer ones mix
turns, shorter ones know less: 1.2 s beat 1.6 and 2.0 s), within a stretch that the segmentation gives to one speaker.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from undertone.diarize.local import models
from undertone.diarize.local.embedding import CELL, Embedder, VoiceMap, grown, runs
from undertone.diarize.local.fbank import RATE, Samples
from undertone.diarize.local.segmentation import CHUNK, STEP, Segmentation, Segmenter
from undertone.diarize.local.vad import VoiceActivity

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

STEPS_A_CELL: Final = CELL // STEP
CELL_SECONDS: Final = 0.08
SPEECH: Final = 0.5  # from here on a step is speech, or overlap
PARTIAL: Final = 15  # cells: 1.2 s
PARTIAL_HOP: Final = 8
SHORTEST: Final = 7  # cells: below 0.56 s an embedding tells nobody from nobody
_BRIDGED: Final = 3  # cells: pauses within a sentence
CONTEXT: Final = 6  # cells of sound around speech that the trunk sees as well; its borders are zeros
# Nothing stands out: speech is not looked for in a chunk where Silero, gain and all, stays below this everywhere.
_NOTHING_HEARD: Final = 0.02
# Nor where no cell of a chunk is louder by so much than what the chunk never falls below: steady noise. A voice that
# stands out by less is not heard anyway (of 13,900 chunks 900 are so, with none of 54,000 partials in them).
_STANDS_OUT_DB: Final = 3.0
_FLOOR_PERCENTILE: Final = 5
_DOUBT: Final = 0.1  # from here on overlap is looked at again
_LEAST_DBFS: Final = -120.0
# Of a window, so much goes behind its end for another look: of a minute 23.7 s, no multiple of chunks, half chunks or
# partials. Second looks that training keeps hang on it.
_MOVED: Final = 0.395


@dataclass(frozen=True, slots=True)
class Observation:
    """Entries by step are 20 ms, by cell 80 ms apart; a window has [steps], [cells], [partials]."""

    segmentation: Segmentation
    agreed: Floats  # [steps] that two speak at once, where a second look at a doubtful place says so too
    vad: Floats  # [steps] Silero's probability of speech
    level: Floats  # [cells] dBFS
    first: Ints  # [partials] first cell
    cells: Ints  # [partials] length in cells
    voice: Floats  # [partials, 256] embedding, not normalised

    @property
    def steps(self) -> int:
        return len(self.vad)


class Observer:
    """The three networks, loaded once."""

    def __init__(self, segmenter: Segmenter | None = None) -> None:
        self._activity = VoiceActivity()
        self._segmenter = segmenter or Segmenter()
        self._embedder = Embedder()

    def observe(self, samples: Samples, threads: int = 1) -> Observation:
        """[n] samples at 16 kHz, n ≥ 1. What is seen does not depend on the number of threads."""
        level = levels(samples)
        eventful = _stands_out(level)[: -(-len(samples) // STEP)]
        vad = self._activity.listen(samples) if eventful.any() else np.zeros(len(eventful), np.float32)
        with models.spread(threads) as spread:
            segmentation = self._segmenter.segment(samples, eventful & (vad > _NOTHING_HEARD), spread)
            agreed = self._look_again(samples, segmentation, spread)
            speech = by_cell(segmentation.speech)
            overlap = by_cell(segmentation.overlap)
            seen = self._embedder.look(samples, grown(speech > SPEECH, CONTEXT), spread)
        first, cells = _partials(speech, overlap, segmentation)
        return Observation(
            segmentation=segmentation,
            agreed=agreed,
            vad=vad,
            level=level,
            first=first,
            cells=cells,
            voice=self._voices(seen, first, cells),
        )

    def _look_again(self, samples: Samples, segmentation: Segmentation, spread: models.Spread) -> Floats:
        """[steps] that two speak at once, by the more cautious of two looks.

        Near a chunk's border the network guesses; so chunks that lie five seconds later are looked at where in doubt.
        """
        again = self._segmenter.segment(samples, segmentation.overlap > _DOUBT, spread, shifted=True)
        looked = again.speech > 0  # never quite zero where the network was asked
        return np.where(looked, np.minimum(segmentation.overlap, again.overlap), segmentation.overlap)

    def _voices(self, seen: VoiceMap, first: Ints, cells: Ints) -> Floats:
        voices = np.zeros((len(first), 256), np.float32)
        for length in np.unique(cells):
            chosen = np.flatnonzero(cells == length)
            rows = np.stack([seen.rows(np.arange(at, at + length)) for at in first[chosen]])
            voices[chosen] = self._embedder.pool(rows)
        return voices


def moved(samples: Samples) -> Samples:
    """The same window from another place on, its beginning behind its end: chunks and partials fall otherwise."""
    return np.roll(samples, -int(len(samples) * _MOVED))


def levels(samples: Samples, rate: int = RATE) -> Floats:
    """Level of each cell of 80 ms in dBFS (0 dBFS is a full-scale square wave)."""
    long = rate * CELL // RATE
    cells = -(-len(samples) // long)
    if len(samples) < cells * long:
        samples = np.concatenate([samples, np.zeros(cells * long - len(samples), np.float32)])
    rows = samples.reshape(cells, long)
    power = np.einsum("ij,ij->i", rows, rows) / np.float32(long)  # an eighth of the time of squares and their mean
    level: Floats = 10 * np.log10(np.maximum(power, 10 ** (_LEAST_DBFS / 10))).astype(np.float32)
    return level


def _stands_out(level: Floats) -> Mask:
    """[cells] → [4 · cells] the steps of the segmentation's chunks in which anything stands out."""
    out = np.zeros(len(level), np.bool_)
    for first in range(0, len(level), CHUNK // CELL):
        chunk = level[first : first + CHUNK // CELL]
        out[first : first + len(chunk)] = chunk.max() - np.percentile(chunk, _FLOOR_PERCENTILE) >= _STANDS_OUT_DB
    return np.repeat(out, STEPS_A_CELL)


def by_cell(steps: Floats) -> Floats:
    """Mean of the steps in each cell; [steps] or [steps, n]."""
    cells = -(-len(steps) // STEPS_A_CELL)
    padded = np.concatenate([steps, np.repeat(steps[-1:], cells * STEPS_A_CELL - len(steps), axis=0)])
    mean: Floats = padded.reshape(cells, STEPS_A_CELL, *steps.shape[1:]).mean(axis=1)
    return mean


def _partials(speech: Floats, overlap: Floats, segmentation: Segmentation) -> tuple[Ints, Ints]:
    """Where the partials lie: (first cells, lengths in cells)."""
    single = (speech > SPEECH) & (overlap <= SPEECH)
    speaker = by_cell(segmentation.local).argmax(axis=1)
    chunk = segmentation.chunk[::STEPS_A_CELL]
    placed: list[tuple[int, int]] = []
    for first, last in runs(_bridged(single)):
        inside = np.arange(first + 1, last)
        # Names of local speakers mean nothing across chunks, and in a pause they mean nothing at all.
        turned = (speaker[inside] != speaker[inside - 1]) & (chunk[inside] == chunk[inside - 1])
        turned &= single[inside] & single[inside - 1]
        borders = [first, *inside[turned].tolist(), last]
        for start, stop in itertools.pairwise(borders):
            placed += _tiled(start, stop)
    table = np.array(placed, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _tiled(start: int, stop: int) -> list[tuple[int, int]]:
    if stop - start < SHORTEST:
        return []
    if stop - start <= PARTIAL:
        return [(start, stop - start)]
    firsts = [*range(start, stop - PARTIAL, PARTIAL_HOP), stop - PARTIAL]
    return [(first, PARTIAL) for first in firsts]


def _bridged(mask: Mask) -> Mask:
    out = mask.copy()
    for first, last in runs(~mask):
        if last - first <= _BRIDGED and first > 0 and last < len(mask):
            out[first:last] = True
    return out
