"""Scenes of an exam: minutes with one voice, with several, with none, each with its truth. Same seed, same scenes.

The mix follows what goes wrong in rooms: quiet and far voices, rooms that ring, typing, doors and coughs, telephone
band, acted emotion, two sessions of one speaker, sentences half a second long. Second voices mostly come from the same
corpus as the first, and in turns go through the same microphone: else the microphone would be learned, not the voice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import numpy as np

from training import sound, sources
from training.sources import Part
from training.stage import SECONDS, SUDDEN, Scene, Stage

# Each kind's share, and how many people speak at most.
KINDS: Final = {
    "full": (10, 1),
    "levels": (6, 1),
    "reverb": (12, 1),
    "noise": (18, 1),
    "sparse": (8, 1),
    "sparse_noise": (14, 1),
    "emotion": (16, 1),
    "sessions": (10, 1),
    "cough": (8, 1),
    "telephone": (8, 1),
    "noise_only": (10, 0),
    "exam": (16, 1),
    "turns": (38, 2),
    "far": (12, 2),
    "overlap": (22, 2),
    "two_noise": (14, 2),
    "two_sparse": (14, 2),
    "three": (6, 3),
    "conversation": (20, 4),
}
SHARES: Final = {kind: share for kind, (share, _) in KINDS.items()}


class Studio:
    """Builds scenes; holds the voices and noises of one part, or of a quarter of it."""

    def __init__(self, part: Part, quarter: int | None = None) -> None:
        voices, noises = sources.voices(part), sources.noises(part)
        if quarter is not None:
            of_voice: dict[str, int] = {}
            for corpus in {voice.corpus for voice in voices}:
                of_voice |= sources.quarters(voice.name for voice in voices if voice.corpus == corpus)
            voices = [voice for voice in voices if of_voice[voice.name] == quarter]
            of_noise = {kind: sources.quarters(files) for kind, files in noises.items()}
            noises = {
                kind: [file for file in files if of_noise[kind][file] == quarter] for kind, files in noises.items()
            }
            noises = {kind: files for kind, files in noises.items() if files}
        self.voices = [voice for voice in voices if voice.seconds >= 2.5]
        self.noises = noises

    def scene(self, kind: str, seed: int) -> Scene:
        """The scene of that kind and seed, always the same."""
        return Take(self.voices, self.noises, kind, [seed, list(KINDS).index(kind)]).shoot()


def plan(count: int, shares: Mapping[str, int] = SHARES) -> list[str]:
    """The kinds of so many scenes, each in its share and spread evenly over the list."""
    total = sum(shares.values())
    due = dict.fromkeys(shares, 0.0)
    kinds = []
    for _ in range(count):
        for kind, share in shares.items():
            due[kind] += share / total
        kind = max(due, key=lambda name: due[name])
        due[kind] -= 1
        kinds.append(kind)
    return kinds


def dealt(kinds: Iterable[str]) -> Iterator[tuple[int, str, int]]:
    """Number, kind and quarter of each scene: every quarter gets as many of each kind."""
    turn: Counter[str] = Counter()
    for number, kind in enumerate(kinds):
        yield number, kind, turn[kind] % sources.QUARTERS
        turn[kind] += 1


class Take(Stage):
    """One scene: the kinds, in terms of the building blocks."""

    def shoot(self) -> Scene:
        getattr(self, f"_{self._kind}")()
        mixed = self._bed()
        for track in self._tracks:
            mixed += track
        if self._kind == "telephone" or (self._kind == "conversation" and self._random.random() < 0.5):
            mixed = sound.telephone(mixed)
        mixed *= sound.gain(self._random.uniform(-18, 6))
        mixed /= max(1.0, float(np.abs(mixed).max()) / 0.98)
        if self._random.random() < 0.3:
            mixed = self._coded(mixed)
        self._scene.samples = mixed
        return self._scene

    # Kinds

    def _full(self) -> None:
        self._talk([(0, self._random.uniform(20, 45))], self._cast(1, 12))

    def _levels(self) -> None:
        self._full()
        drift = np.cumsum(self._random.normal(0, 1, SECONDS // 4))
        drift = (drift - drift.mean()) / max(np.abs(drift - drift.mean()).max(), 1e-6) * self._random.uniform(4, 7)
        at = np.linspace(0, self._length, len(drift))
        self._tracks[0] *= (10 ** (np.interp(np.arange(self._length), at, drift) / 20)).astype(np.float32)

    def _reverb(self) -> None:
        response = self._room(far=self._random.random() < 0.4)
        self._talk([(0, self._random.uniform(15, 40))], self._cast(1, 10), rooms=[response])

    def _noise(self) -> None:
        self._talk([(0, self._random.uniform(12, 40))], self._cast(1, 10))
        self._disturb(self._random.choice([-20, -15, -10, -5]))

    def _sparse(self) -> None:
        self._talk([(0, self._random.uniform(2, 6)) for _ in range(self._random.integers(1, 4))], self._cast(1, 5), 12)

    def _sparse_noise(self) -> None:
        self._sparse()
        self._disturb(self._random.choice([-15, -10, -5, 0]))

    def _emotion(self) -> None:
        """Half of it acted, half by other people whose pitch, pace and effort are changed every few sentences."""
        if self._random.random() < 0.5:
            actors = [v for v in self._voices if v.corpus in ("EmoDB", "CREMA-D") and v.seconds > 5]
            self._talk([(0, self._random.uniform(15, 40))], [self._pick(actors)])
            return
        blocks = [(0, self._random.uniform(4, 12)) for _ in range(self._random.integers(2, 6))]
        self._talk(blocks, self._cast(1, 10), 0.5, moods=True)

    def _sessions(self) -> None:
        many = [v for v in self._voices if len(v.sessions) > 1 and v.seconds > 8 and v.corpus != "EmoDB"]
        voice = self._weighted(many)
        halves = [voice.of_session(session) for session in self._random.permutation(voice.sessions)[:2]]
        blocks = [(number % 2, self._random.uniform(5, 15)) for number in range(self._random.integers(2, 5))]
        colours = [sound.microphone(self._random, 1.5) for _ in halves]
        self._talk(blocks, halves, colours=colours)
        self._scene.segments = [(start, end, 0) for start, end, _ in self._scene.segments]
        self._scene.speakers, self._scene.corpora = [voice.name], [voice.corpus]

    def _cough(self) -> None:
        self._talk([(0, self._random.uniform(10, 40))], self._cast(1, 8))
        self._sudden(self._random.uniform(-12, 3), ["cough", "sneeze"], self._random.integers(3, 9))

    def _telephone(self) -> None:
        self._full()

    def _noise_only(self) -> None:
        self._disturb(self._random.uniform(-20, 0), both=True)
        self._sudden(self._random.uniform(-15, 0), list(SUDDEN), self._random.integers(2, 12))

    def _exam(self) -> None:
        if self._random.random() < 0.7:
            self._sparse()
        self._sudden(self._random.uniform(-20, -2), list(SUDDEN), self._random.integers(1, 8))
        if self._random.random() < 0.7:
            self._typing(self._random.uniform(-22, -6))
        if self._random.random() < 0.3:
            self._steady(self._random.uniform(-25, -10))

    def _turns(self) -> None:
        self._two(*self._second())

    def _far(self) -> None:
        level = float(self._random.choice([-3, -6, -12, -16, -20]))
        self._two(self._second()[0], level, rooms=[None, self._room(far=True)])

    def _overlap(self) -> None:
        level = float(self._random.choice([0, -3, -6, -9, -12]))
        main, other = self._cast(2, 12)
        self._talk([(0, self._random.uniform(25, 45))], [main])
        seconds = float(self._random.choice([3, 5, 10, 15]))
        spoken = self._scene.segments
        where = spoken[int(self._random.integers(len(spoken)))][0] + 0.3
        self._add([other], [(0, seconds)], level, at=where)

    def _two_noise(self) -> None:
        seconds, level = self._second()
        self._two(seconds, max(level, -8))
        self._disturb(self._random.choice([-20, -15, -10, -6]))

    def _two_sparse(self) -> None:
        level = float(self._random.choice([0, -3, -6, -12]))
        seconds = self._random.uniform(2, 8)
        blocks = [(0, self._random.uniform(3, 10)), (1, seconds)]
        if self._random.random() < 0.5:
            blocks.append((0, self._random.uniform(2, 4)))
        self._talk(blocks, self._cast(2, 5), 8, level=level)
        if self._random.random() < 0.4:
            self._sudden(self._random.uniform(-20, -6), list(SUDDEN), self._random.integers(1, 6))
        if self._random.random() < 0.4:
            self._typing(self._random.uniform(-24, -10))

    def _three(self) -> None:
        blocks = [(int(who), float(self._random.uniform(2, 8))) for who in self._random.permutation([0, 1, 0, 2, 0, 1])]
        self._talk(blocks, self._cast(3, 5), level=float(self._random.choice([0, -6])))

    def _conversation(self) -> None:
        """Two to four people with short turns who now and then begin before the other has ended."""
        people = int(self._random.choice([2, 3, 4], p=[0.7, 0.2, 0.1]))
        blocks: list[tuple[int, float]] = []
        for number in range(int(self._random.integers(6, 22))):
            who = number % 2 if people == 2 else int(self._random.integers(people))
            blocks.append((who, self._random.uniform(0.6, 4)))
        if len({who for who, _ in blocks}) == 1:
            blocks.append(((blocks[0][0] + 1) % people, 2.0))
        level = float(self._random.choice([0, 0, -4, -8]))
        self._talk(blocks, self._cast(people, 6), 0.4, level=level, hasty=0.25)
