"""The voice probe: a linear look at an embedding that tells voices from doors, coughs and machines.

Voices are the partials of simulated scenes that lie in somebody's speech: near, far, quiet, in noise. Noises are the
partials that the segmentation took for speech where nobody spoke, and every stretch of every training noise.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from training import audio, cache, sound, sources
from training.cache import Sample
from undertone.diarize.local.embedding import CELL, Embedder, normalised
from undertone.diarize.local.evidence import Probe
from undertone.diarize.local.observation import CELL_SECONDS, PARTIAL, PARTIAL_HOP

Floats = npt.NDArray[np.float32]

_SEED: Final = 31
_LONGEST: Final = 5  # seconds of a noise recording; a fan tells all in five
# Embeddings have length one, so a weight acts on about .06; this strength gave the best left-out likelihood of
# .03, .1, .3, 1 and 3.
_STRENGTH: Final = 1.0
# Noise that lies in the scene beside a voice is rarer than in rooms: each noise weighs as many voices.
_NOISE_WEIGHT: Final = 1.0
# Logit under which a partial is not listened to further: it must clearly be no voice, doubts are weighed later.
LEAST_LOGIT: Final = -1.0


def noise_voices() -> Floats:
    """[n, 256] embeddings of the training noises over quiet room tone, kept on disk."""
    kept = cache.folder() / "noises.npz"
    if not kept.exists():
        random = np.random.default_rng(_SEED)
        embedder = Embedder()
        found = [_embed(embedder, random, entry["file"]) for entry in audio.manifest("noise-train")]
        np.savez(kept, voice=np.concatenate(found))
    with np.load(kept) as file:
        voice: Floats = file["voice"]
    return voice


def _embed(embedder: Embedder, random: np.random.Generator, file: str) -> Floats:
    piece = sources.noise(file)
    shortest = PARTIAL * CELL
    while len(piece) < shortest:
        # Short ones come again after a pause, as a key does.
        piece = np.concatenate([piece, np.zeros(int(random.integers(800, 4000)), np.float32), piece])
    piece = piece[: _LONGEST * 16_000] * sound.gain(random.uniform(-45, -20))
    piece = piece + sound.room_tone(random, len(piece)) * sound.gain(random.uniform(-70, -50))
    cells = len(piece) // CELL
    seen = embedder.look(piece, np.ones(cells, np.bool_))
    rows = [seen.rows(np.arange(at, at + PARTIAL)) for at in range(0, cells - PARTIAL + 1, PARTIAL_HOP)]
    return embedder.pool(np.stack(rows))


def spoken_share(sample: Sample) -> Floats:
    """[partials] share of each that lies in somebody's speech."""
    cells = len(sample.seen.level)
    spoken = np.zeros(cells, np.float32)
    for start, end, _ in sample.segments:
        spoken[int(start / CELL_SECONDS) : int(end / CELL_SECONDS) + 2] = 1
    spans = zip(sample.seen.first, sample.seen.cells, strict=True)
    return np.array([spoken[first : first + length].mean() for first, length in spans], np.float32)


def fit(samples: list[Sample], noises: Floats) -> tuple[Probe, dict[str, Any]]:
    """The probe, and how well it does on the scenes it was fitted on."""
    voices, doubtful = [], []
    for sample in samples:
        share = spoken_share(sample)
        voices.append(sample.seen.voice[share > 0.7])
        doubtful.append(sample.seen.voice[share < 0.05])
    voice, noise = np.concatenate(voices), np.concatenate([*doubtful, noises])
    rows = np.concatenate([voice, noise])
    length = np.log(np.linalg.norm(rows, axis=1, keepdims=True))
    inputs = np.hstack([normalised(rows) * 8, length])
    truth = np.concatenate([np.ones(len(voice)), np.zeros(len(noise))])
    weight = np.where(truth == 1, 0.5 / len(voice), 0.5 * _NOISE_WEIGHT / len(noise)) * len(rows)
    model = LogisticRegression(C=_STRENGTH, max_iter=2000).fit(inputs, truth, weight)
    coefficients = model.coef_[0]
    probe = Probe((coefficients[:-1] * 8).astype(np.float32), float(coefficients[-1]), float(model.intercept_[0]))
    kept = {
        "voices": len(voice),
        "noises": len(noise),
        "voices_kept": float((probe.logits(voice) >= LEAST_LOGIT).mean()),
        "noises_kept": float((probe.logits(noise) >= LEAST_LOGIT).mean()),
    }
    return probe, kept
