"""What every engine is: a clip goes in, who spoke when comes out. Engines are loaded by name, once a process."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import Final, Protocol

from undertone.core.verdict import Diarization


class AnalysisError(Exception):
    """A clip cannot be analysed; the message says why.

    One positional message and nothing else, since it crosses process borders by pickling.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Clip:
    """A window's MP3 bytes behind the lead-in frames that its first frame needs."""

    mp3: bytes
    lead_in_samples: int  # decoded samples to discard, at `sample_rate`
    samples: int  # of the window itself, at `sample_rate`
    sample_rate: int  # Hz


class Diarizer(Protocol):
    """Blocking and heavy on the processor: belongs into an analyzer process, never on an event loop."""

    name: str

    def diarize(self, clip: Clip, profile: bytes | None = None, threads: int = 1) -> Diarization:
        """Who speaks when in the clip. `profile` is what the same engine said of the candidate's window before.

        With more threads the same answer may come sooner. Raises AnalysisError where the clip cannot be decoded.
        """
        ...


ENGINES: Final = ("local",)
# For one clip, on a machine whose other cores have nothing to do. Beyond four there is not enough to share: a minute's
# segmentation and voice are 12 runs of a network, the rest is done by one thread.
MOST_THREADS: Final = 4
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
