"""In a refit no window is scored by weights that were fitted on its fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("sklearn", reason="the train extra is not installed")

from tests.training.accuracy.test_tables import window
from training import cache, probe, train
from training.accuracy import refit
from training.accuracy.folds import BY
from training.accuracy.windows import Judged


@dataclass(frozen=True)
class Fitted:
    """Alarms for whatever it was fitted on, and for nothing else."""

    on: list[Any]

    def score(self, case: str) -> float:
        return 1.0 if case in self.on else -1.0


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[Fitted]:
    done: list[Fitted] = []

    def fit(given: list[Any]) -> Fitted:
        done.append(Fitted(given))
        return done[-1]

    monkeypatch.setattr(cache, "samples", lambda *_, **__: [])
    monkeypatch.setattr(probe, "noises", dict)
    monkeypatch.setattr(refit, "Voices", lambda _: None)
    monkeypatch.setattr(refit, "cases", lambda *_: ["scene"])
    monkeypatch.setattr(refit, "_case", lambda one, *_: one.truth.name)
    monkeypatch.setattr(train, "fit", fit)
    return done


def test_every_window_is_scored_without_its_fold(fits: list[Fitted], capsys: pytest.CaptureFixture[str]) -> None:
    judged: list[Judged] = [window(f"{letter}{n}", second=5.0 * (n % 2)) for letter in "abcdefgh" for n in range(4)]
    refit.report(judged, None)  # type: ignore[arg-type]
    told = capsys.readouterr().out
    rows = [line for line in told.splitlines() if line.startswith(("  false alarms ", "  recall "))]
    assert rows
    assert all(" 0 of   16" in row for row in rows), "it would alarm for what it was fitted on"
    assert len(fits) > len(BY)
    for fitted in fits:
        assert "scene" in fitted.on
        assert len(fitted.on) < 1 + len(judged)
