"""The segmentation is tuned on what its scenes are not made of."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("jax", reason="the train extra is not installed")

from training import segmenting
from training.model import SEGMENTATION
from training.sources import QUARTERS
from undertone.diarize.local import models


def test_whoever_observes_a_scene_has_heard_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[set[int]] = []

    def tuned(quarters: tuple[int, ...]) -> bytes:
        heard.append(set(quarters))
        return models.data(models.SEGMENTATION)

    monkeypatch.setattr(segmenting, "tuned", tuned)
    by = segmenting.observers()
    for quarter in range(QUARTERS):
        heard.clear()
        segmenting.observers()(quarter)
        assert [quarter in quarters for quarters in heard] == [False]
        assert by(quarter) is by(quarter)


@pytest.mark.shared
def test_the_committed_network_was_tuned_on_these_recordings() -> None:
    entry = json.loads(models.data(models.MANIFEST))["files"][models.SEGMENTATION]
    assert entry["tuned_from"] == segmenting.inputs()
    assert entry["source_sha256"] == SEGMENTATION.sha256 != entry["sha256"]
