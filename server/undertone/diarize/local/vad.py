"""Is it a voice at all: Silero VAD 6 on a copy of the window with slow automatic gain.

A second opinion beside the segmentation, which takes chairs and office machines for speech. The gain lifts a far voice
to a near one's level; it is slow, so that a pause stays a pause.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from undertone.diarize.local import models
from undertone.diarize.local.fbank import RATE, Samples
from undertone.diarize.local.segmentation import STEP

Floats = npt.NDArray[np.float32]

_HOP: Final = 512
_CONTEXT: Final = 64
_STATE: Final = np.zeros((1, 1, 128), np.float32)
_LEVEL: Final = 10 ** (-22 / 20)  # what the gain aims at: the level of a voice close to its microphone
_MOST_GAIN: Final = 10 ** (40 / 20)  # lifts a voice at −62 dBFS; more only lifts the room


class VoiceActivity:
    def __init__(self) -> None:
        self._model = models.session(models.data(models.SILERO))

    def listen(self, samples: Samples) -> Floats:
        """[n] samples → probability of speech for each step of 20 ms."""
        hops = -(-len(samples) // _HOP)
        padded = np.zeros(_CONTEXT + hops * _HOP, np.float32)
        padded[_CONTEXT : _CONTEXT + len(samples)] = _levelled(samples)
        windows = np.lib.stride_tricks.sliding_window_view(padded, _CONTEXT + _HOP)[::_HOP]
        speech, *_ = models.run(self._model, input=np.ascontiguousarray(windows), h=_STATE, c=_STATE)
        steps = -(-len(samples) // STEP)
        at: Floats = speech.reshape(-1)[np.minimum((np.arange(steps) * STEP + STEP // 2) // _HOP, hops - 1)]
        return at


def _levelled(samples: Samples) -> Samples:
    """Towards _LEVEL by the loudness within a second to either side."""
    blocks = -(-len(samples) // (RATE // 10))
    padded = np.zeros(blocks * (RATE // 10), np.float32)
    padded[: len(samples)] = samples
    power = (padded.reshape(blocks, -1) ** 2).mean(axis=1)
    total = np.concatenate([[0.0], np.cumsum(power, dtype=np.float64)])
    first, last = np.maximum(np.arange(blocks) - 10, 0), np.minimum(np.arange(blocks) + 11, blocks)
    loudness = np.sqrt((total[last] - total[first]) / (last - first))
    gain = np.minimum(_LEVEL / np.maximum(loudness, 1e-9), _MOST_GAIN)
    centres = (np.arange(blocks) + 0.5) * (RATE // 10)
    smooth = np.interp(np.arange(len(samples)), centres, gain).astype(np.float32)
    levelled: Samples = np.clip(samples * smooth, -1, 1)
    return levelled
