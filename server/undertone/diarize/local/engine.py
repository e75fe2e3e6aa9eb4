"""The engine that needs no account and no network: decode, observe, decide.

Cheap exits: digital silence is not decoded, a window without sound is done after decoding, one of steady noise after
its levels; the segmentation looks only at chunks in which Silero hears something, the voice embedding only at speech.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final

import numpy as np

from undertone.core.verdict import Diarization
from undertone.diarize.base import Clip, Place
from undertone.diarize.local import evidence
from undertone.diarize.local import profile as profiles
from undertone.diarize.local.clarity import unclear
from undertone.diarize.local.decision import decide, learned, score
from undertone.diarize.local.decode import decoded, is_empty
from undertone.diarize.local.fbank import RATE, Samples
from undertone.diarize.local.known import Known
from undertone.diarize.local.likeness import likeness
from undertone.diarize.local.observation import STEPS_A_CELL, Observation, Observer, levels, moved
from undertone.diarize.local.turns import turns

# A muted or dead microphone: 99.5 % of the window lies under −60 dBFS. A quiet room with an open microphone is at
# −50 to −55 dBFS at its peaks, digital silence at none.
_SILENT_DBFS: Final = -60.0
_SILENT_PERCENTILE: Final = 99.5
# Steps: half a minute. Of shorter windows a second look was not tried, and it would cut through much of what is said.
_LONG: Final = 1500
NAME: Final = "local"


class LocalDiarizer:
    """Loads 14 MB of networks; its process peaks at about 310 MiB with a minute full of speech."""

    name = NAME

    def __init__(self) -> None:
        self._observer = Observer()
        self._learned = learned()
        self._likeness = likeness()

    def diarize(self, clip: Clip, profile: bytes | None = None, threads: int = 1) -> Diarization:
        """Who speaks when, and whether it is the voice of the windows before. Another engine's profile is begun anew.

        Raises AnalysisError where the clip cannot be decoded.
        """
        if is_empty(clip):
            return silence(profile)
        sound = decoded(clip)
        # At the clip's own rate first: what is silent there is silent at ours too, and need not be resampled.
        if self.is_silent(sound.samples, sound.rate):
            return silence(profile)
        return self.listen(sound.resampled(), profile, threads, clip.place)

    def listen(
        self, samples: Samples, profile: bytes | None = None, threads: int = 1, place: Place | None = None
    ) -> Diarization:
        """The same for [n] samples at 16 kHz, n ≥ 1."""
        if self.is_silent(samples):
            return silence(profile)

        def again() -> Observation:
            return self.observe(moved(samples), threads)

        return self.decide(self.observe(samples, threads), len(samples) * 1000 // RATE, profile, place, again)

    def is_silent(self, samples: Samples, rate: int = RATE) -> bool:
        """No sound above the gate."""
        return float(np.percentile(levels(samples, rate), _SILENT_PERCENTILE)) < _SILENT_DBFS

    def observe(self, samples: Samples, threads: int = 1) -> Observation:
        """What the networks say: nearly all the work."""
        return self._observer.observe(samples, threads)

    def decide(
        self,
        seen: Observation,
        duration_ms: int,
        profile: bytes | None = None,
        place: Place | None = None,
        again: Callable[[], Observation] | None = None,
    ) -> Diarization:
        """What was learned makes of it; in doubt also of what is observed `again`, of the same sound moved."""
        of = evidence.partials(seen, self._learned.probe, self._learned.least_voice)
        known = Known(profiles.read(profile).entering(place), self._likeness)
        cells = -(-seen.steps // STEPS_A_CELL)
        long = seen.steps >= _LONG
        second = functools.partial(self._scored, again, known) if again is not None and long else None
        judged = known.complete(of, decide(seen, of, self._learned, known.lean, known.reserve, second), cells)
        decided = judged.decision
        reason = unclear(seen, of)
        probabilities = dict(enumerate(decided.probabilities))
        if decided.overlap_only:
            probabilities[1] = decided.second_voice
        return Diarization(
            turns=turns(seen, of, decided, duration_ms),
            engine=NAME,
            probabilities=probabilities,
            second_voice=decided.second_voice,
            unclear=reason,
            main=0 if decided.groups else None,
            # Noise disturbs the likeness too: nothing is claimed by it, and nothing learned.
            changed=None if reason else judged.changed,
            profile=profiles.after_silence(profile)
            if reason
            else profiles.write(known.after(of, judged, cells).leaving(place)),
        )

    def _scored(self, again: Callable[[], Observation], known: Known) -> float:
        seen = again()
        of = evidence.partials(seen, self._learned.probe, self._learned.least_voice)
        return score(seen, of, self._learned, known.lean)


def silence(profile: bytes | None) -> Diarization:
    """What is heard in a window without sound."""
    return Diarization(turns=(), engine=NAME, silent=True, profile=profiles.after_silence(profile))
