"""MP3 clip → 16 kHz mono samples, exact in time.

FFmpeg's decoder (through PyAV) keeps every sample: libsndfile loses the tail at 44.1 kHz, miniaudio drops undecodable
leading frames and shifts all that follows. The demuxer is left out: a clip is bare frames, and the demuxer would take
a first frame that resembles a Xing header for one. The lead-in is cut off at the clip's own rate, before resampling,
so that turns count from the window's first sample.
"""

from __future__ import annotations

import av
import av.error
import numpy as np

from undertone.diarize.base import AnalysisError, Clip
from undertone.diarize.local.fbank import RATE, Samples


def decode(clip: Clip) -> Samples:
    """The window's samples at 16 kHz, mono, within about ±1. Raises AnalysisError if there are none."""
    samples, rate = _decode_frames(clip.mp3)
    if rate != clip.sample_rate:
        raise AnalysisError(f"the clip should be at {clip.sample_rate} Hz, but it decodes at {rate} Hz")
    samples = samples[clip.lead_in_samples : clip.lead_in_samples + clip.samples]
    if len(samples) == 0:
        raise AnalysisError("the clip ends within its lead-in")
    return _resample(samples, rate)


def _decode_frames(mp3: bytes) -> tuple[Samples, int]:
    codec = av.CodecContext.create("mp3float", "r")
    assert isinstance(codec, av.AudioCodecContext)
    codec.thread_count = 1
    pieces: list[Samples] = []
    rate = 0
    for packet in [*codec.parse(mp3), *codec.parse(None)]:
        try:
            frames = codec.decode(packet)
        except av.error.FFmpegError:
            # A damaged frame is silence of the same length: dropping it would shift every turn after it.
            if pieces:
                pieces.append(np.zeros_like(pieces[-1]))
            continue
        for frame in frames:
            if rate not in (0, frame.sample_rate):
                raise AnalysisError(f"the sample rate changes within the clip, from {rate} to {frame.sample_rate} Hz")
            rate = frame.sample_rate
            pieces.append(_mono(frame))
    if not pieces:
        raise AnalysisError("the clip holds no MP3 frame that can be decoded")
    return np.concatenate(pieces), rate


def _mono(frame: av.AudioFrame) -> Samples:
    # Planes are padded for SIMD; reading them directly costs a tenth of to_ndarray().
    channels = [_plane(frame, channel) for channel in range(len(frame.planes))]
    if len(channels) == 1:
        return channels[0].copy()
    mixed: Samples = (channels[0] + channels[1]) * np.float32(0.5)
    return mixed


def _plane(frame: av.AudioFrame, channel: int) -> Samples:
    return np.frombuffer(memoryview(frame.planes[channel]), np.float32, count=frame.samples)


def _resample(samples: Samples, rate: int) -> Samples:
    if rate == RATE:
        return samples
    whole = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
    whole.sample_rate = rate
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
    frames = [*resampler.resample(whole), *resampler.resample(None)]
    if not frames:
        return np.zeros(0, np.float32)
    return np.concatenate([_plane(frame, 0) for frame in frames])
