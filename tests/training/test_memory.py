"""The segmentation is tuned as what it is: the same network, that hears better what it is shown."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("jax", reason="the train extra is not installed")

import jax.numpy as jnp

from training import chunks, memory
from training.chunks import Chunks
from undertone.diarize.local import models
from undertone.diarize.local.segmentation import CHUNK, MEMBERS, Segmenter

NETWORK = models.data(models.SEGMENTATION)


def made_up(seed: int, frames: int = 40) -> Chunks:
    """Two who speak in turn and then at once; five numbers of the front end's say who the one is, five the other."""
    random = np.random.default_rng(seed)
    true = np.zeros((6, 3, frames), np.bool_)
    true[:, 0, : frames * 3 // 4] = True
    true[:, 1, frames // 2 :] = True
    seen = random.normal(0, 0.3, (6, frames, 60))
    seen[..., :5] += 2 * true[:, 0, :, None]
    seen[..., 5:10] += 2 * true[:, 1, :, None]
    # In the first of all orders; who comes as it is hears nearly right.
    right = memory.classes(true)[0]
    told = np.log(np.where(np.arange(7) == right[..., None], 0.4, 0.1))
    return Chunks(seen.astype(np.float16), told.astype(np.float16), true, np.ones(true[:, 0].shape, np.bool_))


@pytest.mark.slow
def test_told_is_what_the_network_itself_says() -> None:
    sound = np.random.default_rng(1).normal(0, 0.1, (1, 1, CHUNK)).astype(np.float32)
    logs, seen = models.run(chunks.front(NETWORK), input_values=sound)
    told = memory.told(memory.weights(NETWORK), seen.transpose(1, 0, 2))
    assert np.allclose(told, logs, atol=1e-3)


def test_other_weights_are_another_network_and_the_same_ones_the_same() -> None:
    sound = np.random.default_rng(2).normal(0, 0.1, CHUNK).astype(np.float32)
    weights = memory.weights(NETWORK)
    same = Segmenter(memory.replaced(NETWORK, weights)).segment(sound)
    other = Segmenter(memory.replaced(NETWORK, {**weights, "classifier.bias": jnp.arange(7.0)})).segment(sound)
    assert np.array_equal(same.speech, Segmenter().segment(sound).speech)
    assert not np.allclose(other.speech, same.speech)


def test_a_network_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no segmentation-3\.0 as pyannote exports it: onnx::LSTM_784"):
        memory.weights(models.data(models.SILERO))


def test_local_speakers_may_have_any_order() -> None:
    true = np.array([[[0, 1, 0, 1, 1], [0, 0, 1, 1, 1], [0, 0, 0, 0, 1]]], np.bool_)
    orders = {tuple(row[0]) for row in memory.classes(true)}
    assert len(orders) == 6
    for nobody, one, other, both, three in orders:
        assert (nobody, three) == (0, -1), "three at once have no class"
        assert MEMBERS[one] @ MEMBERS[other] == 0
        assert np.array_equal(MEMBERS[both], MEMBERS[one] + MEMBERS[other])


@pytest.mark.slow
def test_tuning_learns_who_speaks_and_that_both_do() -> None:
    given, unheard = made_up(1), made_up(2)
    start = memory.weights(NETWORK)
    fitted = memory.fit(start, given, steps=60, most=5e-3)

    def overlap(by: memory.Weights) -> float:
        """How surely two at once are told from one."""
        said = np.exp(memory.told(by, unheard.seen.astype(np.float32)))[..., 4:].sum(axis=-1)
        both = unheard.true.sum(axis=1) > 1
        return float(said[both].mean() - said[~both].mean())

    assert overlap(start) < 0.1
    assert overlap(fitted) > 0.5


@pytest.mark.slow
def test_the_truth_does_not_matter_where_it_can_not_be_heard() -> None:
    given, start = made_up(3), memory.weights(NETWORK)
    clear = given.clear.copy()
    clear[:, 10:] = False
    right = memory.classes(given.true)
    other = right.copy()
    other[..., 10:] = 0

    def loss(right: np.ndarray[tuple[int, ...], np.dtype[np.int64]], clear: memory.Mask) -> float:
        seen, told = jnp.asarray(given.seen, jnp.float32), jnp.asarray(given.told)
        truth = jnp.asarray(right), jnp.asarray(right[0] > 3), jnp.asarray(clear)
        return float(memory.loss(start, seen, told, *truth, None))

    assert loss(right, clear) == loss(other, clear)
    assert loss(right, given.clear) != loss(other, given.clear)


def test_every_chunk_is_learned_from_before_any_is_again() -> None:
    draw = memory.drawn(40)
    batches = np.concatenate([draw() for _ in range(5)])
    assert len(batches) == 5 * memory.BATCH
    for first in range(0, len(batches), 40):
        assert len(set(batches[first : first + 40].tolist())) == min(40, len(batches) - first)
