"""An ONNX graph written layer by layer from a table of trained tensors; normalisation goes into convolutions."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from training.checkpoint import Tensors

Array = npt.NDArray[Any]

_OPSET: Final = 17
_IR_VERSION: Final = 9  # what onnxruntime 1.20 still reads
_EPSILON: Final = 1e-5  # PyTorch's batch normalisation


class Graph:
    """Each method adds nodes and returns the name of their output."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, value: Array | np.generic) -> str:
        name = f"w{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        out = f"x{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [out], name=f"{kind}_{out}", **attributes))
        return out

    def floats(self, *values: float) -> str:
        return self.constant(np.array(values, np.float32))

    def ints(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def convolution(self, x: str, layer: str, norm: str | None = None, relu: bool = False, **attributes: Any) -> str:
        """A convolution by its name in the table, with the normalisation that follows it folded in."""
        weight: Array = self._tensors[f"{layer}.weight"]
        bias = self._tensors.get(f"{layer}.bias", np.zeros(len(weight), np.float32))
        if norm is not None:
            scale, shift = self._normalisation(norm)
            weight = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
            bias = bias * scale + shift
        out = self.add("Conv", x, self.constant(weight), self.constant(bias), **attributes)
        return self.add("Relu", out) if relu else out

    def normalised(self, x: str, norm: str) -> str:
        """Normalisation and ReLU of [batch, channels, time] where no convolution comes before."""
        scale, shift = (self.constant(part[:, None]) for part in self._normalisation(norm))
        return self.add("Relu", self.add("Add", self.add("Mul", x, scale), shift))

    def statistics(self, x: str, least_variance: float) -> str:
        """[batch, channels, time] → mean and standard deviation (n − 1) over time, [batch, 2 · channels]."""
        mean = self.add("ReduceMean", x, axes=[-1])
        off = self.add("Sub", x, mean)
        total = self.add("ReduceSum", self.add("Mul", off, off), self.ints(-1))
        frames = self.add("Cast", self.add("Gather", self.add("Shape", x), self.ints(2)), to=TensorProto.FLOAT)
        variance = self.add("Div", total, self.add("Sub", frames, self.floats(1)))
        deviation = self.add("Sqrt", self.add("Add", variance, self.floats(least_variance)))
        return self.add("Flatten", self.add("Concat", mean, deviation, axis=1))

    def linear(self, x: str, weight: Array, bias: Array) -> str:
        """[batch, in] → [batch, out]; the weights are kept as 8-bit integers with a scale for each output."""
        scale = (np.abs(weight).max(axis=1) / 127).astype(np.float32)
        rounded = np.rint(weight / scale[:, None]).astype(np.int8)
        whole = self.add("DequantizeLinear", self.constant(rounded), self.constant(scale), axis=0)
        return self.add("Gemm", x, whole, self.constant(bias.astype(np.float32)), transB=1)

    def _normalisation(self, norm: str) -> tuple[Array, Array]:
        variance = self._tensors[f"{norm}.running_var"]
        scale = self._tensors.get(f"{norm}.weight", np.ones_like(variance)) / np.sqrt(variance + _EPSILON)
        shift = self._tensors.get(f"{norm}.bias", 0) - self._tensors[f"{norm}.running_mean"] * scale
        return scale.astype(np.float32), shift.astype(np.float32)

    def affine(self, norm: str) -> tuple[Array, Array]:
        """Scale and shift that a normalisation amounts to."""
        return self._normalisation(norm)

    def has(self, name: str) -> bool:
        return name in self._tensors

    def tensor(self, name: str) -> Array:
        return self._tensors[name]

    def model(self, name: str, taken: str, out: str, width: int, bands: int) -> onnx.ModelProto:
        """[batch, time, bands] named `taken` → [batch, width] named `embedding`."""
        self._nodes.append(helper.make_node("Identity", [out], ["embedding"], name="embedding"))
        feats = helper.make_tensor_value_info(taken, TensorProto.FLOAT, ["B", "T", bands])
        embedding = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["B", width])
        graph = helper.make_graph(self._nodes, name, [feats], [embedding], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
        model.ir_version = _IR_VERSION
        onnx.checker.check_model(model)
        return model
