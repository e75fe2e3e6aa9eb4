"""The segmentation's memory in JAX: four recurrent layers and three linear ones, as ONNX has them, and how they learn.

The front end before them stays as it is: what it makes of the sound is what they are given.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Final

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import onnx
import optax

from training.chunks import Chunks
from undertone.diarize.local.segmentation import LOCAL_SPEAKERS, MEMBERS

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Weights = dict[str, jax.Array]

SEVERAL: Final = np.flatnonzero(MEMBERS.sum(axis=1) > 1)  # the classes of two at once
STEPS: Final = 600
BATCH: Final = 32
_RATE: Final = 4e-4
_WARM: Final = 0.1  # share of the steps until then
_DECAY: Final = 1e-3
_CLIPPED: Final = 1.0
_DROPPED: Final = 0.2
_SLOPE: Final = 0.01
# What two at once weighs beside who speaks, and what the network said before beside the truth.
_OVERLAP_WEIGHT: Final = 1.0
_BEFORE_WEIGHT: Final = 0.3
_ORDERS: Final = tuple(itertools.permutations(range(LOCAL_SPEAKERS)))
# By who speaks, as the bits of a number: the network's class; three at once have none.
_CLASS: Final = np.full(2**LOCAL_SPEAKERS, -1)
_BITS: Final = 2 ** np.arange(LOCAL_SPEAKERS)
_CLASS[(MEMBERS @ _BITS).astype(int)] = np.arange(len(MEMBERS))

# The layers' names in the graph.
_RECURRENT: Final = tuple(
    tuple(f"onnx::LSTM_{number}" for number in numbers)
    for numbers in ((784, 785, 783), (827, 828, 826), (870, 871, 869), (913, 914, 912))
)
_LINEAR: Final = (
    ("onnx::MatMul_915", "linear.0.bias"),
    ("onnx::MatMul_916", "linear.1.bias"),
    ("onnx::MatMul_917", "classifier.bias"),
)


def weights(network: bytes) -> Weights:
    """Those that are tuned, by name; `ValueError` if it is another network."""
    tensors = {tensor.name: tensor for tensor in onnx.load_from_string(network).graph.initializer}
    names = [name for layer in (*_RECURRENT, *_LINEAR) for name in layer]
    if missing := [name for name in names if name not in tensors]:
        raise ValueError(f"no segmentation-3.0 as pyannote exports it: {', '.join(missing)} missing")
    return {name: jnp.asarray(onnx.numpy_helper.to_array(tensors[name])) for name in names}


def replaced(network: bytes, by: Weights) -> bytes:
    """The same graph with those weights."""
    graph = onnx.load_from_string(network)
    for tensor in graph.graph.initializer:
        if tensor.name in by:
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.asarray(by[tensor.name], np.float32), tensor.name))
    return bytes(graph.SerializeToString())


def told(by: Weights, seen: jax.Array | Floats, key: jax.Array | None = None) -> jax.Array:
    """[chunks, frames, 60] front end's output → [chunks, frames, 7] logarithms; with a key some of it is dropped."""
    row = jnp.asarray(seen).transpose(1, 0, 2)
    for names in _RECURRENT:
        row = _both_ways([by[name] for name in names], row)
    if key is not None:
        row = jnp.where(jax.random.bernoulli(key, 1 - _DROPPED, row.shape), row / (1 - _DROPPED), 0)
    *hidden, last = _LINEAR
    for weight, bias in hidden:
        row = jax.nn.leaky_relu(row @ by[weight] + by[bias], _SLOPE)
    return jax.nn.log_softmax(row @ by[last[0]] + by[last[1]]).transpose(1, 0, 2)


def _both_ways(layer: list[jax.Array], row: jax.Array) -> jax.Array:
    """[frames, chunks, in] → [frames, chunks, 2 · 128]: an LSTM as ONNX has it, forwards and backwards."""
    weight, recurrent, bias = layer
    constant, constant_there = jnp.split(bias, 2, axis=1)
    ways = [
        _one_way(weight[way], recurrent[way], constant[way] + constant_there[way], heard)
        for way, heard in enumerate((row, row[::-1]))
    ]
    return jnp.concatenate([ways[0], ways[1][::-1]], axis=-1)


