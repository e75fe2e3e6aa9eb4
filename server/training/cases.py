"""Observed scenes → cases: the evidence that the decision will see, with its truth.

A case's doubts come from a probe, and its comparisons from voices, that know neither its voices nor its noises; the
comparisons know no voice of its corpora either: in a room, all of them are new.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from training import probe
from training.blends import blends
from training.cache import Sample
from training.crops import crops
from training.sources import QUARTERS
from undertone.diarize.local import evidence
from undertone.diarize.local.embedding import normalised
from undertone.diarize.local.evidence import Probe, Space

Floats = npt.NDArray[np.float32]

# A voice of the cohort is the mean of its partials in all scenes; fewer than these say too little.
_LEAST_PARTIALS: Final = 4
_LEAST_CELLS: Final = 12
# Towards a sphere, of what varies within a voice: the scenes do not hold all that may vary.
_SHRINKAGE: Final = 0.3
# What sounds alike is left out together; each holds about as many scenes.
CORPORA: Final = (
    ("speechocean762",),
    ("LibriSpeech", "VCTK", "repository author"),
    ("Malayalam Speech Corpus", "Free Spoken Digit Dataset"),
    ("Alphanumeric Audio Dataset", "Arabic Speech Commands"),
    ("Nabu Casa voice datasets", "EmoDB", "CREMA-D", "Speech Commands"),
)


@dataclass(frozen=True, slots=True)
class Case:
    """A window's evidence with its truth."""

    sample: Sample
    merges: Floats  # [merges, features]
    real: npt.NDArray[np.bool_]  # [merges] the sides truly are different people
    overlap: Floats  # [features]
    whole: bool  # not a piece of a scene

    @property
    def second(self) -> bool:
        return self.sample.second_seconds > 0


class Voices:
    """Everybody's partials where they are heard alone."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        rows: list[tuple[str, str, int, Floats]] = []
        for sample in samples:
            held = sample.held()
            for first, cells, voice in zip(sample.seen.first, sample.seen.cells, sample.seen.voice, strict=True):
                active = held[:, first : first + cells].mean(axis=1)
                who = int(active.argmax())
                alone = active[who] > 0.7 and (active > 0.1).sum() == 1 and who < len(sample.speakers)
                if alone and cells >= _LEAST_CELLS:
                    rows.append((sample.speakers[who], sample.corpora[who], sample.quarter, normalised(voice)))
        self._name = np.array([row[0] for row in rows])
        self._corpus = np.array([row[1] for row in rows])
        self._quarter = np.array([row[2] for row in rows])
        self._unit = np.array([row[3] for row in rows], np.float32).reshape(-1, 256)
        self._spaces: dict[tuple[int | None, frozenset[str]], Space] = {}

    def space(self, quarter: int | None = None, corpora: Iterable[str] = ()) -> Space:
        """Of all voices but those of a quarter, and of corpora like these."""
        foreign = frozenset(name for alike in CORPORA if set(alike) & set(corpora) for name in alike)
        if (quarter, foreign) not in self._spaces:
            chosen = (self._quarter != quarter) & ~np.isin(self._corpus, sorted(foreign))
            self._spaces[quarter, foreign] = _space(self._name[chosen], self._unit[chosen])
        return self._spaces[quarter, foreign]


def _space(name: npt.NDArray[np.str_], unit: Floats) -> Space:
    _, who, count = np.unique(name, return_inverse=True, return_counts=True)
    means = np.zeros((len(count), 256))
    np.add.at(means, who, unit)
    means /= count[:, None]
    apart = unit - means[who]
    within = apart.T @ apart / len(unit)
    within += _SHRINKAGE * np.trace(within) / 256 * np.eye(256)
    values, vectors = np.linalg.eigh(within)
    space = Space(
        mean=unit.mean(axis=0).astype(np.float32),
        matrix=((vectors / np.sqrt(values)) @ vectors.T).astype(np.float16).astype(np.float32),
        cohort=np.zeros((0, 256), np.float32),
    )
    voices = space(normalised(means[count >= _LEAST_PARTIALS].astype(np.float32)))
    return replace(space, cohort=blends(voices)[1])


def cases(samples: Sequence[Sample], noises: dict[int, probe.Looks], voices: Voices) -> list[Case]:
    """Every scene and its pieces."""
    parts = [[sample for sample in samples if sample.quarter == quarter] for quarter in range(QUARTERS)]
    probes = []
    for quarter in range(QUARTERS):
        others = [number for number in range(QUARTERS) if number != quarter]
        probes.append(
            probe.fit([sample for number in others for sample in parts[number]], [noises[number] for number in others])
        )
    probe.report(probes, parts, noises)
    made = []
    for number, sample in enumerate(samples):
        space = voices.space(sample.quarter, sample.corpora)
        ears = probes[sample.quarter], space
        made.append(case(sample, *ears, whole=True))
        made += [case(piece, *ears, whole=False) for piece in crops(sample, number)]
    return made


def case(sample: Sample, by: Probe, space: Space, *, whole: bool) -> Case:
    """The evidence of one scene by that probe in that space."""
    of = evidence.partials(sample.seen, by, probe.LEAST_LOGIT)
    everything = [*evidence.tree(of), *evidence.odd_stretches(of)]
    weighty = evidence.weighty(of, everything)
    joined = [merge for merge, is_weighty in zip(everything, weighty, strict=True) if is_weighty]
    held = sample.held()

    def active(side: npt.NDArray[np.int64]) -> Floats:
        share: Floats = held[:, evidence.covered(of, side)].mean(axis=1)
        return share

    real = [np.abs(active(merge.left) - active(merge.right)).max() > 0.5 for merge in joined]
    return Case(
        sample=sample,
        merges=evidence.describe(of, joined, space),
        real=np.array(real, np.bool_),
        overlap=evidence.overlap(sample.seen),
        whole=whole,
    )
