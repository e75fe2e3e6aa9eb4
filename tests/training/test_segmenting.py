"""The segmentation is tuned on what its scenes are not made of."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("jax", reason="the train extra is not installed")

from training import segmenting
from training.model import SEGMENTATION
from training.sources import QUARTERS
from undertone.diarize.local import models

ENTRY = json.loads(models.data(models.MANIFEST))["files"][models.SEGMENTATION]


def test_whoever_observes_a_scene_has_heard_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[set[int]] = []

    def tuned(quarters: tuple[int, ...]) -> bytes:
        heard.append(set(quarters))
        return models.data(models.SEGMENTATION)

    monkeypatch.setattr(segmenting, "tuned", tuned)
    monkeypatch.setattr(segmenting, "inputs", lambda: ENTRY["tuned_from"])
    by = segmenting.observers()
    for quarter in range(QUARTERS):
        heard.clear()
        segmenting.observers()(quarter)
        assert [quarter in quarters for quarters in heard] == [False]
        assert by(quarter) is by(quarter)


def test_scenes_are_not_observed_beside_a_network_of_another_tuning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenting, "inputs", lambda: ENTRY["tuned_from"] | {"steps": 0})
    with pytest.raises(RuntimeError, match=r"tuned on something else: run `python -m training\.segmenting`"):
        segmenting.observers()


@pytest.mark.shared
def test_the_committed_network_was_tuned_on_these_recordings() -> None:
    assert ENTRY["tuned_from"] == segmenting.inputs()
    assert ENTRY["source_sha256"] == SEGMENTATION.sha256 != ENTRY["sha256"]
