"""Do two voices sound at once: what the voice trunk's frames say of it, beside the segmentation.

The segmentation hardly hears a voice ten decibels under another, and takes many a cough over a word for two people.
The trunk was made to tell voices apart, and its frames look otherwise where two are mixed. Either errs at places of
its own, so together they know more.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

# Cells that are looked at together: 0.56 s.
AROUND: Final = 7


@dataclass(frozen=True, slots=True)
class Mixture:
    """A network of a few layers for each cell of 80 ms, on mean and deviation of the frames around it."""

    centre: Floats  # [512] of what it is given
    spread: Floats  # [512]
    layers: tuple[tuple[Floats, Floats], ...]  # weights [in, out] and biases [out]; all but the last are rectified

    def __call__(self, cells: int, viewed: Ints, view: Floats) -> Floats:
        """[cells] log odds that two voices are mixed there; 0 for cells that are not `viewed`."""
        mixed = np.zeros(cells, np.float32)
        if len(viewed):
            rows = (described(cells, viewed, view) - self.centre) / self.spread
            *hidden, (weight, bias) = self.layers
            for inner, inner_bias in hidden:
                rows = np.maximum(rows @ inner + inner_bias, 0)
            mixed[viewed] = (rows @ weight + bias)[:, 0]
        return mixed


def described(cells: int, viewed: Ints, view: Floats) -> Floats:
    """[viewed] cells and their [viewed, 256] frames → [viewed, 512] mean and deviation of those around each."""
    half = AROUND // 2
    padded = np.zeros((cells + 2 * half, 2 * view.shape[1] + 1), np.float64)
    padded[viewed + half] = np.hstack([view, view * view, np.ones((len(view), 1), np.float32)])
    sums = np.cumsum(np.vstack([np.zeros((1, padded.shape[1])), padded]), axis=0)
    around = sums[viewed + AROUND] - sums[viewed]
    mean, square = np.split(around[:, :-1] / around[:, -1:], 2, axis=1)
    out: Floats = np.hstack([mean, np.sqrt(np.maximum(square - mean * mean, 0))]).astype(np.float32)
    return out


def read(file: bytes) -> Mixture:
    """From the committed file."""
    with np.load(io.BytesIO(file)) as kept:
        arrays = {name: kept[name].astype(np.float32) for name in kept.files}
    layers = sum(name.startswith("weight") for name in arrays)
    return Mixture(
        arrays["centre"],
        arrays["spread"],
        tuple((arrays[f"weight{number}"], arrays[f"bias{number}"]) for number in range(layers)),
    )
