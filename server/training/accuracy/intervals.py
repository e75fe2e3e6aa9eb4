"""95 % intervals: of shares, of counts in time, and of windows that share their speakers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

Floats = npt.NDArray[np.float64]

_Z: Final = 1.959964
DRAWS: Final = 2000
_SEED: Final = 20_260
_TAILS: Final = (2.5, 97.5)


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Of a share, if the cases are independent (Wilson 1927)."""
    if of == 0:
        return 0.0, 1.0
    share, z2 = hits / of, _Z**2
    middle = share + z2 / (2 * of)
    reach = _Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return max(0.0, (middle - reach) / (1 + z2 / of)), min(1.0, (middle + reach) / (1 + z2 / of))


def poisson(count: int) -> tuple[float, float]:
    """Of the expected number of rare events of which so many were counted (Garwood 1936, exact)."""
    low = float(gammaincinv(count, 0.025)) if count else 0.0
    return low, float(gammaincinv(count + 1, 0.975))


def drawn(clusters: Sequence[str], draws: int = DRAWS) -> Floats:
    """[draws, n] how often each case is in a draw, where whole clusters are drawn with replacement (Efron 1979)."""
    names, place = np.unique(np.array(clusters, dtype=np.str_), return_inverse=True)
    random = np.random.default_rng(_SEED)
    counts = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
    return counts[:, place].astype(np.float64)


def clustered(hits: Sequence[bool], clusters: Sequence[str]) -> tuple[float, float]:
    """Of a share of cases that come in clusters: windows of one speaker are right or wrong together.

    Where all cases agree no draw differs; then only as many independent cases are counted as there are clusters.
    """
    hit = np.array(hits, np.float64)
    count = len(set(clusters))
    if count < 2:
        return 0.0, 1.0
    if hit.min() == hit.max():
        return wilson(count if hit[0] else 0, count)
    weights = drawn(clusters)
    low, high = np.percentile((weights @ hit) / weights.sum(axis=1), _TAILS)
    return float(low), float(high)


def spread(values: Floats) -> tuple[float, float]:
    """The middle 95 % of a statistic's values over draws; draws in which it is not defined are left out."""
    low, high = np.nanpercentile(values, _TAILS)
    return float(low), float(high)
