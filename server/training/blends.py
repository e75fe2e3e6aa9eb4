"""Voices that stand for people in general: each the mean of a few that are alike, so that nobody is in the product."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from undertone.diarize.local.embedding import normalised

Floats = npt.NDArray[np.float32]

BLENDED: Final = 3  # people in each


def blends(voices: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """[n, d] of length one → [n, 3] who is in each blend, [n, d] the blends, of length one."""
    who = np.argsort(-(voices @ voices.T), axis=1)[:, :BLENDED]
    return who, normalised(voices[who].mean(axis=1))
