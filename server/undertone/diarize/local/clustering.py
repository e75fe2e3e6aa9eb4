"""Where two people may have met: every merge of average-linkage clustering (UPGMA), and the odd stretches of time.

The decision asks each of them. A short turn whose partials went astray in the clustering is still a stretch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

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


# Stretches that are looked at; more of them find no more short turns.
_STRETCHES: Final = 8
_LONGEST_STRETCH: Final = 13  # partials: about eight seconds; who speaks longer is a merge
# The mean of more pieces of one voice lies nearer to the rest of it, about so.
_SPREAD: Final = 0.55
_SHARED: Final = 0.6


def stretches(unit: Floats, first: Ints, cells: Ints, shortest: int) -> list[Merge]:
    """Runs of items in time against all others: those that stand out most, none half the same as one before.

    [n, d] of length one, [n] first cells and lengths; each side covers at least `shortest` cells.
    """
    order = np.argsort(first, kind="stable")
    weight = cells[order].astype(np.float64)
    stop = (first + cells)[order]
    sums = np.vstack([np.zeros(unit.shape[1]), np.cumsum(unit[order] * weight[:, None], axis=0)])
    mass = np.concatenate([[0.0], np.cumsum(weight)])
    found: list[tuple[float, int, int]] = []
    for length in range(1, min(_LONGEST_STRETCH, len(order) - 1) + 1):
        begin = np.arange(len(order) - length + 1)
        inside = sums[begin + length] - sums[begin]
        outside = sums[-1] - inside
        norms = np.linalg.norm(inside, axis=1) * np.linalg.norm(outside, axis=1)
        apart = 1 - (inside * outside).sum(axis=1) / np.maximum(norms, 1e-9)
        odd = apart - _SPREAD / np.sqrt(1 + _SHARED * length)
        covers = stop[begin + length - 1] - first[order][begin]
        rest = mass[-1] - (mass[begin + length] - mass[begin])
        fits = (covers >= shortest) & (rest >= shortest)
        found += [(float(odd[at]), int(at), int(at) + length) for at in begin[fits]]
    chosen: list[tuple[int, int]] = []
    for _, begins, ends in sorted(found, reverse=True):
        if len(chosen) == _STRETCHES:
            break
        if all(2 * (min(ends, b) - max(begins, a)) <= max(ends, b) - min(begins, a) for a, b in chosen):
            chosen.append((begins, ends))
    made = []
    for begins, ends in chosen:
        inside = sums[ends] - sums[begins]
        rest = mass[-1] - (mass[ends] - mass[begins])
        distance = 1 - float(inside @ (sums[-1] - inside)) / (rest * (mass[ends] - mass[begins]))
        made.append(Merge(order[begins:ends], np.concatenate([order[:begins], order[ends:]]), distance, ()))
    return made
