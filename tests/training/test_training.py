"""The simulator, the pieces and the bounded regression behind `make train`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the train extra is not installed")

from tests.diarize.local.test_decision import window
from training import arrays, audio, logistic, sources
from training.cache import Sample
from training.crops import crop
from training.simulate import KINDS, Studio, plan


def test_every_kind_of_scene_comes_in_its_share() -> None:
    total = sum(share for share, _ in KINDS.values())
    kinds = plan(2 * total)
    assert {kind: kinds.count(kind) for kind in KINDS} == {kind: 2 * share for kind, (share, _) in KINDS.items()}
    assert plan(50) == kinds[:50], "more scenes only add to those before"


def test_weights_do_not_cross_their_bounds() -> None:
    random = np.random.default_rng(1)
    inputs = random.normal(size=(2000, 3))
    truth = (inputs @ [2.0, -1.0, -1.0] + random.logistic(size=2000) > 0.5).astype(float)
    free, bias = logistic.fit(inputs, truth, np.ones(2000), 0.1, np.array([False, False, False]))
    assert free == pytest.approx([2.0, -1.0, -1.0], abs=0.25)
    assert bias == pytest.approx(-0.5, abs=0.2)
    bounded, _ = logistic.fit(inputs, truth, np.ones(2000), 0.1, np.array([True, True, False]))
    assert bounded[1] == 0
    assert bounded[0] > 1


def test_a_piece_of_a_scene_is_the_scene_in_small() -> None:
    whole = Sample(window("aabb"), "turns", ("x", "y"), ("c", "c"), ((0.0, 2.4, 0), (2.4, 4.8, 1)), 0.0)
    piece = crop(whole, 30, 60)
    ((start, end, speaker),) = piece.segments
    assert (start, end) == pytest.approx((0.0, 2.4))
    assert speaker == 0, "a lone voice is the main one"
    assert piece.second_seconds == 0
    assert piece.seen.first.tolist() == [0, 15]
    assert piece.seen.steps == 120
    assert np.array_equal(piece.seen.voice, whole.seen.voice[2:])
    both = crop(whole, 15, 45)
    assert both.second_seconds == pytest.approx(1.2)


@pytest.mark.shared
def test_what_judges_is_not_heard_before() -> None:
    everybody = {entry["speaker"]: entry["corpus"] for entry in audio.manifest("speech-train")}
    fit, judge = sources.voices("fit"), sources.voices("judge")
    assert not {voice.name for voice in fit} & {voice.name for voice in judge}
    for corpus in set(everybody.values()):
        of = [sum(voice.corpus == corpus for voice in part) for part in (fit, judge)]
        assert min(of) > 0 or sum(of) < 4, corpus
        assert sum(of) < 4 or 0.15 < of[1] / sum(of) < 0.35, corpus
    fit_files, judge_files = sources.noises("fit"), sources.noises("judge")
    assert sum(map(len, [*fit_files.values(), *judge_files.values()])) == len(audio.manifest("noise-train"))
    for kind, files in fit_files.items():
        assert not set(files) & set(judge_files.get(kind, []))
        assert kind in judge_files or len(files) < 4, kind


@pytest.mark.shared
@pytest.mark.slow
def test_scenes_come_again_and_say_who_speaks() -> None:
    studio = Studio("fit")
    for kind, (_, voices) in KINDS.items():
        scene, again = studio.scene(kind, 5), studio.scene(kind, 5)
        assert np.array_equal(scene.samples, again.samples), kind
        assert scene.segments == again.segments
        assert len(scene.samples) == 60 * 16_000
        assert np.isfinite(scene.samples).all()
        assert np.abs(scene.samples).max() <= 1.05
        assert len({speaker for _, _, speaker in scene.segments}) <= voices, kind
        assert (scene.second_seconds > 0) == (voices > 1), kind


def test_what_is_made_is_kept_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "kept" / "network.onnx"
    written = Path.write_bytes

    def torn(self: Path, content: bytes) -> int:
        written(self, content[:3])
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_bytes", torn)
    with pytest.raises(OSError, match="no space"):
        arrays.kept(file, lambda: b"weights")
    assert not file.exists()
    monkeypatch.undo()
    assert arrays.kept(file, lambda: b"weights") == b"weights"
    assert arrays.kept(file, lambda: b"others") == b"weights"


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "kbps"), [(44_100, 32), (48_000, 64)])
def test_coding_moves_the_sound_by_what_is_said(rate: int, kbps: int) -> None:
    click = np.zeros(16_000, np.float32)
    click[8_000] = 1
    heard = audio.decode(audio.encode(click, rate, kbps), rate)
    assert abs(int(np.abs(heard).argmax()) - 8_000 - audio.DELAY * 16_000 / rate) <= 2
