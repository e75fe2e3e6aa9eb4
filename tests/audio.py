"""Real MP3 for tests: encoded by LAME with the bit reservoir on and no information frame, decoded by FFmpeg."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


def voice(seconds: float, sample_rate: int, seed: int = 0, channels: int = 1) -> Samples:
    """Something as uneven as speech, (channels, samples): syllables of gliding harmonics, hiss and silence.

    Uneven matters: an encoder fills its bit reservoir where little happens and draws on it where much does.
    """
    rng = np.random.default_rng(seed)
    count = int(seconds * sample_rate)
    sound = np.zeros((channels, count), np.float32)
    at = 0
    while at < count:
        length = min(count - at, int(rng.uniform(0.05, 0.3) * sample_rate))
        time = np.arange(length) / sample_rate
        shape = np.hanning(length)
        pitch = rng.uniform(90, 280) * (1 + rng.uniform(-0.3, 0.3) * time)
        phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
        vowel = sum(rng.uniform(0, 1) / k * np.sin(k * phase) for k in range(1, 12))
        hiss = rng.standard_normal((channels, length)) * rng.choice([0.0, 0.02, 0.3])
        sound[:, at : at + length] = rng.choice([0.0, 0.1, 0.25]) * shape * (vowel + hiss)
        at += length
    return sound


def encode(
    sound: Samples, sample_rate: int, bitrate: int | None = None, *, vbr_quality: int | None = None
) -> tuple[bytes, ...]:
    """The frames of `sound` in MP3, at `bitrate` bit/s or of variable rate. LAME's bit reservoir is on."""
    layout = "mono" if len(sound) == 1 else "stereo"
    # PyAV types the context by the codec's name only when that is a literal it knows.
    encoder: Any = av.CodecContext.create("libmp3lame", "w")
    encoder.sample_rate, encoder.layout, encoder.format = sample_rate, layout, "fltp"
    if vbr_quality is None:
        encoder.bit_rate = bitrate
        encoder.options = {"reservoir": "1"}
    else:
        encoder.options = {"reservoir": "1", "compression_level": "5"}
        encoder.flags |= 2  # AV_CODEC_FLAG_QSCALE, which makes LAME's rate variable
        encoder.global_quality = vbr_quality * 118  # FF_QP2LAMBDA
    encoder.open()
    packets: list[bytes] = []
    for at in range(0, sound.shape[1], encoder.frame_size):
        block = np.ascontiguousarray(sound[:, at : at + encoder.frame_size])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = sample_rate, at
        packets += map(bytes, encoder.encode(frame))
    return *packets, *map(bytes, encoder.encode(None))


@cache
def voice_frames(
    seconds: float,
    sample_rate: int,
    bitrate: int | None = None,
    *,
    vbr_quality: int | None = None,
    channels: int = 1,
    seed: int = 0,
) -> tuple[bytes, ...]:
    """MP3 frames of `voice`; the same call costs nothing the second time."""
    return encode(voice(seconds, sample_rate, seed, channels), sample_rate, bitrate, vbr_quality=vbr_quality)


def decode(mp3: bytes) -> Samples:
    """All samples that FFmpeg decodes, (channels, samples): its mp3float, no resampling."""
    with av.open(io.BytesIO(mp3), "r", format="mp3") as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
