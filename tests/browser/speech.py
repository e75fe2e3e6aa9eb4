"""What the fake microphone hears: the bundled speech as WAV, which is all that Chromium plays into one."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Final

import av

SAMPLES: Final = Path(__file__).parents[2] / "client" / "undertone_client" / "samples"
SAMPLE_RATE: Final = 48_000


def write_wav(sample: str, into: Path, *, begin_s: int = 0) -> Path:
    """`two-voices` or `one-voice` as 16-bit mono; Chromium plays it again and again, from `begin_s` on."""
    path = into / f"{sample}.wav"
    samples = bytearray()
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    with av.open(str(SAMPLES / f"{sample}.mp3")) as source:
        for frame in [*source.decode(audio=0), None]:
            for piece in resampler.resample(frame):
                samples += piece.to_ndarray().tobytes()
    begin = begin_s * SAMPLE_RATE * 2
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(samples[begin:] + samples[:begin])
    return path
