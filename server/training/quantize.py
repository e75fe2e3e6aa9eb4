"""Networks in 8 bits, calibrated on speech-train."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from training import audio, sources
from undertone.diarize.local.fbank import RATE, fbank

CALIBRATION_SEED: Final = 7
_CALIBRATION_CUTS: Final = 48
_CALIBRATION_SECONDS: Final = 4


def quantized(network: Path, work: Path, operators: Sequence[str], taken: str, kept: Sequence[str] = ()) -> bytes:
    """The network, which reads filter banks named `taken`, with these operators in 8 bits except the nodes `kept`."""
    prepared, out = work / "prepared.onnx", work / "quantized.onnx"
    quant_pre_process(str(network), str(prepared), skip_symbolic_shape=True)
    quantize_static(
        str(prepared),
        str(out),
        _Cuts(taken),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=list(operators),
        nodes_to_exclude=list(kept),
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        # Processors without VNNI add two products in 16 bits, which saturate: with whole 8-bit weights the embeddings
        # of an AVX2 machine agree with fp32 to a cosine of .53, with 7-bit weights to .98, as everywhere.
        reduce_range=True,
        calibrate_method=CalibrationMethod.MinMax,
    )
    return out.read_bytes()


class _Cuts(CalibrationDataReader):
    """Filter banks of 4 s each from different speakers of speech-train, of the part `fit`."""

    def __init__(self, taken: str) -> None:
        self._taken = taken
        self._cuts = self._read()

    def get_next(self) -> dict[str, Any] | None:
        cut = next(self._cuts, None)
        return None if cut is None else {self._taken: cut}

    def _read(self) -> Iterator[Any]:
        samples = _CALIBRATION_SECONDS * RATE
        known = {voice.name for voice in sources.voices("fit")}
        long = [entry for entry in audio.manifest("speech-train") if entry["seconds"] > _CALIBRATION_SECONDS + 0.5]
        entries = [entry for entry in long if entry["speaker"] in known]
        random.Random(CALIBRATION_SEED).shuffle(entries)
        speakers = list({entry["speaker"]: entry for entry in entries}.values())
        for entry in speakers[:_CALIBRATION_CUTS]:
            features = fbank(audio.load(audio.SHARED / "speech-train" / entry["file"])[:samples])
            yield (features - features.mean(axis=0))[None]
