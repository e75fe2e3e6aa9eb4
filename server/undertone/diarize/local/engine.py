"""The engine that needs no account and no network: decode, observe, decide.

Cheap exits: a window without sound is done after decoding; the segmentation looks only at chunks in which Silero hears
something, the voice embedding only at speech.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from undertone.core.verdict import Diarization
from undertone.diarize.base import Clip
from undertone.diarize.local import evidence
from undertone.diarize.local.clarity import unclear
from undertone.diarize.local.decision import decide, learned
from undertone.diarize.local.decode import decode
from undertone.diarize.local.fbank import RATE, Samples
from undertone.diarize.local.observation import Observation, Observer, levels
from undertone.diarize.local.turns import turns

# A muted or dead microphone: 99.5 % of the window lies under −60 dBFS. A quiet room with an open microphone is at
# −50 to −55 dBFS at its peaks, digital silence at none.
_SILENT_DBFS: Final = -60.0
_SILENT_PERCENTILE: Final = 99.5
NAME: Final = "local"


class LocalDiarizer:
    """Loads 14 MB of networks; its process peaks at about 380 MiB with a minute full of speech."""

    name = NAME

    def __init__(self) -> None:
        self._observer = Observer()
        self._learned = learned()

    def diarize(self, clip: Clip, profile: bytes | None = None, threads: int = 1) -> Diarization:
        """Who speaks when. The profile is handed on as it came: this engine judges each window by itself.

        Raises AnalysisError where the clip cannot be decoded.
        """
        return self.listen(decode(clip), profile, threads)

    def listen(self, samples: Samples, profile: bytes | None = None, threads: int = 1) -> Diarization:
        """The same for [n] samples at 16 kHz, n ≥ 1."""
        if self.is_silent(samples):
            return Diarization(turns=(), engine=NAME, silent=True, profile=profile)
        return self.decide(self.observe(samples, threads), len(samples) * 1000 // RATE, profile)

    def is_silent(self, samples: Samples) -> bool:
        """No sound above the gate."""
        return float(np.percentile(levels(samples), _SILENT_PERCENTILE)) < _SILENT_DBFS

    def observe(self, samples: Samples, threads: int = 1) -> Observation:
        """What the networks say: nearly all the work."""
        return self._observer.observe(samples, threads)

    def decide(self, seen: Observation, duration_ms: int, profile: bytes | None = None) -> Diarization:
        """What was learned makes of it."""
        of = evidence.partials(seen, self._learned.probe, self._learned.least_voice)
        decided = decide(seen, of, self._learned)
        spoken = turns(seen, of, decided, duration_ms)
        probabilities = dict(enumerate(decided.probabilities))
        if decided.overlap_only:
            probabilities[1] = decided.second_voice
        return Diarization(
            turns=spoken,
            engine=NAME,
            probabilities=probabilities,
            second_voice=decided.second_voice,
            unclear=unclear(seen, of),
            profile=profile,
        )
