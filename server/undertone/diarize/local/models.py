"""The open weights beside this file: where they are, and one-thread sessions that run them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import resources
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

SEGMENTATION: Final = "segmentation.onnx"
TRUNK: Final = "voice-trunk.onnx"
HEAD: Final = "voice-head.npz"
SILERO: Final = "silero-vad.onnx"
LEARNED: Final = "learned.json"
SPACE: Final = "voice-space.npz"
LIKENESS: Final = "likeness.json"
COHORT: Final = "cohort.npz"
MANIFEST: Final = "models.json"


def data(name: str) -> bytes:
    """A committed file of `diarize/local/data`."""
    return resources.files(__package__).joinpath("data", name).read_bytes()


def session(model: bytes) -> ort.InferenceSession:
    """An ONNX session on the calling thread alone."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


# What `map` does, on as many threads as there are: answers in the order of what was asked.
Spread: TypeAlias = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


@contextmanager
def spread(threads: int) -> Iterator[Spread]:
    """A `map` over so many threads. Each runs its session alone, so the answers do not depend on their number."""
    if threads == 1:
        yield map
        return
    with ThreadPoolExecutor(threads) as pool:
        yield pool.map


def run(model: ort.InferenceSession, **inputs: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    """All outputs of one run."""
    outputs: list[npt.NDArray[np.float32]] = model.run(None, inputs)
    return outputs
