"""Minutes of two voices in turns, the second fainter than the first, from a folder of one-voice recordings."""

from __future__ import annotations

import json
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

RATE: Final = 48_000
# What most people's microphones deliver, and the middle of speech-dev: active speech at -26 dBFS.
MAIN_DBFS: Final = -26.0
# The first voice speaks, the second says something for ten seconds, the first goes on; seconds of the minute.
MAIN: Final = ((0.0, 22.0), (35.0, 60.0))
SECOND: Final = (23.5, 33.5)
# Under everything lies noise: that of a quiet room, as in speech-dev, unless it is asked for more.
ROOM_DBFS: Final = -65.0


@dataclass(frozen=True, slots=True)
class Voice:
    file: Path
    speaker: str


def voices(folder: Path) -> list[Voice]:
    """Windows of `folder` that one speaker fills, one a speaker."""
    found: dict[str, Voice] = {}
    for line in (folder / "manifest.jsonl").read_text().splitlines():
        entry: dict[str, Any] = json.loads(line)
        if entry["class"] == "single_full":
            speaker = entry["speakers"][0]["id"]
            found.setdefault(speaker, Voice(folder / entry["file"], speaker))
    return list(found.values())


def pairs(found: list[Voice], count: int) -> list[tuple[Voice, Voice]]:
    """Each voice is once the first and once the second, as far as `count` goes."""
    return [(found[i], found[(i + 1) % len(found)]) for i in range(min(count, len(found)))]


def decode(source: Path, rate: int = RATE) -> Samples:
    """Mono samples of any file."""

    def chunks() -> Iterator[Samples]:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
        with av.open(str(source)) as container:
            for frame in [*container.decode(audio=0), None]:
                for out in resampler.resample(frame):
                    yield out.to_ndarray()[0]

    return np.concatenate(list(chunks()))


def active_db(samples: Samples, rate: int = RATE) -> float:
    """Level in dBFS of the loudest half of all 20 ms: speech, without its pauses."""
    hop = rate // 50
    energy = (samples[: samples.size // hop * hop].reshape(-1, hop) ** 2).mean(1)
    return float(10 * np.log10(np.sort(energy)[energy.size // 2 :].mean() + 1e-12))


def minute(first: Samples, second: Samples, below_db: float, room_dbfs: float, rng: np.random.Generator) -> Samples:
    """One minute; the second voice is `below_db` fainter."""
    out = (rng.standard_normal(60 * RATE) * 10 ** (room_dbfs / 20)).astype(np.float32)
    for begin, end in MAIN:
        out[int(begin * RATE) : int(end * RATE)] += _at(first[int(begin * RATE) : int(end * RATE)], MAIN_DBFS)
    begin, end = (int(second_ * RATE) for second_ in SECOND)
    out[begin:end] += _at(second[5 * RATE : 5 * RATE + end - begin], MAIN_DBFS - below_db)
    return out


def _at(samples: Samples, dbfs: float) -> Samples:
    edge = np.minimum(1, np.arange(samples.size) / (0.05 * RATE)).astype(np.float32)
    return samples * edge * edge[::-1] * np.float32(10 ** ((dbfs - active_db(samples)) / 20))


def write_wav(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
