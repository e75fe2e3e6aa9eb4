"""Observations of simulated scenes, kept on disk: an hour of one core, while fitting takes a minute.

The folder is named by what the observations depend on; `VERSION` is raised by hand when a scene or an observation is
made differently.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from training import arrays, audio
from training.simulate import Studio, dealt, plan
from training.stage import Scene
from undertone.diarize.local import models
from undertone.diarize.local.fbank import Samples
from undertone.diarize.local.observation import CELL_SECONDS, Observation, Observer, moved
from undertone.diarize.local.segmentation import Segmentation

Floats = npt.NDArray[np.float32]

VERSION: Final = 5
SEED: Final = 20_000
# Speakers in a scene, at most.
PEOPLE: Final = 4


@dataclass(frozen=True, slots=True)
class Sample:
    """A scene without its sound: what was observed and what is true."""

    seen: Observation
    kind: str
    speakers: tuple[str, ...]
    corpora: tuple[str, ...]
    segments: tuple[tuple[float, float, int], ...]
    level_db: float | None
    quarter: int = 0  # of the voices and noises that it is made of

    @property
    def second_seconds(self) -> float:
        return sum(end - start for start, end, speaker in self.segments if speaker > 0)

    def held(self) -> Floats:
        """[people, cells] who speaks; two cells more than there are."""
        table = np.zeros((PEOPLE, len(self.seen.level) + 2), np.float32)
        for start, end, who in self.segments:
            table[who, int(start / CELL_SECONDS) : int(end / CELL_SECONDS) + 2] = 1
        return table


@functools.cache
def studio(quarter: int) -> Studio:
    """Of that quarter of what may be fitted on."""
    return Studio("fit", quarter)


def folder(what: str = "", version: int = VERSION, by: bytes | None = None) -> Path:
    """Where observations are kept of `what` is made from the training corpora; nothing: of the scenes.

    They are made by the product's networks, or by those that `by` stands for.
    """
    key = hashlib.sha256(models.data(models.MANIFEST) if by is None else by)
    for corpus in ("speech-train", "noise-train"):
        key.update(audio.manifest_sha256(corpus).encode())
    return audio.CACHE / f"{what and what + '-'}v{version}-{key.hexdigest()[:12]}"


def samples(count: int, by: Callable[[int], Observer] | None = None) -> Iterator[Sample]:
    """The first `count` scenes, observed now unless kept, each quarter by its own observer; without, those kept."""
    where = folder()
    where.mkdir(parents=True, exist_ok=True)
    for number, kind, quarter in dealt(plan(count)):
        file = where / f"{number:05d}.npz"
        if not file.exists():
            if by is None:
                continue
            scene = studio(quarter).scene(kind, SEED + number)
            write(file, by(quarter).observe(scene.samples), _truth(scene))
            if number % 50 == 0:
                print(f"observed {number} of {count} scenes", flush=True)
        seen, truth = read(file)
        yield Sample(
            seen=seen,
            kind=truth["kind"],
            speakers=tuple(truth["speakers"]),
            corpora=tuple(truth["corpora"]),
            segments=tuple((start, end, who) for start, end, who in truth["segments"]),
            level_db=truth["level_db"],
            quarter=quarter,
        )


def _truth(scene: Scene) -> dict[str, Any]:
    return {
        "kind": scene.kind,
        "speakers": scene.speakers,
        "corpora": scene.corpora,
        "segments": scene.segments,
        "level_db": scene.level_db,
        "noises": scene.noises,
    }


def write(file: Path, seen: Observation, truth: dict[str, Any]) -> None:
    """An observation with its truth."""
    kept = {
        "speech": seen.segmentation.speech.astype(np.float16),
        "overlap": seen.segmentation.overlap.astype(np.float16),
        "local": seen.segmentation.local.astype(np.float16),
        "chunk": seen.segmentation.chunk,
        "agreed": seen.agreed.astype(np.float16),
        "vad": seen.vad.astype(np.float16),
        "level": seen.level,
        "first": seen.first,
        "cells": seen.cells,
        "voice": seen.voice,
        "truth": np.frombuffer(json.dumps(truth).encode(), np.uint8),
    }
    arrays.keep(file, kept)


def look(file: Path, observe: Callable[[], Observation]) -> Observation:
    """A look at a window, taken now unless it is kept."""
    if not file.exists():
        write(file, observe(), {})
    return read(file)[0]


def second_look(
    folder: Path, name: str, observe: Callable[[Samples], Observation], sound: Callable[[], Samples]
) -> Observation:
    """The second look at a window, beside the first of that name. The sound is asked for only if it is not kept."""
    return look(second_file(folder, name), lambda: observe(moved(sound())))


def second_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.again.npz"


def read(file: Path) -> tuple[Observation, dict[str, Any]]:
    with np.load(file) as kept:
        steps = {name: kept[name].astype(np.float32) for name in ("speech", "overlap", "local")}
        seen = Observation(
            segmentation=Segmentation(chunk=kept["chunk"], **steps),
            agreed=kept["agreed"].astype(np.float32),
            vad=kept["vad"].astype(np.float32),
            level=kept["level"],
            first=kept["first"],
            cells=kept["cells"],
            voice=kept["voice"],
        )
        return seen, json.loads(kept["truth"].tobytes())
