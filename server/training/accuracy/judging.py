"""Simulated windows that judge: speakers and noises of the part that nothing was fitted on, hundreds of each rare kind.

speech-dev holds a dozen windows of what is rare: a share of a dozen says little. These are less like a real room than
speech-dev is, so they stand beside it and do not replace it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Final

from training import audio, sound
from training.accuracy.windows import Judged, Listener, Person, Truth
from training.simulate import Studio, Take
from training.sources import Voice
from training.stage import Scene
from undertone.diarize.local.fbank import Samples

# Raised by hand when a scene or an observation is made differently; a look at a few kept scenes tells if that was
# forgotten.
VERSION: Final = 1
# Far from the seeds of training, whose speakers and noises are others besides.
SEED: Final = 900_000
# How many windows of each kind: the rare ones, then what is common.
PLAN: Final = {
    **dict.fromkeys(("overlap", "short_turns", "telephone_conversation", "emotion", "cough"), 300),
    **dict.fromkeys(("noise_5_to_10", "two_noise_5_to_10"), 300),
    **dict.fromkeys(("full", "levels", "reverb", "sparse", "sparse_noise", "sessions"), 60),
    **dict.fromkeys(("telephone", "noise_only", "exam", "far", "two_sparse", "conversation"), 60),
    "turns": 150,
    "three": 45,
}
_ENOUGH: Final = 6  # speakers of a corpus, so that each is drawn as often as those of others
_SHORT: Final = 2.0  # seconds; longer runs are no short turns


class _Take(Take):
    """One scene, with what the tables ask for: noise by kind and level."""

    def __init__(self, voices: list[Voice], noises: dict[str, list[str]], kind: str, seed: list[int]) -> None:
        super().__init__(voices, noises, kind, seed)
        self.noises: set[str] = set()
        self.snr_db: float | None = None

    def shoot(self) -> Scene:
        scene = super().shoot()
        if self._kind == "telephone_conversation":
            scene.samples = sound.telephone(scene.samples)
        return scene

    def _recording(self, kinds: list[str]) -> Samples:
        kind = str(self._random.choice([kind for kind in kinds if kind in self._noises]))
        self.noises.add(kind)
        return super()._recording([kind])

    def _weighted(self, pool: list[Voice]) -> Voice:
        """By corpus as in training, but of a corpus with few speakers none much more often than others."""
        while True:
            voice = super()._weighted(pool)
            alike = sum(other.corpus == voice.corpus for other in pool)
            if self._random.random() < alike / _ENOUGH or alike == len(pool):
                return voice

    def _disturb(self, level: float, both: bool = False) -> None:
        self.snr_db = -float(level)
        super()._disturb(level, both)

    # Kinds that training has no name for

    def _telephone_conversation(self) -> None:
        self._conversation()

    def _short_turns(self) -> None:
        """Two to five words now and then, into the pauses of somebody who talks."""
        main, other = self._cast(2, 10)
        runs = tuple(run for run in other.runs if run.seconds <= _SHORT) or other.runs[:1]
        blocks: list[tuple[int, float]] = [(0, float(self._random.uniform(3, 10)))]
        for _ in range(int(self._random.integers(2, 5))):
            blocks += [(1, 0.5), (0, float(self._random.uniform(2, 8)))]
        self._talk(blocks, [main, Voice(other.name, other.corpus, runs)], 0.5, level=self._level())

    def _noise_5_to_10(self) -> None:
        self._talk([(0, self._random.uniform(12, 40))], self._cast(1, 10))
        self._disturb(self._random.uniform(-10, -5))

    def _two_noise_5_to_10(self) -> None:
        seconds, _ = self._second()
        self._two(seconds, float(self._random.choice([0, -3, -6])))
        self._disturb(self._random.uniform(-10, -5))

    def _level(self) -> float:
        return float(self._random.choice([0, -3, -6, -12]))


class JudgingStudio(Studio):
    """Builds the scenes of PLAN, of the judging part alone."""

    def __init__(self) -> None:
        super().__init__("judge")

    def window(self, kind: str, number: int) -> tuple[Truth, Samples]:
        """The scene of that kind and number, always the same."""
        take = _Take(self.voices, self.noises, kind, [SEED + number, list(PLAN).index(kind)])
        scene = take.shoot()
        level = scene.level_db
        noisy_second = level is not None and take.snr_db is not None
        return Truth(
            name=name(kind, number),
            kind=kind,
            seconds=len(scene.samples) / 16_000,
            people=tuple(person(speaker) for speaker in scene.speakers),
            segments=tuple((float(start), float(end), int(who)) for start, end, who in scene.segments),
            level_db=level,
            second_snr_db=(level or 0.0) + (take.snr_db or 0.0) if noisy_second else None,
            snr_db=take.snr_db,
            noises=tuple(sorted(take.noises)),
        ), scene.samples


def name(kind: str, number: int) -> str:
    return f"{kind}-{number:03d}"


def order(plan: dict[str, int] = PLAN) -> list[tuple[str, int]]:
    """Kind and number of every window; however early it is broken off, each kind has had its share."""
    everything = [(kind, number) for kind, count in plan.items() for number in range(count)]
    return sorted(everything, key=lambda one: (one[1] + 0.5) / plan[one[0]])


def judged(listener: Listener, *, make: bool = True) -> Iterator[Judged]:
    """Every window of the plan, built and observed unless it is kept; without `make` only those that are kept.

    Second looks are taken either way.
    """
    studio = functools.cache(JudgingStudio)
    for place, (kind, number) in enumerate(order()):
        truth = listener.recall(name(kind, number))
        kept = truth is not None
        if truth is None and not make:
            continue
        if truth is None:
            truth, samples = studio().window(kind, number)
            yield listener.judge(truth, lambda samples=samples: samples)
        else:
            yield listener.judge(truth, lambda kind=kind, number=number: studio().window(kind, number)[1])
        if place % 100 == 0 and not kept:
            print(f"observed {place} of {sum(PLAN.values())} windows", flush=True)


def check(listener: Listener, kinds: tuple[str, ...] = ("short_turns", "cough", "turns")) -> None:
    """Raises RuntimeError if kept windows are no longer what would come out."""
    studio: JudgingStudio | None = None
    for kind in kinds:
        if listener.recall(name(kind, 0)) is not None:
            studio = studio or JudgingStudio()
            if not listener.agrees(*studio.window(kind, 0)):
                raise RuntimeError(f"{kind} comes out differently than what is kept: raise VERSION in {__name__}")


@functools.cache
def _people() -> dict[str, Person]:
    return {
        entry["speaker"]: Person(
            entry["speaker"], entry["sex"] or "?", entry["corpus"], entry["language"], entry.get("age")
        )
        for entry in audio.manifest("speech-train")
    }


def person(speaker: str) -> Person:
    """What the manifest knows of a speaker of speech-train."""
    return _people()[speaker]
