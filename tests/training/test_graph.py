"""Networks written layer by layer compute what the layers say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnxruntime

from training.graph import Graph

Floats = npt.NDArray[np.float32]


def run(graph: Graph, out: str, width: int, given: Floats) -> Floats:
    session = onnxruntime.InferenceSession(graph.model("one", "given", out, width, given.shape[2]).SerializeToString())
    result: Floats = session.run(None, {"given": given})[0]
    return result


def test_normalisation_goes_into_the_convolution_before_it() -> None:
    random = np.random.default_rng(1)
    names = ("running_mean", "running_var", "weight", "bias")
    tensors = {f"norm.{name}": random.uniform(0.5, 2, 3).astype(np.float32) for name in names}
    tensors["layer.weight"] = random.normal(size=(3, 2, 1)).astype(np.float32)
    given = random.normal(size=(1, 2, 4)).astype(np.float32)
    graph = Graph(tensors)
    out = graph.add("Flatten", graph.convolution("given", "layer", "norm"))

    mean, variance, weight, bias = (tensors[f"norm.{name}"][:, None] for name in names)
    bare = tensors["layer.weight"][..., 0] @ given[0]
    expected = (bare - mean) / np.sqrt(variance + 1e-5) * weight + bias
    np.testing.assert_allclose(run(graph, out, 12, given)[0], expected.reshape(-1), rtol=1e-4, atol=1e-5)


def test_statistics_are_the_mean_and_the_deviation_of_a_sample() -> None:
    given = np.random.default_rng(2).normal(size=(2, 3, 5)).astype(np.float32)
    graph = Graph({})

    expected = np.concatenate([given.mean(axis=2), given.std(axis=2, ddof=1)], axis=1)
    np.testing.assert_allclose(run(graph, graph.statistics("given", 0), 6, given), expected, rtol=1e-4)
