"""Who speaks when within ten seconds: pyannote segmentation-3.0 (Bredin, "pyannote.audio 2.1", 2023).

The network says for each frame of 17 ms how likely nobody, one of up to three local speakers, or two of them speak.
Local speakers have no names: speaker 2 of one chunk may be speaker 1 of the next; the voice embedding tells.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from undertone.diarize.local import models
from undertone.diarize.local.fbank import RATE, Samples

Floats = npt.NDArray[np.float32]

CHUNK: Final = 10 * RATE  # what the network was trained on
# The network's frames: stride and centre of the first one, in samples (from its SincNet's strides and kernels).
FRAME_STEP: Final = 270
FRAME_CENTRE: Final = 495
# Everything after this speaks of steps of 20 ms: a quarter of the embedding's 80 ms.
STEP: Final = 320
_CHUNK_STEPS: Final = CHUNK // STEP
# The network's classes: nobody; 1; 2; 3; 1+2; 1+3; 2+3.
_CLASSES: Final = 7
LOCAL_SPEAKERS: Final = 3
MEMBERS: Final = np.array(
    [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]],
    np.float32,
)


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Per step of 20 ms, for the whole window."""

    speech: Floats  # [steps] that anybody speaks
    overlap: Floats  # [steps] that two speak at once
    local: Floats  # [steps, 3] that each local speaker of the chunk speaks
    chunk: npt.NDArray[np.int32]  # [steps] which chunk the step was taken from


class Segmenter:
    def __init__(self, network: bytes | None = None) -> None:
        """The committed network, or another of the same kind."""
        self._model = models.session(network or models.data(models.SEGMENTATION))

    def segment(
        self,
        samples: Samples,
        wanted: npt.NDArray[np.bool_] | None = None,
        spread: models.Spread = map,
        *,
        shifted: bool = False,
    ) -> Segmentation:
        """Segmentation of any length of audio; chunks without a `wanted` step are zeros.

        Shifted, chunks begin five seconds later, so that what was near a border is in the middle.
        """
        steps = -(-len(samples) // STEP)
        speech, overlap = np.zeros(steps, np.float32), np.zeros(steps, np.float32)
        local, chunk = np.zeros((steps, 3), np.float32), np.zeros(steps, np.int32)
        listened: list[tuple[int, int, int]] = []
        borders = [*range(_CHUNK_STEPS // 2 if shifted else _CHUNK_STEPS, steps, _CHUNK_STEPS), steps]
        for number, (start, stop) in enumerate(itertools.pairwise([0, *borders])):
            chunk[start:stop] = number
            if wanted is None or wanted[start:stop].any():
                # The last chunk reaches back, so that it is whole too.
                listened.append((max(0, min(start, steps - _CHUNK_STEPS)), start, stop))

        def listen(place: tuple[int, int, int]) -> Floats:
            first, start, stop = place
            return self._classes(samples[first * STEP : first * STEP + CHUNK])[start - first : stop - first]

        for (_, start, stop), classes in zip(listened, spread(listen, listened), strict=True):
            speech[start:stop] = 1 - classes[:, 0]
            overlap[start:stop] = classes[:, 4:].sum(axis=1)
            local[start:stop] = classes @ MEMBERS
        return Segmentation(speech, overlap, local, chunk)

    def _classes(self, samples: Samples) -> Floats:
        """[≤ 160,000] samples → [500, 7] probabilities, one row a step of 20 ms."""
        padded = np.zeros((1, 1, CHUNK), np.float32)
        padded[0, 0, : len(samples)] = samples
        (logits,) = models.run(self._model, input_values=padded)
        centres = np.arange(_CHUNK_STEPS) * STEP + STEP // 2
        frames = np.clip(np.rint((centres - FRAME_CENTRE) / FRAME_STEP), 0, logits.shape[1] - 1)
        classes: Floats = np.exp(logits[0, frames.astype(np.int64), :_CLASSES])
        return classes
