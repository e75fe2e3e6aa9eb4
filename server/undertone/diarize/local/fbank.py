"""Log mel filter banks as Kaldi makes them (`compute-fbank-feats`), which the voice embedding was trained on.

25 ms frames every 10 ms, Hamming window, 80 mel bands from 20 Hz to 8 kHz, no dither, waveform scaled to 16-bit
integers. Written in numpy, since the packages that offer it need torch.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

RATE: Final = 16_000
FRAME: Final = 400
HOP: Final = 160
BANDS: Final = 80
_FFT: Final = 512
_LOW_HZ: Final = 20.0
_PREEMPHASIS: Final = np.float32(0.97)
_FULL_SCALE: Final = np.float32(32768.0)
_FLOOR: Final = np.finfo(np.float32).eps  # Kaldi floors the energies at FLT_EPSILON before the logarithm
_BLOCK: Final = 1024  # frames transformed at once: 2 MB of spectra stay in the cache


def _mel(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    scaled: npt.NDArray[np.float64] = 1127.0 * np.log1p(hertz / 700.0)
    return scaled


def _filters() -> npt.NDArray[np.float32]:
    low, high = _mel(np.array([_LOW_HZ, RATE / 2], np.float64))
    step = (high - low) / (BANDS + 1)
    left = low + step * np.arange(BANDS)
    bins = _mel(np.arange(_FFT // 2, dtype=np.float64) * (RATE / _FFT))[:, None]
    rising = (bins - left) / step
    falling = (left + 2 * step - bins) / step
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    # The Nyquist bin carries no weight in Kaldi either.
    return np.vstack([triangles, np.zeros((1, BANDS))]).astype(np.float32)


_FILTERS: Final = _filters()
_WINDOW: Final = np.hamming(FRAME).astype(np.float32)


def frames_in(samples: int) -> int:
    """Number of whole frames in so many samples at 16 kHz."""
    return max(0, 1 + (samples - FRAME) // HOP)


def fbank(samples: Samples) -> npt.NDArray[np.float32]:
    """[n] samples at 16 kHz within ±1 → [frames, 80] log energies (no mean subtracted)."""
    count = frames_in(len(samples))
    out = np.empty((count, BANDS), np.float32)
    if count == 0:
        return out
    framed = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    for at in range(0, count, _BLOCK):
        block = framed[at : at + _BLOCK] * _FULL_SCALE
        block -= block.mean(axis=1, keepdims=True)
        emphasised = block.copy()
        emphasised[:, 1:] -= _PREEMPHASIS * block[:, :-1]
        emphasised[:, 0] -= _PREEMPHASIS * block[:, 0]
        emphasised *= _WINDOW
        spectrum = np.fft.rfft(emphasised, _FFT)
        power = spectrum.real**2 + spectrum.imag**2
        out[at : at + len(block)] = np.log(np.maximum(power @ _FILTERS, _FLOOR))
    return out
