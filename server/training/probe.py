"""The voice probe: a linear look at an embedding that tells voices from doors, coughs and machines.

Voices are the partials of simulated scenes that lie in somebody's speech: near, far, quiet, in noise. Noises are the
partials that the segmentation took for speech where nobody spoke, and every stretch of every training noise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from training import arrays, cache, sound, sources
from training.cache import Sample
from undertone.diarize.local.embedding import CELL, Embedder, normalised
from undertone.diarize.local.evidence import Probe, spoken
from undertone.diarize.local.observation import PARTIAL, PARTIAL_HOP, by_cell
from undertone.diarize.local.vad import VoiceActivity

Floats = npt.NDArray[np.float32]

_SEED: Final = 31
_TAKES: Final = 2  # of each noise, through microphones and at levels of their own
_MOST_VOICES: Final = 40_000  # partials; more change nothing and take minutes
_LONGEST: Final = 5  # seconds of a noise recording; a fan tells all in five
# Embeddings have length one, so each of the 256 numbers is about .06: scaled to the size of the other two.
_SCALE: Final = 8.0
# Of .003, .01, .03, .1 and 1 the best on kinds of noise left out of the fit: where 1 % of the voices are lost, one
# stretch of noise in 2,000 stays; with .1 one in 330.
_STRENGTH: Final = 1.0
# Logit under which a partial is not listened to further: 1 % of the voices, nearly all very short or very quiet.
LEAST_LOGIT: Final = 2.5


@dataclass(frozen=True, slots=True)
class Looks:
    """Embeddings with what Silero says of them."""

    voice: Floats
    vad: Floats

    def __len__(self) -> int:
        return len(self.vad)

    def __add__(self, other: Looks) -> Looks:
        return Looks(np.concatenate([self.voice, other.voice]), np.concatenate([self.vad, other.vad]))


def noises() -> dict[int, Looks]:
    """Every stretch of the training noises, by the quarter that each recording belongs to; kept on disk."""
    kept = cache.folder() / "noises.npz"
    if not kept.exists():
        random = np.random.default_rng(_SEED)
        embedder, activity = Embedder(), VoiceActivity()
        found: list[tuple[int, Looks]] = []
        for files in sources.noises("fit").values():
            quarters = sources.quarters(files)
            found += [
                (quarters[file], _embed(embedder, activity, random, file)) for _ in range(_TAKES) for file in files
            ]
        everything = {
            "voice": np.concatenate([looks.voice for _, looks in found]),
            "vad": np.concatenate([looks.vad for _, looks in found]),
            "quarter": np.concatenate([np.full(len(looks), quarter) for quarter, looks in found]),
        }
        arrays.keep(kept, everything)
    with np.load(kept) as file:
        voice, vad, of = file["voice"], file["vad"], file["quarter"]
    return {quarter: Looks(voice[of == quarter], vad[of == quarter]) for quarter in range(sources.QUARTERS)}


def _embed(embedder: Embedder, activity: VoiceActivity, random: np.random.Generator, file: str) -> Looks:
    piece = sources.noise(file)
    shortest = PARTIAL * CELL
    while len(piece) < shortest:
        # Short ones come again after a pause, as a key does.
        piece = np.concatenate([piece, np.zeros(int(random.integers(800, 4000)), np.float32), piece])
    piece = sound.through(piece[: _LONGEST * 16_000], sound.microphone(random)) * sound.gain(random.uniform(-45, -20))
    piece = piece + sound.room_tone(random, len(piece)) * sound.gain(random.uniform(-70, -50))
    cells = len(piece) // CELL
    seen = embedder.look(piece, np.ones(cells, np.bool_))
    heard = by_cell(activity.listen(piece))
    firsts = range(0, cells - PARTIAL + 1, PARTIAL_HOP)
    rows = [seen.rows(np.arange(at, at + PARTIAL)) for at in firsts]
    vad = np.array([heard[at : at + PARTIAL].mean() for at in firsts], np.float32)
    return Looks(embedder.pool(np.stack(rows)), vad)


def spoken_share(sample: Sample) -> Floats:
    """[partials] share of each that lies in somebody's speech."""
    speech = sample.held()[:, : len(sample.seen.level)].max(axis=0)
    spans = zip(sample.seen.first, sample.seen.cells, strict=True)
    return np.array([speech[first : first + length].mean() for first, length in spans], np.float32)


def looks(samples: Iterable[Sample], low: float, high: float) -> Looks:
    """The partials of which a share between `low` and `high` lies in speech."""
    voices, heard = [np.zeros((0, 256), np.float32)], [np.zeros(0, np.float32)]
    for sample in samples:
        share = spoken_share(sample)
        chosen = (share >= low) & (share <= high)
        voices.append(sample.seen.voice[chosen])
        heard.append(spoken(sample.seen)[chosen])
    return Looks(np.concatenate(voices), np.concatenate(heard))


def fit(samples: Sequence[Sample], reel: Iterable[Looks]) -> Probe:
    """The probe of these scenes' partials and of the bare noises."""
    voice, noise = looks(samples, 0.7, 1.0), looks(samples, 0.0, 0.05)
    for bare in reel:
        noise += bare
    chosen = np.random.default_rng(_SEED).permutation(len(voice))[:_MOST_VOICES]
    voice = Looks(voice.voice[chosen], voice.vad[chosen])
    rows, heard = np.concatenate([voice.voice, noise.voice]), np.concatenate([voice.vad, noise.vad])
    length = np.log(np.linalg.norm(rows, axis=1))
    inputs = np.column_stack([normalised(rows) * _SCALE, length, heard])
    truth = np.concatenate([np.ones(len(voice)), np.zeros(len(noise))])
    weight = np.where(truth == 1, 0.5 / len(voice), 0.5 / len(noise)) * len(rows)
    model = LogisticRegression(C=_STRENGTH, max_iter=2000).fit(inputs, truth, weight)
    *weights, norm, vad = model.coef_[0]
    return Probe((np.array(weights) * _SCALE).astype(np.float32), float(norm), float(vad), float(model.intercept_[0]))


def report(probes: Sequence[Probe], parts: Sequence[Sequence[Sample]], bare: Mapping[int, Looks]) -> None:
    """Prints what probes keep of the quarter that they were not fitted on."""
    kept = {"voices": [0, 0], "noises in scenes": [0, 0], "bare noises": [0, 0]}
    for quarter, (by, left_out) in enumerate(zip(probes, parts, strict=True)):
        found = {
            "voices": looks(left_out, 0.7, 1.0),
            "noises in scenes": looks(left_out, 0.0, 0.05),
            "bare noises": bare[quarter],
        }
        for name, some in found.items():
            kept[name][0] += int((by.logits(some.voice, some.vad) >= LEAST_LOGIT).sum())
            kept[name][1] += len(some)
    told = ", ".join(f"{hits} of {of} {name}" for name, (hits, of) in kept.items())
    print(f"probe, on the quarter left out, keeps {told}")
