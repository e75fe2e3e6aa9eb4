"""Can the window be judged at all? Under steady noise neither answer is reliable, and the verdict says so.

The noise is the level that the window hardly ever falls below. Noise that comes and goes leaves gaps to judge by.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from undertone.diarize.local.evidence import Partials
from undertone.diarize.local.observation import CELL_SECONDS, Observation

_FLOOR_PERCENTILE: Final = 5
# Shorter windows may hold no pause: what they never fall below is speech.
_LEAST_SECONDS: Final = 5.0
# What is said must stand out from the noise by so much.
_LEAST_DB: Final = 6.0
# Where nothing is heard: speech is usually at −35 to −20 dBFS, and would be under a noise as loud as this.
_LOUD_DBFS: Final = -28.0


def unclear(seen: Observation, of: Partials) -> str | None:
    """Why the window cannot be judged, or None."""
    if len(seen.level) * CELL_SECONDS < _LEAST_SECONDS:
        return None
    floor = float(np.percentile(seen.level, _FLOOR_PERCENTILE))
    if len(of) == 0:
        return f"steady noise at {floor:.0f} dBFS: a voice could not be heard" if floor > _LOUD_DBFS else None
    above = 10 * np.log10(np.mean(10 ** (of.level / 10))) - floor
    return f"steady noise: what is said stands out by {above:.0f} dB" if above < _LEAST_DB else None
