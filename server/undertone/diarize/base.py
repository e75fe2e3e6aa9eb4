"""What every engine is: a clip goes in, who spoke when comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from undertone.core.verdict import Diarization


class AnalysisError(Exception):
    """A clip cannot be analysed; the message says why.

    One positional message and nothing else, since it crosses process borders by pickling.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class EngineAway(AnalysisError):
    """The engine could not be asked: nothing is said of the clip, and the next one may fare no better."""


class EngineRefused(EngineAway):
    """No clip at all will be analysed until somebody mends a key, an account or an address; it is in the log."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a window lies: in which of the candidate's streams, from when to when of its media time."""

    stream: int  # from 1
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Clip:
    """A window's MP3 bytes behind the lead-in frames that its first frame needs."""

    mp3: bytes
    lead_in_samples: int  # decoded samples to discard, at `sample_rate`
    samples: int  # of the window itself, at `sample_rate`
    sample_rate: int  # Hz
    place: Place | None = None  # None: right behind the window before, whichever that was


class Diarizer(Protocol):
    """Blocking and heavy on the processor: belongs into an analyzer process, never on an event loop."""

    name: str

    def diarize(self, clip: Clip, profile: bytes | None = None, threads: int = 1) -> Diarization:
        """Who speaks when in the clip. `profile` is what the same engine said of the candidate's window before.

        With more threads the same answer may come sooner. Raises AnalysisError where the clip cannot be decoded.
        """
        ...


# For one clip, on a machine whose other cores have nothing to do. Beyond four there is not enough to share: a minute's
# segmentation and voice are 12 runs of a network, the rest is done by one thread.
MOST_THREADS: Final = 4
