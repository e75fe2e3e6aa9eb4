"""The operator's own two networks, and what sherpa-onnx wants to read in them before it is let near.

Where a key is missing, sherpa-onnx ends the process (`exit(-1)`, or a null pointer), with a line on stderr that nobody
reads. The keys are those of offline-speaker-segmentation-pyannote-model.cc, speaker-embedding-extractor-impl.cc,
-model.cc and -nemo-model.cc in https://github.com/k2-fsa/sherpa-onnx.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# Clips are decoded to this; networks of other rates would want another decoder.
RATE: Final = 16_000
_SEGMENTATION: Final = (
    *("sample_rate", "window_size", "receptive_field_size", "receptive_field_shift"),
    *("num_speakers", "powerset_max_classes", "num_classes"),
)
_EMBEDDING: Final = ("output_dim", "sample_rate")
_FRAMEWORKS: Final[Mapping[str, tuple[str, ...]]] = {
    "wespeaker": ("normalize_samples",),
    "3d-speaker": ("normalize_samples",),
    "nemo": ("feat_dim", "window_size_ms", "window_stride_ms"),
}
_MAY_BE_0: Final = frozenset({"normalize_samples"})
# Others are "currently not supported", by exit().
_CLASSES_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class Models:
    """Paths of two ONNX files, and from which distance on two voices are two people."""

    segmentation: str
    embedding: str
    threshold: float


def wrong_segmentation(metadata: Mapping[str, str]) -> str | None:
    """What sherpa-onnx would miss in a segmentation network; None: nothing."""
    wrong = _numbers(metadata, _SEGMENTATION)
    if wrong is None and int(metadata["powerset_max_classes"]) != _CLASSES_AT_ONCE:
        return f"powerset_max_classes is {metadata['powerset_max_classes']}, and has to be {_CLASSES_AT_ONCE}"
    return wrong


def wrong_embedding(metadata: Mapping[str, str]) -> str | None:
    """What sherpa-onnx would miss in an embedding network; None: nothing."""
    framework = metadata.get("framework", "")
    if framework not in _FRAMEWORKS:
        stated = f"is {framework[:40]!r}" if framework else "is missing"
        return f"its metadata's framework {stated}, and has to be one of {', '.join(_FRAMEWORKS)}"
    if "language" not in metadata:
        return "its metadata has no language"
    return _numbers(metadata, (*_EMBEDDING, *_FRAMEWORKS[framework]))


def _numbers(metadata: Mapping[str, str], keys: tuple[str, ...]) -> str | None:
    missing = [key for key in keys if key not in metadata]
    if missing:
        return f"its metadata has no {', '.join(missing)}"
    for key in keys:
        text = metadata[key]
        if not text.isascii() or not text.isdigit() or (int(text) == 0 and key not in _MAY_BE_0):
            return f"its metadata's {key} is no positive number: {text[:40]!r}"
    if int(metadata["sample_rate"]) != RATE:
        return f"it wants {metadata['sample_rate']} Hz, and clips are heard at {RATE} Hz"
    return None
