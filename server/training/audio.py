"""Training audio as 16 kHz mono samples, and the manifests that describe it."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from undertone.diarize.base import Clip
from undertone.diarize.local.decode import decode as engine_decode
from undertone.diarize.local.fbank import RATE, Samples

_ROOT: Final = Path(__file__).resolve().parents[2]
# Speech and noise that are not in the repository lie beside it, or where this says.
SHARED: Final = Path(os.environ.get("UNDERTONE_SHARED", _ROOT.parent / "shared"))
CACHE: Final = _ROOT / ".undertone" / "train-cache"
DELAY: Final = 1105  # samples at the coder's rate by which sound comes later behind LAME and a decoder
DATA: Final = _ROOT / "server" / "undertone" / "diarize" / "local" / "data"

Entry = dict[str, Any]


def manifest(corpus: str) -> list[Entry]:
    """The recordings of `speech-train`, `noise-train` or `speech-dev`, in the manifest's order."""
    lines = (SHARED / corpus / "manifest.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines if line]


def manifest_sha256(corpus: str) -> str:
    return hashlib.sha256((SHARED / corpus / "manifest.jsonl").read_bytes()).hexdigest()


def load(path: Path) -> Samples:
    """Any audio file → [n] samples at 16 kHz."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    pieces: list[Samples] = []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            pieces += [out.to_ndarray()[0] for out in resampler.resample(frame)]
    pieces += [out.to_ndarray()[0] for out in resampler.resample(None)]
    return np.concatenate(pieces)


def encode(samples: Samples, rate: int, kbps: int) -> bytes:
    """16 kHz samples → MP3 frames as a browser's encoder sends them: constant rate, no tag, no Xing header."""
    out = io.BytesIO()
    options = {"write_xing": "0", "id3v2_version": "0"}
    with av.open(out, "w", format="mp3", options=options) as container:
        stream = container.add_stream("libmp3lame", rate=rate, layout="mono", bit_rate=kbps * 1000)
        frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(
            format="fltp", layout="mono", rate=rate, frame_size=1152 if rate >= 32_000 else 576
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return out.getvalue()


def decode(mp3: bytes, rate: int) -> Samples:
    """MP3 frames at that rate → 16 kHz samples, by the engine's own decoder."""
    return engine_decode(Clip(mp3=mp3, lead_in_samples=0, samples=10**9, sample_rate=rate))
