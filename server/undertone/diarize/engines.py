"""The engines that run on this machine, by name, each loaded once a process."""

from __future__ import annotations

import functools
import os
from typing import Final

from undertone.diarize.base import Diarizer
from undertone.diarize.sherpa.models import Models

ENGINES: Final = ("local", "sherpa")
# One thread for each numeric library: work is spread over processes, one a core.
_ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@functools.cache
def load(engine: str, models: Models | None = None) -> Diarizer:
    """The engine of that name; the numeric packages it needs are imported here and not before.

    `models` are those of `sherpa`. Raises AnalysisError where they can't be used.
    """
    for variable in _ONE_THREAD:
        os.environ.setdefault(variable, "1")
    if engine == "local":
        from undertone.diarize.local.engine import LocalDiarizer

        return LocalDiarizer()
    if engine == "sherpa" and models is not None:
        from undertone.diarize.sherpa.engine import SherpaDiarizer

        return SherpaDiarizer(models)
    raise ValueError(f"unknown engine {engine!r}: known are {', '.join(ENGINES)}")
