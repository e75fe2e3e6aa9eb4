"""Real speech for the tests of analysis: the bundled minutes, cut and encoded as needed."""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt

from undertone.core.window import WindowCutter
from undertone.diarize.base import Clip

SAMPLES: Final = Path(__file__).resolve().parents[2] / "client" / "undertone_client" / "samples"
TWO_VOICES: Final = SAMPLES / "two-voices.mp3"
ONE_VOICE: Final = SAMPLES / "one-voice.mp3"
# When the second voice of TWO_VOICES speaks, in seconds (samples/README.md).
SECOND_VOICE: Final = (
    *((3.94, 9.9), (10.35, 11.69), (25.68, 28.1), (28.73, 30.7), (35.92, 37.65), (38.16, 38.41)),
    *((43.92, 46.29), (46.85, 48.32), (53.45, 54.56), (54.97, 56.42)),
)


def clips(mp3: bytes, window_ms: int = 60_000) -> list[Clip]:
    """The clips a server would cut."""
    cutter = WindowCutter(window_ms=window_ms)
    closed = cutter.feed(mp3)
    last = cutter.flush()
    return [
        Clip(window.clip, window.lead_in_samples, window.samples, window.format.sample_rate)
        for window in [*closed, *([last] if last else [])]
    ]


@functools.cache
def minute(file: Path) -> Clip:
    """The first window of a file."""
    return clips(file.read_bytes())[0]


def encoded(samples: npt.NDArray[np.float32], rate: int, *, channels: int = 1, kbps: int = 64) -> bytes:
    """[n] samples at `rate` as MP3 frames without tags."""
    out = io.BytesIO()
    layout = "stereo" if channels == 2 else "mono"
    with av.open(out, "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=rate, layout=layout, bit_rate=kbps * 1000)
        whole = av.AudioFrame.from_ndarray(np.stack([samples] * channels), format="fltp", layout=layout)
        whole.sample_rate = rate
        sized = av.AudioResampler(format="fltp", layout=layout, rate=rate, frame_size=1152 if rate >= 32_000 else 576)
        for frame in [*sized.resample(whole), *sized.resample(None)]:
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()
