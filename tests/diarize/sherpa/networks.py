"""Networks that sherpa-onnx takes, from those that `local` brings: the same weights, with the metadata it wants.

The voice network lies in the repository cut in two, the trunk quantized; here both halves are one network again.
`python -m tests.diarize.sherpa.networks FOLDER` writes both.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import helper

from undertone.diarize.local import models

SEGMENTATION: Final[Mapping[str, object]] = {
    "sample_rate": 16_000,
    "window_size": 160_000,
    "receptive_field_size": 991,
    "receptive_field_shift": 270,
    "num_speakers": 3,
    "powerset_max_classes": 2,
    "num_classes": 7,
}
EMBEDDING: Final[Mapping[str, object]] = {
    "framework": "wespeaker",
    "language": "English",
    "output_dim": 256,
    "sample_rate": 16_000,
    "normalize_samples": 0,
    "feature_normalize_type": "global-mean",
}
_LEAST_DEVIATION: Final = 1e-7  # as the network has it


def segmentation(metadata: Mapping[str, object] = SEGMENTATION) -> bytes:
    """pyannote segmentation-3.0."""
    return _described(onnx.load_from_string(models.data(models.SEGMENTATION)), metadata)


def embedding(metadata: Mapping[str, object] = EMBEDDING) -> bytes:
    """WeSpeaker's ResNet34: [N, T, 80] filter banks → [N, 256]."""
    model = onnx.load_from_string(models.data(models.TRUNK))
    graph = model.graph
    trunk = graph.output[0].name
    with np.load(io.BytesIO(models.data(models.HEAD))) as head:
        weight = (head["weight"].astype(np.float32) * head["scale"][:, None]).T
        constants = {
            "rows_shape": np.array([0, weight.shape[0] // 2, -1]),
            "least_deviation": np.float32(_LEAST_DEVIATION),
            "weight": np.ascontiguousarray(weight),
            "bias": head["bias"],
        }
    graph.initializer.extend(onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items())
    graph.node.extend(
        [
            helper.make_node("Reshape", [trunk, "rows_shape"], ["rows"]),
            helper.make_node("ReduceMean", ["rows"], ["means"], axes=[2], keepdims=1),
            helper.make_node("Sub", ["rows", "means"], ["differences"]),
            helper.make_node("Mul", ["differences", "differences"], ["squares"]),
            helper.make_node("ReduceMean", ["squares"], ["variance"], axes=[2], keepdims=0),
            helper.make_node("Add", ["variance", "least_deviation"], ["positive"]),
            helper.make_node("Sqrt", ["positive"], ["deviation"]),
            helper.make_node("ReduceMean", ["rows"], ["mean"], axes=[2], keepdims=0),
            helper.make_node("Concat", ["mean", "deviation"], ["statistics"], axis=1),
            helper.make_node("Gemm", ["statistics", "weight", "bias"], ["voice"]),
        ]
    )
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("voice", onnx.TensorProto.FLOAT, ["N", 256]))
    return _described(model, metadata)


def _described(model: Any, metadata: Mapping[str, object]) -> bytes:
    helper.set_model_props(model, {key: str(value) for key, value in metadata.items()})
    content: bytes = model.SerializeToString()
    return content


if __name__ == "__main__":
    for name, made in (("segmentation", segmentation()), ("embedding", embedding())):
        (Path(sys.argv[1]) / f"{name}.onnx").write_bytes(made)
