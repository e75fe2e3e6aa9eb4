"""`python -m training.behind`: in whose recordings somebody else may be heard, by pitch alone; the likeliest first.

Between words, 8 to 30 dB under the own level, there is room or breath, and at a phrase's end a falling pitch. A
voice there whose pitch is 15 to 80 % above the speaker's own (more would be an octave taken wrongly) is seldom his. No
network takes part: what they are fitted and judged on is not chosen by what they say.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

from training import audio
from training.sources import BEHIND
from undertone.diarize.local.fbank import RATE, Samples

Doubles = npt.NDArray[np.float64]

#: Of all frames; BEHIND are the speakers with more. The median speaker has .014.
SHARE: Final = 0.1
_FRAME: Final = 1024
_HOP: Final = RATE // 50
_LONGEST, _SHORTEST = RATE // 70, RATE // 400  # periods: pitches of 70 to 400 Hz
_OWN_DB, _ABOVE_DB, _BELOW_DB = -6, -8, -30  # against the loudest tenth of the frames
_SURELY_VOICED, _VOICED = 0.7, 0.6  # correlation with the sound one period before
_HIGHER, _OCTAVE = 1.15, 1.8
_BAND: Final = butter(4, [80, 1000], "band", fs=RATE, output="sos")


def frames(samples: Samples) -> tuple[Doubles, Doubles, Doubles]:
    """Level in dB, pitch in Hz, and how periodic the sound is, of each frame of 64 ms, every 20 ms."""
    cut = np.lib.stride_tricks.sliding_window_view(sosfilt(_BAND, samples), _FRAME)[::_HOP]
    level = 10 * np.log10((cut**2).mean(axis=1) + 1e-12)
    window = np.hanning(_FRAME)
    spectrum = np.abs(np.fft.rfft(np.vstack([cut * window, window]), 2 * _FRAME)) ** 2
    alike = np.fft.irfft(spectrum)[:, : _LONGEST + 1]
    alike /= np.maximum(alike[:, :1], 1e-12)
    alike = alike[:-1] / alike[-1]
    period = _SHORTEST + alike[:, _SHORTEST:].argmax(axis=1)
    return level, RATE / period, alike[np.arange(len(period)), period]


def share(recordings: list[Samples]) -> float:
    """Of one speaker's frames: those of a voice that is higher than his own and far below it."""
    other = count = 0
    for samples in recordings:
        level, pitch, periodic = frames(samples)
        top = np.percentile(level, 90)
        own = (level > top + _OWN_DB) & (periodic > _SURELY_VOICED)
        if not own.any():
            continue
        times = pitch / np.median(pitch[own])
        quiet = (level < top + _ABOVE_DB) & (level > top + _BELOW_DB) & (periodic > _VOICED)
        other += int((quiet & (times > _HIGHER) & (times < _OCTAVE)).sum())
        count += len(level)
    return other / max(count, 1)


def main() -> int:
    files: dict[str, list[str]] = defaultdict(list)
    for entry in audio.manifest("speech-train"):
        files[entry["speaker"]].append(entry["file"])
    shares = {
        speaker: share([audio.load(audio.SHARED / "speech-train" / file) for file in of_speaker])
        for speaker, of_speaker in files.items()
    }
    for speaker in sorted(shares, key=lambda name: -shares[name])[:20]:
        print(f"{shares[speaker]:.3f} {speaker}{' (left out)' if speaker in BEHIND else ''}")
    print(f"{np.median(list(shares.values())):.3f} the median of {len(shares)} speakers")
    more = {speaker for speaker, found in shares.items() if found > SHARE}
    if more != BEHIND:
        print(f"sources.BEHIND should be {', '.join(sorted(more))}")
    return int(more != BEHIND)


if __name__ == "__main__":
    raise SystemExit(main())
