"""The mixture: whether two voices sound at once, from the voice trunk's frames.

Frames in which two people speak are rare in scenes, so scenes of overlapped speech are made for this alone, with noise
under a third of them and through a telephone now and then. What the segmentation takes for two people in all other
scenes, rightly or not, is what it is most often asked about.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from training import arrays, cache, sound
from training.cache import Sample
from training.simulate import KINDS, Studio, Take
from training.sources import QUARTERS
from training.stage import Scene
from undertone.diarize.local.embedding import CELL, Embedder, grown
from undertone.diarize.local.fbank import Samples
from undertone.diarize.local.mixture import AROUND, Mixture, described
from undertone.diarize.local.observation import CONTEXT

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

SCENES: Final = 800
OTHERS: Final = 240  # one voice with what is easily taken for two
VERSION: Final = 1
_SEED: Final = 70_000
_CONVERSATIONS: Final = 4  # one in so many scenes is a conversation
_EMOTIONS: Final = 2  # one in so many of OTHERS is acted or moody, the rest is full of coughs
_TELEPHONES: Final = 8  # one in so many scenes is heard through one
_NOISY: Final = 0.3  # share of scenes with noise
_NOISE_DB: Final = (-20, -15, -10)
# Shares of the cells around one in which two speak, to count as a mixture, or as none: a quarter of a second is one.
_SURELY, _HARDLY = 0.4, 0.05
# Neighbouring cells say nearly the same.
_OF_MIXED, _OF_OTHERS = 0.6, 0.2
_LAYERS: Final = (64, 32)
_ROUNDS: Final = 8
_SHRINKAGE: Final = 1e-3
_LEAST_SPREAD: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Frames:
    """The viewed cells of a scene, and who speaks in all."""

    viewed: Ints  # [viewed]
    view: Floats  # [viewed, 256]
    held: Floats  # [people, cells]
    quarter: int

    def rows(self) -> Floats:
        return described(self.held.shape[1], self.viewed, self.view)

    def share(self) -> Floats:
        """[viewed] share of the cells around each in which two speak."""
        two = (self.held.sum(axis=0) >= 2).astype(float)
        share: Floats = np.convolve(two, np.ones(AROUND) / AROUND, mode="same")[self.viewed]
        return share


def frames(sample: Sample) -> Frames:
    """Of a scene as the engine sees it: where it may hear two."""
    return Frames(sample.seen.viewed, sample.seen.view, sample.held(), sample.quarter)


class _Take(Take):
    """A scene with noise now and then."""

    def __init__(self, studio: Studio, kind: str, seed: int) -> None:
        super().__init__(studio.voices, studio.noises, kind, [seed, list(KINDS).index(kind)])
        self._more = np.random.default_rng([7, seed])

    def _bed(self) -> Samples:
        if self._more.random() < _NOISY:
            self._disturb(float(self._more.choice(_NOISE_DB)))
        return super()._bed()


def overlaps(*, make: bool = True) -> list[Frames]:
    """Scenes of overlapped speech, then of one voice, with all their speech in view; made now unless kept."""
    where = cache.folder("mixtures", VERSION)
    where.mkdir(parents=True, exist_ok=True)
    embedder: Embedder | None = None
    found: list[Frames] = []
    for number in range(SCENES + OTHERS):
        file = where / f"{number:04d}.npz"
        quarter = number // 2 % QUARTERS
        if not file.exists():
            if not make:
                continue
            embedder = embedder or Embedder()
            scene = _Take(cache.studio(quarter), _kind(number), _SEED + number).shoot()
            through = sound.telephone(scene.samples) if number % 16 >= 16 - 16 // _TELEPHONES else scene.samples
            _write(file, embedder, scene, through)
        with np.load(file) as kept:
            found.append(Frames(kept["viewed"], kept["view"].astype(np.float32), kept["held"], quarter))
    return found


def _kind(number: int) -> str:
    if number >= SCENES:
        return "emotion" if number % 8 >= 8 - 8 // _EMOTIONS else "cough"
    return "conversation" if number % 8 >= 8 - 8 // _CONVERSATIONS else "overlap"


def _write(file: Path, embedder: Embedder, scene: Scene, samples: Samples) -> None:
    held = cache.held(scene.segments, len(samples) // CELL)
    wanted = grown(held.any(axis=0), CONTEXT)
    viewed = np.flatnonzero(wanted)
    view = embedder.view(embedder.look(samples, wanted).rows(viewed))
    arrays.keep(file, {"viewed": viewed, "view": view.astype(np.float16), "held": held.astype(np.float16)})


def fit(given: Sequence[Frames]) -> Mixture:
    """A small network on a share of the frames; seeded."""
    random = np.random.default_rng(0)
    rows: list[Floats] = []
    truth: list[npt.NDArray[np.bool_]] = []
    for one in given:
        share, drawn = one.share(), random.random(len(one.viewed))
        chosen = np.where(share > _SURELY, drawn < _OF_MIXED, (share < _HARDLY) & (drawn < _OF_OTHERS))
        rows.append(one.rows()[chosen])
        truth.append(share[chosen] > _SURELY)
    inputs = np.concatenate(rows)
    centre, spread = inputs.mean(axis=0), inputs.std(axis=0) + _LEAST_SPREAD
    network = MLPClassifier(
        _LAYERS, alpha=_SHRINKAGE, batch_size=512, max_iter=_ROUNDS, tol=0, n_iter_no_change=_ROUNDS, random_state=1
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is stopped early on purpose
        network.fit((inputs - centre) / spread, np.concatenate(truth))
    layers = zip(network.coefs_, network.intercepts_, strict=True)
    return Mixture(centre, spread, tuple((w.astype(np.float32), b.astype(np.float32)) for w, b in layers))


def packed(mixture: Mixture) -> bytes:
    """The file to commit, in 16 bits."""
    kept = {"centre": mixture.centre, "spread": mixture.spread}
    for number, (weight, bias) in enumerate(mixture.layers):
        kept |= {f"weight{number}": weight, f"bias{number}": bias}
    return arrays.packed({name: array.astype(np.float16) for name, array in kept.items()})


def report(mixed: Sequence[Mixture], of: Sequence[Frames]) -> None:
    """Prints what mixtures say of the quarter that they were not fitted on."""
    told: list[Floats] = []
    share: list[Floats] = []
    for one in of:
        told.append(mixed[one.quarter](one.held.shape[1], one.viewed, one.view)[one.viewed])
        share.append(one.share())
    found, two = np.concatenate(told), np.concatenate(share)
    for name, chosen in (("two at once", two > _SURELY), ("one or none", two < _HARDLY)):
        print(f"mixture, on the quarter left out: {(found[chosen] > 0).mean():.1%} of {chosen.sum()} cells with {name}")
