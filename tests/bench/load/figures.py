"""Percentiles, slopes and histograms."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

# What is measured every second hangs together from one second to the next; the means of longer blocks hardly do, and
# only from values that don't is an interval of confidence one.
BLOCK_S: Final = 15.0
LEAST_BLOCKS: Final = 4
CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Slope:
    """Growth a minute, and how far it may be off."""

    a_minute: float
    give_or_take: float


def slope(times_s: Sequence[float], values: Sequence[float], block_s: float = BLOCK_S) -> Slope | None:
    """By least squares through the means of blocks; None if there are too few. NaNs are left out."""
    blocks: dict[int, list[tuple[float, float]]] = {}
    for at, value in zip(times_s, values, strict=True):
        if not math.isnan(value):
            blocks.setdefault(int((at - times_s[0]) / block_s), []).append((at, value))
    if len(blocks) < LEAST_BLOCKS:
        return None
    means = [np.mean(block, axis=0) for block in blocks.values()]
    if len({mean[1] for mean in means}) == 1:
        return Slope(0.0, 0.0)  # of which linregress says that nothing is known
    from scipy import stats  # a second of imports, which all who collect tests would pay

    fit = stats.linregress([mean[0] / 60 for mean in means], [mean[1] for mean in means])
    return Slope(float(fit.slope), float(fit.stderr * stats.t.ppf((1 + CONFIDENCE) / 2, len(means) - 2)))


def percentiles(values: Iterable[float], unit: float = 1000.0) -> str:
    """`n` values, and those that 50, 90, 99 and 100 % are not above, in 1/unit of what they are."""
    ordered = sorted(values)
    if not ordered:
        return "none"
    at = [ordered[-(-len(ordered) * percent // 100) - 1] * unit for percent in (50, 90, 99, 100)]
    p50, p90, p99, most = (f"{value:.1f}" if value < 10 else f"{value:.0f}" for value in at)
    return f"p50 {p50:>5}   p90 {p90:>5}   p99 {p99:>5}   max {most:>5}   of {len(ordered):,}"


def a_second(times_s: Iterable[float], zero: float) -> list[tuple[int, int]]:
    """How many fall into each second from `zero` on."""
    counted = Counter(math.floor(at - zero) for at in times_s)
    return [(second, counted[second]) for second in range(min(counted), max(counted) + 1)] if counted else []
