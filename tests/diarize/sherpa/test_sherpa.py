"""The real sherpa-onnx in a real analyzer process, and every network that it would end the process over."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.diarize.sherpa.networks import EMBEDDING, SEGMENTATION, embedding, segmentation
from tests.diarize.speech import TWO_VOICES
from undertone.core.verdict import Outcome, judge
from undertone.core.window import WindowCutter
from undertone.diarize.base import AnalysisError, Clip
from undertone.diarize.sherpa.engine import check
from undertone.diarize.sherpa.models import Models, wrong_embedding, wrong_segmentation
from undertone.worker.analyzers import Analyzers
from undertone.worker.ears import EngineUnusable

SEGMENTED = {key: str(value) for key, value in SEGMENTATION.items()}
EMBEDDED = {key: str(value) for key, value in EMBEDDING.items()}
NEMO = {
    "framework": "nemo",
    "language": "English",
    "output_dim": "192",
    "sample_rate": "16000",
    "feat_dim": "80",
    "window_size_ms": "25",
    "window_stride_ms": "10",
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    folder = tmp_path_factory.mktemp("networks")
    (folder / "segmentation.onnx").write_bytes(segmentation())
    (folder / "embedding.onnx").write_bytes(embedding())
    return Models(str(folder / "segmentation.onnx"), str(folder / "embedding.onnx"), 0.8)


@pytest.mark.slow
@pytest.mark.anyio
async def test_two_voices_through_an_analyzer_process(models: Models, caplog: pytest.LogCaptureFixture) -> None:
    cutter = WindowCutter()
    cutter.feed(TWO_VOICES.read_bytes()[:160_000])
    window = cutter.flush()  # the first 20 s: enough for both voices
    assert window is not None
    clip = Clip(window.clip, window.lead_in_samples, window.samples, window.format.sample_rate)
    analyzers = Analyzers("sherpa", 1, models=models)
    heard = await analyzers.analyse(clip, b"somebody's")
    verdict = judge(heard)
    assert (verdict.outcome, verdict.voices, verdict.engine) == (Outcome.MULTIPLE_VOICES, 2, "sherpa")
    # The other voice has the floor from 3.9 to 11.8 s.
    assert abs(verdict.other_ms - 7_900) < 1_000
    assert heard.profile is None
    before_the_first_word = replace(clip, samples=4_000)
    assert (await analyzers.analyse(before_the_first_word, None)).turns == ()
    assert not caplog.records  # nothing to say of silence


@pytest.mark.slow
@pytest.mark.anyio
async def test_a_process_says_why_it_can_t_load(models: Models) -> None:
    swapped = Models(models.embedding, models.segmentation, 0.5)
    with pytest.raises(EngineUnusable) as told:
        await Analyzers("sherpa", 1, models=swapped).load()
    assert str(told.value).startswith("the engine 'sherpa' can't be used: UNDERTONE_SHERPA_SEGMENTATION=")
    assert "its metadata has no window_size" in str(told.value)


def test_without_the_library_the_extra_is_named(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sherpa_onnx", None)
    with pytest.raises(AnalysisError, match=r"pip install 'undertone\[sherpa\]'"):
        check(models)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_bytes(b""), "not an ONNX network"),
        (lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"), "not an ONNX network"),
        (lambda path: path.write_bytes(path.read_bytes()[: 10**6]), "not an ONNX network"),
        (lambda path: path.write_bytes(segmentation({})), "its metadata has no sample_rate, window_size"),
    ],
    ids=["missing", "empty", "a pointer to it", "a part of it", "without metadata"],
)
def test_a_file_that_is_no_network_for_it(
    models: Models, tmp_path: Path, spoil: Callable[[Path], object], told: str
) -> None:
    spoilt = tmp_path / "spoilt.onnx"
    spoilt.write_bytes(Path(models.segmentation).read_bytes())
    spoil(spoilt)
    with pytest.raises(AnalysisError) as error:
        check(replace(models, segmentation=str(spoilt)))
    assert str(error.value).startswith(f"UNDERTONE_SHERPA_SEGMENTATION={spoilt}: {told}")


def test_networks_that_it_takes() -> None:
    assert wrong_segmentation(SEGMENTED) is None
    assert wrong_embedding(EMBEDDED) is None
    assert wrong_embedding({**EMBEDDED, "framework": "3d-speaker"}) is None
    assert wrong_embedding(NEMO) is None


@pytest.mark.parametrize("key", SEGMENTED)
def test_every_key_of_a_segmentation_network_is_needed(key: str) -> None:
    for wrong in ({name: value for name, value in SEGMENTED.items() if name != key}, {**SEGMENTED, key: "many"}):
        assert key in (wrong_segmentation(wrong) or "")


@pytest.mark.parametrize("metadata", [EMBEDDED, NEMO], ids=["wespeaker", "nemo"])
def test_every_key_of_an_embedding_network_is_needed(metadata: dict[str, str]) -> None:
    for key in metadata.keys() - {"feature_normalize_type"}:
        assert key in (wrong_embedding({name: value for name, value in metadata.items() if name != key}) or "")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({**EMBEDDED, "framework": "speechbrain"}, "'speechbrain', and has to be one of wespeaker, 3d-speaker, nemo"),
        ({**EMBEDDED, "output_dim": "0"}, "output_dim is no positive number: '0'"),
        ({**EMBEDDED, "output_dim": "-1"}, "output_dim is no positive number: '-1'"),
        ({**EMBEDDED, "sample_rate": "8000"}, "it wants 8000 Hz"),
    ],
)
def test_values_that_it_would_end_over(wrong: dict[str, str], told: str) -> None:
    assert told in (wrong_embedding(wrong) or "")
    assert "powerset_max_classes is 3" in (wrong_segmentation({**SEGMENTED, "powerset_max_classes": "3"}) or "")
