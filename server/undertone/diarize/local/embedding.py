"""Whose voice: WeSpeaker ResNet34 (Wang et al., 2023), one pass over the speech of a window, pooled wherever wanted.

The trunk turns filter banks into 2,560 channels a frame of 80 ms; mean and standard deviation of any frames and one
linear layer make a voice embedding of them. So partials may overlap, and the voice of a whole speaker be pooled, at
no further cost. Only speech, and a little around it, goes through the trunk, which is most of the engine's work.
"""

from __future__ import annotations

import io
import itertools
from typing import Final

import numpy as np
import numpy.typing as npt

from undertone.diarize.local import models
from undertone.diarize.local.fbank import FRAME, HOP, Samples, fbank

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

CHANNELS: Final = 2560
CELL: Final = 8 * HOP  # samples a trunk frame stands for: 80 ms
# 10 s a run: two threads share a minute evenly, longer runs leave the processor's cache and hold 30 MB each 10 s.
_LONGEST: Final = 125
# Cells on both sides of a seam that two runs see and one keeps: a run's borders are zeros.
_SEAM: Final = 3
_LEAST_DEVIATION: Final = np.float32(1e-7)  # as in the network, added to the variance


class VoiceMap:
    """The trunk's output over a window: which cells of 80 ms were looked at, and what was seen."""

    def __init__(self, cells: int) -> None:
        self._row = np.full(cells, -1, np.int64)
        self._rows: list[Floats] = []
        self._count = 0
        self._all: Floats | None = None

    def add(self, first: int, rows: Floats) -> None:
        self._row[first : first + len(rows)] = np.arange(self._count, self._count + len(rows))
        self._rows.append(rows)
        self._count += len(rows)
        self._all = None

    def rows(self, cells: npt.NDArray[np.int64]) -> Floats:
        """[n] cells → [n, 2560]; cells that were not looked at are left out."""
        if self._all is None:
            self._all = np.concatenate(self._rows) if self._rows else np.zeros((0, CHANNELS), np.float32)
        found = self._row[cells]
        return self._all[found[found >= 0]]


class Embedder:
    """The network cut in two: the trunk once over the speech, the head for every stretch of it."""

    def __init__(self) -> None:
        self._trunk = models.session(models.data(models.TRUNK))
        with np.load(io.BytesIO(models.data(models.HEAD))) as head:
            weight: Floats = head["weight"].astype(np.float32) * head["scale"][:, None]
            self.head: tuple[Floats, Floats] = weight, head["bias"]  # [256, 5120] and [256]

    def look(self, samples: Samples, wanted: Mask, spread: models.Spread = map) -> VoiceMap:
        """Runs the trunk over the `wanted` cells of 80 ms (one entry a cell)."""
        seen = VoiceMap(len(wanted))
        stretches = [(a, b, fbank(_around(samples, a, b))) for a, b in runs(wanted)]
        if not stretches:
            return seen
        # One mean for the whole window: the microphone is one, whoever speaks into it.
        mean = np.concatenate([bank for _, _, bank in stretches]).mean(axis=0)
        pieces = [
            (first, bank, start, stop)
            for first, last, bank in stretches
            for start, stop in itertools.pairwise(_cuts(last - first))
        ]

        def see(piece: tuple[int, Floats, int, int]) -> Floats:
            _, bank, start, stop = piece
            before = max(0, start - _SEAM)
            around = bank[before * 8 : (stop + _SEAM) * 8]
            (out,) = models.run(self._trunk, feats=(around - mean)[None])
            cells: Floats = out[0].reshape(CHANNELS, -1).T[start - before : stop - before]
            return cells

        for (first, _, start, _), cells in zip(pieces, spread(see, pieces), strict=True):
            seen.add(first + start, cells)
        return seen

    def pool(self, rows: Floats) -> Floats:
        """[..., cells, 2560] → [..., 256], not normalised; at least two cells each."""
        count = rows.shape[-2]
        mean = rows.mean(axis=-2)
        variance = rows.var(axis=-2) * np.float32(count / (count - 1))
        statistics = np.concatenate([mean, np.sqrt(variance + _LEAST_DEVIATION)], axis=-1)
        weight, bias = self.head
        embedding: Floats = statistics @ weight.T + bias
        return embedding


def _cuts(cells: int) -> list[int]:
    """Where a stretch is cut into runs of the same length."""
    return [int(at) for at in np.linspace(0, cells, -(-cells // _LONGEST) + 1)]


def runs(mask: Mask) -> list[tuple[int, int]]:
    """Stretches of True as (first, behind the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def grown(mask: Mask, by: int) -> Mask:
    """The mask with every stretch of True made longer by so many entries on both sides."""
    out = mask.copy()
    for first, last in runs(mask):
        out[max(0, first - by) : last + by] = True
    return out


def _around(samples: Samples, first: int, last: int) -> Samples:
    """Samples of the cells, so that each has its eight filter bank frames; zeros behind the end."""
    start, stop = first * CELL, last * CELL + FRAME - HOP
    piece = samples[start:stop]
    return np.pad(piece, (0, stop - start - len(piece)))


def normalised(vectors: Floats) -> Floats:
    """Rows of length one."""
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return unit
