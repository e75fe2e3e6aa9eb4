"""The committed weights are those the manifest describes."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from undertone.diarize.local import models
from undertone.diarize.local.decision import learned
from undertone.diarize.local.embedding import Embedder, VoiceMap
from undertone.diarize.local.evidence import MERGE_FEATURES, OVERLAP_FEATURES
from undertone.diarize.local.likeness import FEATURES, likeness


def test_checksums_licences_and_size() -> None:
    files = json.loads(models.data(models.MANIFEST))["files"]
    assert set(files) == {models.SEGMENTATION, models.TRUNK, models.HEAD, models.SILERO}
    for name, entry in files.items():
        content = models.data(name)
        assert hashlib.sha256(content).hexdigest() == entry["sha256"], name
        assert entry["licence"] in {"MIT", "CC BY 4.0"}
    assert sum(entry["bytes"] for entry in files.values()) < 15_000_000


def test_what_was_learned_was_learned_with_these_models() -> None:
    content = json.loads(models.data(models.LEARNED))
    assert content["fitted_from"]["models_json_sha256"] == hashlib.sha256(models.data(models.MANIFEST)).hexdigest()
    assert content["voice_space_sha256"] == hashlib.sha256(models.data(models.SPACE)).hexdigest()
    assert tuple(content["merge"]) == MERGE_FEATURES
    assert tuple(content["overlap"]) == OVERLAP_FEATURES
    assert learned().probe.weights.shape == (256,)
    assert learned().space.cohort.shape[1] == 256


def test_the_likeness_of_voices_was_learned_with_these_models() -> None:
    content = json.loads(models.data(models.LIKENESS))
    assert content["fitted_from"]["models_json_sha256"] == hashlib.sha256(models.data(models.MANIFEST)).hexdigest()
    assert tuple(content["weights"]) == FEATURES
    by = likeness()
    assert by.same < 0 < by.changed
    assert np.allclose(np.linalg.norm(by.cohort, axis=1), 1, atol=1e-5)


def test_pooling_is_that_of_the_network() -> None:
    """Mean and deviation (n − 1) over frames, each channel by itself."""
    rows = np.random.default_rng(3).uniform(0, 2, (15, 2560)).astype(np.float32)
    embedder = Embedder()
    weight, bias = embedder.head
    statistics = np.concatenate([rows.mean(axis=0), rows.std(axis=0, ddof=1)])
    assert np.allclose(embedder.pool(rows), statistics @ weight.T + bias, atol=1e-3)
    assert np.allclose(embedder.pool(np.stack([rows, rows])), embedder.pool(rows), atol=1e-4)


def test_a_map_finds_its_cells() -> None:
    seen = VoiceMap(10)
    seen.add(2, np.full((2, 2560), 2, np.float32))
    seen.add(7, np.full((1, 2560), 7, np.float32))
    assert [row[0] for row in seen.rows(np.arange(10))] == [2, 2, 7]
