"""Average-linkage clustering (UPGMA) that keeps every merge: the decision asks each of them whether two people met."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Merge:
    """Two groups of items that became one. Members are indices of items."""

    left: Ints
    right: Ints
    distance: float
    earlier: tuple[int, ...]  # places of the merges that made its sides, single items having none

    @property
    def members(self) -> Ints:
        return np.concatenate([self.left, self.right])


def merges(distances: Floats, weights: Floats) -> list[Merge]:
    """[n, n] symmetric distances and [n] weights → n − 1 merges, the closest first.

    The distance of two groups is the mean over their pairs, each weighted by both items' weights.
    """
    count = len(distances)
    groups: list[Ints] = [np.array([item]) for item in range(count)]
    mass = weights.astype(np.float64).copy()
    between = distances.astype(np.float64).copy()
    np.fill_diagonal(between, np.inf)
    done: list[Merge] = []
    place: dict[int, int] = {}
    for _ in range(count - 1):
        a, b = divmod(int(between.argmin()), count)
        a, b = min(a, b), max(a, b)
        made = tuple(place[group] for group in (a, b) if group in place)
        done.append(Merge(groups[a], groups[b], float(between[a, b]), made))
        place[a] = len(done) - 1
        joined = (mass[a] * between[a] + mass[b] * between[b]) / (mass[a] + mass[b])
        joined[a] = np.inf
        between[a], between[:, a] = joined, joined
        between[b], between[:, b] = np.inf, np.inf
        groups[a] = np.concatenate([groups[a], groups[b]])
        mass[a] += mass[b]
    return done
