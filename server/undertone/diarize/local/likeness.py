"""How like the candidate's is a voice: one number for some speech, beside the profile of the windows before.

The number is the log of the odds, at even odds beforehand, that somebody else speaks. It is a linear score of how far
the two are apart, of how like either is to people in general (a cohort of the training set; a voice that nobody is
like says more by a distance than a common one, and noise takes both down together), and of how much speech there is on
both sides. The weights are fitted by training/profile.py, as are the points at which something follows.
"""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from undertone.diarize.local import evidence, models
from undertone.diarize.local.clustering import Merge
from undertone.diarize.local.embedding import normalised
from undertone.diarize.local.evidence import Partials
from undertone.diarize.local.profile import Voice

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

FEATURES: Final = ("distance", "crowd", "crowd_profile", "log_seconds", "log_profile")
# As long as they get in training: beyond, nothing was learned of how sure one may be.
_MOST_SECONDS: Final = 15.0
_MOST_PROFILE: Final = 25.0
# People in general are those of the cohort who are most like the voice. With 5 or 30 it is no better.
_LIKEST: Final = 12
# However well the profile knows a voice, it moves a merge no further: a second voice that is like the candidate's is
# still heard by what the window itself says of it.
MOST_LEAN: Final = 1.5


@dataclass(frozen=True, slots=True)
class Likeness:
    """All that was fitted."""

    weights: Floats  # in the order of FEATURES
    bias: float
    changed: float  # log odds from which on a changed voice is claimed
    same: float  # log odds up to which a window adds to the profile
    lean: float  # what a merge gains for each unit of `parted`
    lean_bias: float
    cohort: Floats  # [people, 256], of length one

    def unlike(self, known: Voice, heard: Voice) -> float:
        """Log odds that it is somebody else who is heard."""
        return float(features(known, heard, self.cohort) @ self.weights) + self.bias

    def stated(self, log_odds: float) -> float:
        """The probability to state, the price of a false accusation in it: even odds are the point to act on."""
        return float(1 / (1 + np.exp(self.changed - log_odds)))

    def leaning(self, known: Voice, of: Partials, merge: Merge) -> float:
        """What the profile adds to a merge's score."""
        return float(np.clip(self.lean * self.parted(known, of, merge) + self.lean_bias, -MOST_LEAN, MOST_LEAN))

    def parted(self, known: Voice, of: Partials, merge: Merge) -> float:
        """How much likelier one side of the merge is the candidate than the other; of two strangers: nothing."""
        likelier, other = sorted(self.unlike(known, voice_of(of, side)) for side in (merge.left, merge.right))
        return other - max(0.0, likelier)


def features(known: Voice, heard: Voice, cohort: Floats) -> Floats:
    """[features], in the order of FEATURES."""
    return np.array(
        [
            1 - float(known.unit @ heard.unit),
            _crowd(heard, cohort),
            _crowd(known, cohort),
            np.log(min(heard.seconds, _MOST_SECONDS)),
            np.log(min(known.seconds, _MOST_PROFILE)),
        ],
        np.float32,
    )


def _crowd(voice: Voice, cohort: Floats) -> float:
    """How like the voice those are who are most like it."""
    return float(np.partition(cohort @ voice.unit, -_LIKEST)[-_LIKEST:].mean())


def voice_of(of: Partials, members: Ints) -> Voice:
    """These partials of a window (at least one), taken together."""
    unit = normalised((of.unit[members] * of.cells[members, None]).sum(axis=0))
    return Voice(unit, evidence.seconds(of, members))


@functools.cache
def likeness() -> Likeness:
    """The committed weights and cohort."""
    with np.load(io.BytesIO(models.data(models.COHORT))) as kept:
        cohort = normalised(kept["voices"].astype(np.float32))
    return parse(json.loads(models.data(models.LIKENESS)), cohort)


def parse(content: Mapping[str, Any], cohort: Floats) -> Likeness:
    """Raises ValueError if the file was fitted for other features than this code computes."""
    weights = content["weights"]
    if tuple(weights) != FEATURES:
        raise ValueError(f"fitted for {', '.join(weights)}; expected {', '.join(FEATURES)}: run `make train`")
    return Likeness(
        weights=np.array(list(weights.values()), np.float32),
        bias=content["bias"],
        changed=content["changed"],
        same=content["same"],
        lean=content["lean"],
        lean_bias=content["lean_bias"],
        cohort=cohort,
    )
