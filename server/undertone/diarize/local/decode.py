"""MP3 clip → 16 kHz mono samples, exact in time.

FFmpeg's decoder (through PyAV) keeps every sample: libsndfile loses the tail at 44.1 kHz, miniaudio drops undecodable
leading frames and shifts all that follows. The demuxer is left out: a clip is bare frames, and the demuxer would take
a first frame that resembles a Xing header for one. The lead-in is cut off at the clip's own rate, before resampling,
so that turns count from the window's first sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import av
import av.error
import numpy as np

from undertone.core.empty import nothing_in
from undertone.diarize.base import AnalysisError, Clip
from undertone.diarize.local.fbank import RATE, Samples

# Sound is resampled so many samples at a time. All of a minute at once costs five times as much (37 ms, not 7): its
# buffers are fresh memory then, which the kernel hands out page by page.
_AT_A_TIME: Final = 1 << 15


@dataclass(frozen=True, slots=True)
class Sound:
    """The window's samples as they were recorded, mono."""

    samples: Samples  # [n], n ≥ 1
    rate: int  # Hz

    def resampled(self) -> Samples:
        """[n · 16,000 / rate] at 16 kHz, within about ±1."""
        if self.rate == RATE:
            return self.samples
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
        pieces: list[Samples] = []
        for first in range(0, len(self.samples), _AT_A_TIME):
            piece = self.samples[None, first : first + _AT_A_TIME]
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
            frame.sample_rate = self.rate
            pieces += [_plane(each, 0).copy() for each in resampler.resample(frame)]
        pieces += [_plane(each, 0).copy() for each in resampler.resample(None)]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def is_empty(clip: Clip) -> bool:
    """Whether the window is digital silence, told without decoding it. What may be wrong with a clip decoding tells."""
    found = nothing_in(clip.mp3)
    return found is not None and found.sample_rate == clip.sample_rate and found.samples > clip.lead_in_samples


def decode(clip: Clip) -> Samples:
    """The window's samples at 16 kHz, mono, within about ±1. Raises AnalysisError if there are none."""
    return decoded(clip).resampled()


def decoded(clip: Clip) -> Sound:
    """The window at its own rate. Raises AnalysisError if nothing of it can be decoded."""
    samples, rate = _decode_frames(clip.mp3)
    if rate != clip.sample_rate:
        raise AnalysisError(f"the clip should be at {clip.sample_rate} Hz, but it decodes at {rate} Hz")
    samples = samples[clip.lead_in_samples : clip.lead_in_samples + clip.samples]
    if len(samples) == 0:
        raise AnalysisError("the clip ends within its lead-in")
    return Sound(samples, rate)


def _decode_frames(mp3: bytes) -> tuple[Samples, int]:
    codec = av.CodecContext.create("mp3float", "r")
    assert isinstance(codec, av.AudioCodecContext)
    codec.thread_count = 1
    # 2,500 frames a minute: bytes are appended to, and looked at as numbers once.
    sound = bytearray()
    rate = length = 0
    for packet in [*codec.parse(mp3), *codec.parse(None)]:
        try:
            frames = codec.decode(packet)
        except av.error.FFmpegError:
            # A damaged frame is silence of the same length: dropping it would shift every turn after it.
            sound += bytes(length)
            continue
        for frame in frames:
            if rate != frame.sample_rate:
                if rate:
                    raise AnalysisError(
                        f"the sample rate changes within the clip, from {rate} to {frame.sample_rate} Hz"
                    )
                rate = frame.sample_rate
            piece = _mono(frame)
            length = len(piece)
            sound += piece
    if not sound:
        raise AnalysisError("the clip holds no MP3 frame that can be decoded")
    return np.frombuffer(sound, np.float32), rate


def _mono(frame: av.AudioFrame) -> memoryview:
    """The frame's samples as bytes."""
    # Planes are padded for SIMD; reading them directly costs a tenth of to_ndarray().
    if len(frame.planes) == 1:
        return memoryview(frame.planes[0])[: frame.samples * 4]
    mixed = (_plane(frame, 0) + _plane(frame, 1)) * np.float32(0.5)
    return mixed.data.cast("B")


def _plane(frame: av.AudioFrame, channel: int) -> Samples:
    return np.frombuffer(memoryview(frame.planes[channel]), np.float32, count=frame.samples)