def _one_way(weight: jax.Array, recurrent: jax.Array, bias: jax.Array, row: jax.Array) -> jax.Array:
    def step(before: tuple[jax.Array, jax.Array], driven: jax.Array) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        hidden, cell = before
        entry, out, forget, new = jnp.split(driven + hidden @ recurrent.T, 4, axis=-1)
        cell = jax.nn.sigmoid(forget) * cell + jax.nn.sigmoid(entry) * jnp.tanh(new)
        hidden = jax.nn.sigmoid(out) * jnp.tanh(cell)
        return (hidden, cell), hidden

    nothing = jnp.zeros((row.shape[1], recurrent.shape[1]), row.dtype)
    _, hidden = jax.lax.scan(step, (nothing, nothing), row @ weight.T + bias)
    return hidden


def classes(true: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """[chunks, 3, frames] who speaks → [orders, chunks, frames] the network's class, −1 where three speak at once.

    Local speakers have no names, so every order of them is as good.
    """
    bits = np.array([_BITS[list(order)] for order in _ORDERS])
    found: npt.NDArray[np.int64] = _CLASS[np.einsum("os,csf->ocf", bits, true.astype(np.int64))]
    return found


def loss(
    by: Weights,
    seen: jax.Array,
    before: jax.Array,
    right: jax.Array,
    several: jax.Array,
    clear: jax.Array,
    key: jax.Array | None,
) -> jax.Array:
    """Who speaks in the best order of speakers, whether several do, and how far from what was said before.

    `right` is [orders, chunks, frames], see `classes`; who speaks counts where it is clear.
    """
    logs = told(by, seen, key)
    of_right = jnp.take_along_axis(logs[None], jnp.maximum(right, 0)[..., None], axis=-1)[..., 0]
    who = jnp.where(clear & (right >= 0), -of_right, 0).mean(axis=-1).min(axis=0).mean()
    two = jax.nn.logsumexp(logs[..., SEVERAL], axis=-1)
    fewer = jax.nn.logsumexp(jnp.delete(logs, SEVERAL, axis=-1), axis=-1)
    overlap = -jnp.where(clear, jnp.where(several, two, fewer), 0).mean()
    strayed = (jnp.exp(before) * (before - logs)).sum(axis=-1).mean()
    return who + _OVERLAP_WEIGHT * overlap + _BEFORE_WEIGHT * strayed


def fit(start: Weights, given: Chunks, steps: int = STEPS, most: float = _RATE) -> Weights:
    """Seeded; `most` is the learning rate at its highest. Another kind of processor may round otherwise."""
    rate = optax.cosine_onecycle_schedule(steps, most, _WARM)
    by = optax.chain(optax.clip_by_global_norm(_CLIPPED), optax.adamw(rate, weight_decay=_DECAY))

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def step(weights: Weights, state: optax.OptState, *batch: jax.Array) -> tuple[Weights, optax.OptState, jax.Array]:
        value, slope = jax.value_and_grad(loss)(weights, *batch)
        moves, state = by.update(slope, state, weights)
        return optax.apply_updates(weights, moves), state, value

    fitted = {name: jnp.copy(weight) for name, weight in start.items()}
    state = by.init(fitted)
    mean = 0.0
    draw = drawn(len(given))
    for number in range(steps):
        chosen = draw()
        true = given.true[chosen]
        batch = (given.seen[chosen].astype(np.float32), given.told[chosen].astype(np.float32))
        truth = (classes(true), true.sum(axis=1) > 1, given.clear[chosen])
        fitted, state, value = step(fitted, state, *batch, *truth, jax.random.key(number))
        mean += (float(value) - mean) / min(number + 1, 20)
        if number % 20 == 19:
            print(f"segmentation: step {number + 1} of {steps}, loss {mean:.3f}", flush=True)
    return fitted


def drawn(count: int) -> Callable[[], npt.NDArray[np.int64]]:
    """Batches of so many chunks, each once before any twice."""
    random = np.random.default_rng(0)
    left: list[int] = []

    def batch() -> npt.NDArray[np.int64]:
        while len(left) < BATCH:
            left[:0] = random.permutation(count).tolist()
        return np.array([left.pop() for _ in range(BATCH)])

    return batch
