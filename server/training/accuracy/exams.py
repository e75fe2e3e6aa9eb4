"""Whole exams, simulated: somebody sits for 20 to 60 minutes, mostly silent, and now and then is not alone.

Built of events on one time line, a minute at a time: room tone, perhaps a fan or traffic throughout, typing, noises,
the candidate thinking aloud in changing moods, and in some exams somebody else: beside the candidate, in turns, alone
in a minute, or across a window's border. Speakers and noises are of the judging part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from training import sound, sources
from training.accuracy.judging import person
from training.accuracy.windows import Truth
from training.sources import Voice
from training.stage import SECONDS, SUDDEN, Stage
from undertone.diarize.local.fbank import RATE, Samples

SEED: Final = 950_000
_MINUTE: Final = SECONDS * RATE
_SPEECH: Final = sound.gain(-26)
_STEADY: Final = ("rain", "traffic", "machine", "fan", "office", "water", "weather", "shaped")
_CODED: Final = 10  # of so many exams one is heard through MP3
# How the candidates are: utterances a minute, and how many of the candidates are so.
_TALKATIVE: Final = ((0.15, 0.5, 1.5, 3.0), (0.35, 0.3, 0.25, 0.1))
_LEAST_SECONDS: Final = 8.0  # of different speech
KINDS: Final = ("beside", "in turns", "alone", "across a border")
_TAIL: Final = RATE // 2  # of a room's echo


@dataclass(frozen=True, slots=True)
class Intrusion:
    kind: str
    start: float  # seconds, from the exam's start
    end: float
    level_db: float
    known_seconds: float  # of the candidate's speech before it: what a profile could be made of


@dataclass(frozen=True, slots=True)
class Exam:
    number: int
    minutes: int
    intrusions: tuple[Intrusion, ...]


class Sitting(Stage):
    """One exam; the same number gives the same one."""

    def __init__(self, voices: list[Voice], noises: dict[str, list[str]], number: int) -> None:
        super().__init__(voices, noises, "exam", [SEED, number])
        self._number = number
        self._events: list[tuple[int, Samples]] = []  # first sample, sound
        self._segments: list[tuple[float, float, int]] = []
        self._cast_list: list[Voice] = []
        self._intrusions: list[Intrusion] = []
        self._kinds: set[str] = set()
        self._minutes = int(self._random.integers(20, 61))
        self._near = self._room(far=False)
        self._colour = sound.microphone(self._random)
        self._furnish()
        self._people()

    @property
    def exam(self) -> Exam:
        return Exam(self._number, self._minutes, tuple(self._intrusions))

    def truth(self) -> Truth:
        """Of the whole exam."""
        return Truth(
            name=f"exam{self._number:03d}",
            kind="exam",
            seconds=self._minutes * SECONDS,
            people=tuple(person(voice.name) for voice in self._cast_list),
            segments=tuple(sorted(self._segments)),
            noises=tuple(sorted(self._kinds)),
        )

    def minute(self, number: int) -> Samples:
        """[960,000] samples of one minute."""
        self._random = np.random.default_rng([SEED, self._number, number])  # the same whenever it is asked for
        first = number * _MINUTE
        mixed = _stretch(self._bed_piece, first) + _stretch(self._steady_piece, first)
        for at, piece in self._events:
            start, stop = max(at, first), min(at + len(piece), first + _MINUTE)
            if start < stop:
                mixed[start - first : stop - first] += piece[start - at : stop - at]
        mixed = np.clip(mixed * self._gain, -0.98, 0.98)
        return self._coded(mixed) if self._number % _CODED == 0 else mixed

    # The room

    def _furnish(self) -> None:
        self._gain = sound.gain(self._random.uniform(-18, 6))
        # Made in the frequency domain, so its end fits its beginning.
        self._bed_piece = sound.room_tone(self._random, 47 * RATE) * sound.gain(self._random.uniform(-70, -52))
        self._steady_piece = np.zeros(RATE, np.float32)
        if self._random.random() < 0.45:
            loudness = _SPEECH * sound.gain(self._random.uniform(-32, -12))
            self._steady_piece = self._recording(list(_STEADY)) * loudness
        kinds = [str(kind) for kind in self._random.choice(SUDDEN, size=5, replace=False)]
        for _ in range(self._random.poisson(self._random.uniform(0.1, 1.5) * self._minutes)):
            piece = self._recording(kinds)[: 6 * RATE]
            self._put(self._random.uniform(0, self._minutes * SECONDS), piece * _SPEECH, self._random.uniform(-22, 0))
        if self._random.random() < 0.8:
            self._type(self._random.uniform(-24, -8))

    def _type(self, level: float) -> None:
        piece = self._recording(["typing"])
        keys = [piece[at : at + RATE // 8] for at in range(0, max(1, len(piece) - RATE // 8), RATE // 6)]
        at = 0.0
        while at < self._minutes * SECONDS:
            at += float(self._random.exponential(12))
            for _ in range(int(self._random.integers(3, 40))):
                key = keys[int(self._random.integers(len(keys)))]
                self._put(at, key * _SPEECH, level + self._random.normal(0, 2))
                at += float(self._random.gamma(4, 0.04))

    def _put(self, at: float, piece: Samples, level: float) -> None:
        self._events.append((int(at * RATE), (piece * sound.gain(level)).astype(np.float32)))

    def _recording(self, kinds: list[str]) -> Samples:
        kind = str(self._random.choice([kind for kind in kinds if kind in self._noises]))
        self._kinds.add(kind)
        return super()._recording([kind])

    # The people

    def _people(self) -> None:
        # Everybody sits one exam before anybody sits another: figures by speaker need many of them.
        candidates = [voice for voice in self._voices if voice.seconds >= _LEAST_SECONDS]
        order = np.random.default_rng(SEED).permutation(len(candidates))
        self._cast_list = [candidates[int(order[self._number % len(order)])]]
        moody = self._random.random() < 0.4
        planned = self._plan()
        rate = float(self._random.choice(_TALKATIVE[0], p=_TALKATIVE[1]))
        quiet = [(start, end) for _, _, start, end in planned]
        for _ in range(self._random.poisson(rate * self._minutes)):
            at = float(self._random.uniform(0, self._minutes * SECONDS - 12))
            if all(at > end or at + 12 < start for start, end in quiet):
                mood = sound.Mood.drawn(self._random) if moody and self._random.random() < 0.25 else None
                self._say(0, at, self._random.uniform(1.5, 8), mood=mood)
                quiet.append((at, at + 12))
        for kind, at, _, _ in planned:
            self._intrude(kind, at)

    def _plan(self) -> list[tuple[str, float, float, float]]:
        """Intrusions as (kind, when, and the span in which the candidate says nothing but what belongs to it)."""
        if self._random.random() < 0.4:
            return []
        count = int(self._random.integers(1, 4))
        minutes = sorted(self._random.choice(np.arange(3, self._minutes - 2, 3), size=count, replace=False).tolist())
        planned = []
        for minute in minutes:
            kind = KINDS[int(self._random.integers(len(KINDS)))]
            begins = float(minute * SECONDS)
            if kind == "across a border":
                planned.append((kind, begins, begins - SECONDS, begins + SECONDS))
            else:
                planned.append((kind, begins + float(self._random.uniform(8, 30)), begins, begins + SECONDS))
        return planned

    def _intrude(self, kind: str, at: float) -> None:
        near = [voice for voice in self._voices if voice.corpus == self._cast_list[0].corpus]
        pool = near if self._random.random() < 0.65 else self._voices
        pool = [voice for voice in pool if voice not in self._cast_list and voice.seconds >= 5]
        self._cast_list.append(self._weighted(pool or [v for v in self._voices if v not in self._cast_list]))
        who, level = len(self._cast_list) - 1, float(self._random.choice([0, -3, -6, -12]))
        room = self._room(far=self._random.random() < 0.5)
        known = sum(min(end, at) - start for start, end, speaker in self._segments if speaker == 0 and start < at)
        begun = len(self._segments)
        seconds = float(self._random.choice([2, 3, 5, 10]))
        if kind == "across a border":
            self._say(who, at - self._random.uniform(1.2, 2.5), max(seconds, 3.0), level, room)
        elif kind == "alone":
            self._say(who, at, seconds, level, room)
        elif kind == "beside":
            at = self._say(0, at - 6, self._random.uniform(2, 5)) + self._random.uniform(0.3, 3)
            at = self._say(who, at, seconds, level, room) + self._random.uniform(0.3, 3)
            self._say(0, at, self._random.uniform(1, 4))
        else:
            for _ in range(int(self._random.integers(2, 5))):
                at = self._say(0, at, 0.5) + self._random.uniform(0.1, 0.8)
                at = self._say(who, at, 0.5, level, room) + self._random.uniform(0.1, 0.8)
        spoken = [(start, end) for start, end, speaker in self._segments[begun:] if speaker == who]
        self._intrusions.append(Intrusion(kind, spoken[0][0], spoken[-1][1], level, known))

    def _say(
        self,
        who: int,
        at: float,
        seconds: float,
        level: float = 0.0,
        room: Samples | None = None,
        mood: sound.Mood | None = None,
    ) -> float:
        """Runs of the voice until it has spoken so long; returns when it ends."""
        voice, pieces = self._cast_list[who], list[tuple[float, Samples]]()
        start = at
        while at < start + seconds:
            samples = self._run(voice)
            samples = sound.through(mood(samples) if mood else samples, self._colour)
            pieces.append((at, samples))
            self._segments.append((at, at + len(samples) / RATE, who))
            at += len(samples) / RATE + 0.12 + float(self._random.exponential(0.35))
        loud = sources.active_level(np.concatenate([piece for _, piece in pieces]))
        change = level + self._random.normal(0, 2) + (mood.level_db if mood else 0.0)
        for begins, piece in pieces:
            echoing = sound.in_room(np.pad(piece, (0, _TAIL)), self._near if room is None else room)
            self._put(begins, echoing * (_SPEECH / max(loud, 1e-6)), change)
        return self._segments[-1][1]

    def _run(self, voice: Voice) -> Samples:
        return voice.runs[int(self._random.integers(len(voice.runs)))].samples()


def _stretch(piece: Samples, first: int) -> Samples:
    """A minute of a piece played over and over, from that sample of the exam on."""
    return np.take(piece, np.arange(first, first + _MINUTE), mode="wrap")
