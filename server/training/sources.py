"""Voices and noises to build scenes of: whole sentences of one speaker, recordings of one kind of noise.

A clip of speech-train is several recordings joined with short pauses. Laid out as it is, the segmentation hears two
people at the joints; so scenes are built from the recordings inside, each a natural run of speech.

Speakers and noises come in two parts. `fit` is what anything may be fitted on; `judge`, a quarter of every corpus and
of every kind of noise, is for scenes that judge what was fitted: nothing in it is heard before.
"""

from __future__ import annotations

import functools
import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from training import audio
from undertone.diarize.local.fbank import RATE, Samples

_MP3_SHIFT: Final = 0.07  # seconds by which MP3 moved the sound behind the manifest's times
# Recordings of single words are taken a few at a time, as they stand in the clip.
_LEAST_RUN: Final = 1.2
_FADE: Final = RATE // 100
Part: TypeAlias = Literal["fit", "judge"]
# Their recordings fall into two groups that are no more alike than two people (likeness .22 to .38, all others of that
# corpus .48 or more).
TWO_PEOPLE: Final = frozenset({"msc-68f59296", "msc-d1088296", "msc-fc2f2ce8"})
# Somebody else is heard behind them, by pitch (training/behind.py).
BEHIND: Final = frozenset({"msc-0e91d555", "gsc-41285056", "aad-1wB3pJ1YQM5wyqI", "gsc-28e47b1a"})
# Scenes with them do not say what is true.
DOUBTFUL: Final = TWO_PEOPLE | BEHIND
# One in so many speakers of a corpus, or recordings of a kind, is for judging; of fewer than these none is.
_JUDGED: Final = 4
QUARTERS: Final = 4


@dataclass(frozen=True, slots=True)
class Run:
    """A natural run of speech inside a training clip."""

    file: str
    start: float
    end: float
    session: str

    @property
    def seconds(self) -> float:
        return self.end - self.start

    def samples(self) -> Samples:
        first, last = int((self.start + _MP3_SHIFT) * RATE), int((self.end + _MP3_SHIFT) * RATE)
        cut = _decoded("speech-train", self.file)[first:last].astype(np.float32) / 32768
        return faded(cut)


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker of speech-train."""

    name: str
    corpus: str
    runs: tuple[Run, ...]

    @property
    def seconds(self) -> float:
        return sum(run.seconds for run in self.runs)

    @property
    def sessions(self) -> list[str]:
        return sorted({run.session for run in self.runs})

    def of_session(self, session: str) -> Voice:
        return Voice(self.name, self.corpus, tuple(run for run in self.runs if run.session == session))


def faded(cut: Samples) -> Samples:
    """In and out, so that nothing clicks."""
    fade = np.minimum(1, np.arange(len(cut), dtype=np.float32) / _FADE)
    return cut * fade * fade[::-1]


@functools.lru_cache(maxsize=4096)
def _decoded(corpus: str, file: str) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    samples = audio.load(audio.SHARED / corpus / file)
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)


def voices(part: Part) -> list[Voice]:
    """The speakers of that part, in the manifest's order."""
    runs: dict[str, list[Run]] = defaultdict(list)
    corpus: dict[str, str] = {}
    for entry in audio.manifest("speech-train"):
        corpus[entry["speaker"]] = entry["corpus"]
        start: float | None = None
        for first, last, _ in entry["parts"]:
            start = first if start is None else start
            if last - start >= _LEAST_RUN:
                runs[entry["speaker"]].append(Run(entry["file"], start, last, entry["session"]))
                start = None
    judged: set[str] = set()
    for name in dict.fromkeys(corpus.values()):
        judged |= _judged(speaker for speaker in corpus if corpus[speaker] == name)
    of_part = {name: found for name, found in runs.items() if (name in judged) == (part == "judge")}
    return [Voice(name, corpus[name], tuple(found)) for name, found in of_part.items()]


def noises(part: Part) -> dict[str, list[str]]:
    """Files of noise-train by kind, those of that part."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for entry in audio.manifest("noise-train"):
        kinds[entry["kind"]].append(entry["file"])
    chosen = {kind: _judged(files) for kind, files in kinds.items()}
    of_part = {
        kind: [file for file in files if (file in chosen[kind]) == (part == "judge")] for kind, files in kinds.items()
    }
    return {kind: files for kind, files in of_part.items() if files}


def _judged(names: Iterable[str]) -> set[str]:
    """The names that are for judging: drawn by their hash, so that it does not matter what else there is."""
    ordered = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    return set(ordered[: round(len(ordered) / _JUDGED)]) if len(ordered) >= _JUDGED else set()


def quarters(names: Iterable[str]) -> dict[str, int]:
    """0 to 3 for each name, as many of each: what is fitted on three quarters is chosen by the fourth."""
    ordered = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    return {name: place % QUARTERS for place, name in enumerate(ordered)}


def noise(file: str) -> Samples:
    """A recording of noise-train at an active level of 1 (root mean square of its louder half)."""
    samples = _decoded("noise-train", file).astype(np.float32) / 32768
    return samples / max(active_level(samples), 1e-6)


def active_level(samples: Samples) -> float:
    """Root mean square over the louder half of the 20 ms blocks within 30 dB of the loudest."""
    blocks = samples[: len(samples) // 320 * 320].reshape(-1, 320)
    if len(blocks) == 0:
        return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0
    power = (blocks**2).mean(axis=1)
    return float(np.sqrt(power[power >= power.max() * 1e-3].mean())) if power.max() > 0 else 0.0
