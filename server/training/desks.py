"""What the candidate's profile is fitted on: people who sit down at one desk after the other, each for a few windows.

Everybody at a desk is heard through the same microphone, in the same room, beside the same noises: what tells them
apart is the voice. Windows of one person never share a recording, and take other sessions where there are any.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from training import cache, sources
from training.exams import Desk, Mouth, Said, laid
from training.sources import DOUBTFUL, Part, Voice
from undertone.diarize.local.observation import Observation, Observer

# Raised by hand when a desk or an observation is made differently.
VERSION: Final = 2
SEED: Final = 50_000
DESKS: Final = 51
SECONDS: Final = 24
PEOPLE: Final = 5
WINDOWS: Final = 3  # of each person alone
_LEAST_SECONDS: Final = 9.0
# Corpora are drawn by weight: half of all hours are Mandarin readers of English.
_WEIGHT: Final = {"speechocean762": 3, "Alphanumeric Audio Dataset": 3, "Malayalam Speech Corpus": 2, "EmoDB": 1}
_OTHERS: Final = 0.6


@dataclass(frozen=True, slots=True)
class Heard:
    """One observed window, and what is true of it: who speaks (the first longest), from which session."""

    seen: Observation
    desk: int
    speakers: tuple[str, ...]
    session: str
    segments: tuple[tuple[float, float, int], ...]

    @property
    def alone(self) -> bool:
        return len(self.speakers) == 1


def folder(name: str) -> Path:
    """Where observations of that name are kept."""
    where = cache.folder(name, VERSION)
    where.mkdir(parents=True, exist_ok=True)
    return where


def pool(part: Part) -> list[Voice]:
    """Who has enough to say to sit through an exam."""
    return [voice for voice in sources.voices(part) if voice.seconds >= _LEAST_SECONDS and len(voice.runs) >= 3]


def desks(count: int, part: Part = "fit") -> Iterator[list[Heard]]:
    """The windows of the first `count` desks, observed now unless kept."""
    where = folder(f"desks-{part}")
    voices, noises = [voice for voice in pool(part) if voice.name not in DOUBTFUL], sources.noises(part)
    observer: Observer | None = None
    for number in range(count):
        windows = []
        files = sorted(where.glob(f"{number:04d}-*.npz")) if (where / f"{number:04d}.done").exists() else []
        if not files:
            observer = observer or Observer()
            files = _observed(where, number, voices, noises, observer)
            (where / f"{number:04d}.done").touch()
            if number % 20 == 0:
                print(f"observed desk {number} of {count}", flush=True)
        for file in files:
            seen, truth = cache.read(file)
            windows.append(
                Heard(
                    seen=seen,
                    desk=number,
                    speakers=tuple(truth["speakers"]),
                    session=truth["session"],
                    segments=tuple((start, end, who) for start, end, who in truth["segments"]),
                )
            )
        yield windows


def _observed(
    where: Path, number: int, voices: list[Voice], noises: dict[str, list[str]], observer: Observer
) -> list[Path]:
    random = np.random.default_rng([SEED + number, 3])
    desk = Desk(noises, [SEED + number, 5], SECONDS)
    cast = _cast(random, voices)
    mouths = [Mouth(voice, random) for voice in cast]
    files: list[Path] = []

    def keep(said: list[Said], speakers: list[str], session: str) -> None:
        truth: dict[str, Any] = {"speakers": speakers, "session": session}
        truth["segments"] = [(one.at, one.end, one.who) for one in said]
        file = where / f"{number:04d}-{len(files):02d}.npz"
        cache.write(file, observer.observe(desk.window(said)), truth)
        files.append(file)

    for place, (voice, mouth) in enumerate(zip(cast, mouths, strict=True)):
        mouth.turn_page()
        for _ in range(WINDOWS):
            runs, new = mouth.say(float(random.choice([2, 4, 6, 9, 12])))
            if not new and not mouth.turn_page():
                break
            if not new:
                runs, _ = mouth.say(float(random.choice([2, 4, 6, 9])))
            who = 0 if place == 0 else 1
            said = laid(random, who, runs, float(random.uniform(0.2, 3)), SECONDS - 0.5)
            keep(said, [voice.name], runs[0].session)
    for other in (1, 2):
        own, _ = mouths[0].say(float(random.uniform(3, 8)))
        foreign, _ = mouths[other].say(float(random.uniform(1.5, 6)))
        said = laid(random, 0, own, float(random.uniform(0.2, 2)), SECONDS / 2 + 2)
        said += laid(random, 1, foreign, said[-1].end + 0.3 + float(random.exponential(1)), SECONDS - 0.3)
        keep(said, [cast[0].name, cast[other].name], own[0].session)
    return files


def _cast(random: np.random.Generator, voices: list[Voice]) -> list[Voice]:
    """Different people, most of them of the first one's corpus, since strangers to it differ by more than the voice."""
    corpora = sorted({voice.corpus for voice in voices})
    weights = np.array([_WEIGHT.get(corpus, _OTHERS) for corpus in corpora])
    corpus = corpora[int(random.choice(len(corpora), p=weights / weights.sum()))]
    near = [voice for voice in voices if voice.corpus == corpus]
    far = [voice for voice in voices if voice.corpus != corpus]
    of_near = [near[int(at)] for at in random.permutation(len(near))[: PEOPLE - 1]]
    return [*of_near, *(far[int(at)] for at in random.permutation(len(far))[: PEOPLE - len(of_near)])]
