"""sherpa-onnx with the operator's own networks. Only ever in an analyzer process: it holds the GIL while it works, and
ends the process where it is displeased.

https://k2-fsa.github.io/sherpa/onnx/speaker-diarization/index.html
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import onnxruntime

from undertone.core.verdict import Diarization, Turn
from undertone.diarize.base import AnalysisError, Clip
from undertone.diarize.local.decode import decode
from undertone.diarize.sherpa.models import RATE, Models, wrong_embedding, wrong_segmentation

NAME: Final = "sherpa"
# As many as sherpa-onnx looks for by itself.
_ANY_NUMBER: Final = -1


class SherpaDiarizer:
    """Loads both networks; raises AnalysisError, for the operator to read, where one of them can't be used."""

    name = NAME

    def __init__(self, models: Models) -> None:
        check(models)
        self._diarization = _loaded(models)

    def diarize(self, clip: Clip, profile: bytes | None = None, threads: int = 1) -> Diarization:
        """Who speaks when. Always one thread: how many is settled when the networks are loaded."""
        samples = decode(clip)
        end_ms = len(samples) * 1000 // RATE
        with _unheard():
            result = self._diarization.process(samples)
        turns = (
            Turn(start, end, segment.speaker)
            for segment in result.sort_by_start_time()
            if (start := max(0, round(segment.start * 1000))) < (end := min(end_ms, round(segment.end * 1000)))
        )
        return Diarization(tuple(turns), NAME)


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """It writes a line to stderr for every window in which nobody speaks, which is most of an exam."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def check(models: Models) -> None:
    """Whether sherpa-onnx is here and would take both networks. Raises AnalysisError, saying what would be right."""
    try:
        import sherpa_onnx  # noqa: F401
    except ImportError as error:
        raise AnalysisError(f"sherpa-onnx is not installed: pip install 'undertone[sherpa]' ({error})") from None
    _check("UNDERTONE_SHERPA_SEGMENTATION", models.segmentation, wrong_segmentation)
    _check("UNDERTONE_SHERPA_EMBEDDING", models.embedding, wrong_embedding)


def _check(setting: str, path: str, wrong: Callable[[Mapping[str, str]], str | None]) -> None:
    named = f"{setting}={path}"
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise AnalysisError(f"{named}: {error.strerror}") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Only what is said about the network is wanted.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001  # its exceptions have no common base but this
        raise AnalysisError(f"{named}: not an ONNX network that can be loaded") from None
    fault = wrong(session.get_modelmeta().custom_metadata_map)
    if fault is not None:
        raise AnalysisError(f"{named}: {fault} (docs/engines.md says how to add it)")


def _loaded(models: Models) -> Any:
    import sherpa_onnx

    config = sherpa_onnx.OfflineSpeakerDiarizationConfig(
        segmentation=sherpa_onnx.OfflineSpeakerSegmentationModelConfig(
            pyannote=sherpa_onnx.OfflineSpeakerSegmentationPyannoteModelConfig(model=models.segmentation)
        ),
        embedding=sherpa_onnx.SpeakerEmbeddingExtractorConfig(model=models.embedding),
        clustering=sherpa_onnx.FastClusteringConfig(num_clusters=_ANY_NUMBER, threshold=models.threshold),
    )
    return sherpa_onnx.OfflineSpeakerDiarization(config)
