"""The engines by name, each loaded once a process."""

from __future__ import annotations

import functools
import os
from typing import Final

from undertone.diarize.base import Diarizer

ENGINES: Final = ("local",)
# One thread for each numeric library: work is spread over processes, one a core.
_ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@functools.cache
def load(engine: str) -> Diarizer:
    """The engine of that name; the numeric packages it needs are imported here and not before."""
    for variable in _ONE_THREAD:
        os.environ.setdefault(variable, "1")
    if engine == "local":
        from undertone.diarize.local.engine import LocalDiarizer

        return LocalDiarizer()
    raise ValueError(f"unknown engine {engine!r}: known are {', '.join(ENGINES)}")
