"""The building blocks of a simulated scene: people who talk, rooms, noises; laid on one time line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from training import audio, sound, sources
from training.sound import Colour
from training.sources import Run, Voice
from undertone.diarize.local.fbank import RATE, Samples

SECONDS: Final = 60
# Corpora are drawn by weight, else Mandarin readers of English would be half of everybody; strings of single words
# are the least like speech in a room.
_CORPUS_WEIGHT: Final = {
    "speechocean762": 30,
    "LibriSpeech": 16,
    "Malayalam Speech Corpus": 14,
    "Alphanumeric Audio Dataset": 12,
    "Nabu Casa voice datasets": 8,
    "EmoDB": 5,
    "VCTK": 5,
    "Speech Commands": 5,
    "Arabic Speech Commands": 3,
    "Free Spoken Digit Dataset": 1,
    "CREMA-D": 1,
    "repository author": 1,
}
_STEADY: Final = ("rain", "traffic", "machine", "fan", "office", "water", "music", "sea", "helicopter", "shaped")
SUDDEN: Final = (
    *("door", "dog", "furniture", "paper", "keys", "bell", "kitchen", "handling", "clock", "phone", "cough", "sneeze"),
    *("interface", "steps", "eating", "animals", "clap", "rooster"),
)
SPEECH_LEVEL: Final = sound.gain(-26)
_LIVELY: Final = 0.2  # share of scenes without a room of their own that get one for everybody


@dataclass(slots=True)
class Scene:
    kind: str
    seed: int
    samples: Samples
    speakers: list[str] = field(default_factory=list)
    corpora: list[str] = field(default_factory=list)
    segments: list[tuple[float, float, int]] = field(default_factory=list)  # start, end in seconds, speaker
    level_db: float | None = None
    noises: list[str] = field(default_factory=list)  # files

    @property
    def second_seconds(self) -> float:
        return sum(end - start for start, end, speaker in self.segments if speaker > 0)


class Stage:
    """What a scene is built with; its random choices follow from kind and seed."""

    def __init__(self, voices: list[Voice], noises: dict[str, list[str]], kind: str, seed: list[int]) -> None:
        self._voices = voices
        self._noises = noises
        self._kind = kind
        self._random = np.random.default_rng(seed)
        self._length = SECONDS * RATE
        self._tracks: list[Samples] = []
        self._scene = Scene(kind, seed[0], np.zeros(0, np.float32))
        self._microphone: Colour = np.zeros(0)
        self.delay = 0  # samples by which coding has moved the sound behind its truth

    def _second(self) -> tuple[float, float]:
        seconds = float(self._random.choice([20, 10, 5, 3, 2], p=[0.15, 0.25, 0.25, 0.2, 0.15]))
        return seconds, float(self._random.choice([0, -6, -12, -16, -20], p=[0.3, 0.3, 0.2, 0.1, 0.1]))

    def _two(self, seconds: float, level: float, rooms: list[Samples | None] | None = None) -> None:
        turns = int(self._random.integers(1, 4)) if seconds >= 5 else 1
        blocks: list[tuple[int, float]] = [(0, self._random.uniform(4, 14))]
        for _ in range(turns):
            blocks += [(1, seconds / turns), (0, self._random.uniform(3, 10))]
        self._talk(blocks, self._cast(2, 8), level=level, rooms=rooms)

    def _cast(self, count: int, seconds: float) -> list[Voice]:
        """Different speakers, the first with enough speech; mostly of one corpus."""
        main = self._weighted([voice for voice in self._voices if voice.seconds >= seconds])
        cast = [main]
        while len(cast) < count:
            near = self._random.random() < 0.65
            pool = [v for v in self._voices if v not in cast and (not near or v.corpus == main.corpus)]
            cast.append(self._weighted(pool) if pool else self._weighted([v for v in self._voices if v not in cast]))
        return cast

    def _weighted(self, pool: list[Voice]) -> Voice:
        corpora = sorted({voice.corpus for voice in pool})
        weights = np.array([_CORPUS_WEIGHT[corpus] for corpus in corpora], float)
        corpus = corpora[int(self._random.choice(len(corpora), p=weights / weights.sum()))]
        return self._pick([voice for voice in pool if voice.corpus == corpus])

    def _pick(self, pool: list[Voice]) -> Voice:
        return pool[int(self._random.integers(len(pool)))]

    def _talk(
        self,
        blocks: list[tuple[int, float]],
        cast: list[Voice],
        pause: float = 0.9,
        *,
        level: float = 0.0,
        rooms: list[Samples | None] | None = None,
        colours: list[Colour] | None = None,
        moods: bool = False,
        hasty: float = 0.0,
    ) -> None:
        """The blocks (who, seconds of speech) one after the other, `pause` seconds apart on average.

        With `moods` each is spoken in a mood of its own; `hasty` is the share that begins before the last has ended.
        """
        self._microphone = sound.microphone(self._random)
        self._scene.speakers, self._scene.corpora = [v.name for v in cast], [v.corpus for v in cast]
        self._scene.level_db = level if len(cast) > 1 else None
        tracks = [np.zeros(self._length, np.float32) for _ in cast]
        queues = [self._queue(voice) for voice in cast]
        at = float(self._random.uniform(0.1, max(0.2, pause)))
        for who, seconds in blocks:
            spoken = 0.0
            mood = sound.Mood.drawn(self._random) if moods else None
            while spoken < seconds and at < SECONDS - 0.5:
                laid = self._lay(tracks[who], queues[who](), at, who, mood)
                spoken += laid
                at += laid + float(self._random.exponential(0.35)) + 0.12
            at += float(self._random.exponential(pause))
            if self._random.random() < hasty:
                at = max(0.1, at - pause - self._random.uniform(0.3, 1.2))
        if rooms is None and self._random.random() < _LIVELY:
            rooms = [self._room(far=False)] * len(cast)
        for who, track in enumerate(tracks):
            if rooms is not None and rooms[who] is not None:
                track = sound.in_room(track, rooms[who])
            track = sound.through(track, colours[who] if colours else self._microphone)
            loud = sources.active_level(track)
            if loud > 0:
                track *= SPEECH_LEVEL / loud * sound.gain(level + self._random.normal(0, 1.5) if who else 0)
            self._tracks.append(track)

    def _add(self, cast: list[Voice], blocks: list[tuple[int, float]], level: float, at: float) -> None:
        """A second voice from `at` on, over what is there."""
        track = np.zeros(self._length, np.float32)
        queue = self._queue(cast[0])
        for _, seconds in blocks:
            spoken = 0.0
            while spoken < seconds and at < SECONDS - 0.5:
                laid = self._lay(track, queue(), at, 1)
                spoken += laid
                at += laid + float(self._random.exponential(0.3))
        self._join(track, cast[0], level)

    def _join(self, track: Samples, voice: Voice, level: float) -> None:
        """Through a microphone of its own and at that level against the main voice."""
        track = sound.through(track, self._other_microphone())
        track *= SPEECH_LEVEL / max(sources.active_level(track), 1e-6) * sound.gain(level)
        self._tracks.append(track)
        self._scene.speakers.append(voice.name)
        self._scene.corpora.append(voice.corpus)
        self._scene.level_db = level

    def _other_microphone(self) -> Colour:
        return sound.microphone(self._random, 1.0)

    def _queue(self, voice: Voice):  # type: ignore[no-untyped-def]
        order: list[Run] = []

        def following() -> Run:
            if not order:
                order.extend(voice.runs[int(index)] for index in self._random.permutation(len(voice.runs)))
            return order.pop()

        return following

    def _lay(self, track: Samples, run: Run, at: float, who: int, mood: sound.Mood | None = None) -> float:
        """Seconds that the run takes; as much as fits is heard."""
        samples = run.samples()
        if mood is not None:
            samples = mood(samples)
        seconds = len(samples) / RATE
        first = int(at * RATE)
        samples = samples[: len(track) - first] * sound.gain(self._random.normal(0, 1))
        track[first : first + len(samples)] += samples
        self._scene.segments.append((at, at + len(samples) / RATE, who))
        return seconds

    def _room(self, far: bool) -> Samples:
        if far:
            return sound.room(self._random, self._random.uniform(0.3, 0.8), self._random.uniform(-4, 3))
        return sound.room(self._random, self._random.uniform(0.2, 0.6), self._random.uniform(2, 10))

    def _bed(self) -> Samples:
        return sound.room_tone(self._random, self._length) * sound.gain(self._random.uniform(-70, -52))

    def _disturb(self, level: float, both: bool = False) -> None:
        """Noise at so many dB against speech: steady, sudden or typing."""
        choice = self._random.random()
        if choice < 0.5 or both:
            self._steady(level)
        if choice >= 0.5 and choice < 0.8:
            self._sudden(level + 4, list(SUDDEN), self._random.integers(4, 14))
        if choice >= 0.8 or (both and choice > 0.4):
            self._typing(level + 2)

    def _steady(self, level: float) -> None:
        piece = self._recording(list(_STEADY))
        times = -(-self._length // len(piece)) + 1
        start = int(self._random.integers(len(piece)))
        self._tracks.append(np.tile(piece, times)[start : start + self._length] * SPEECH_LEVEL * sound.gain(level))

    def _sudden(self, level: float, kinds: list[str], count: int) -> None:
        track = np.zeros(self._length, np.float32)
        chosen = [str(kind) for kind in self._random.choice(kinds, size=min(3, len(kinds)), replace=False)]
        for _ in range(count):
            piece = self._recording(chosen)[: 6 * RATE]
            at = int(self._random.integers(self._length - RATE))
            piece = piece[: self._length - at] * sound.gain(self._random.normal(0, 3))
            track[at : at + len(piece)] += piece
        self._tracks.append(track * SPEECH_LEVEL * sound.gain(level))

    def _typing(self, level: float) -> None:
        track = np.zeros(self._length, np.float32)
        piece = self._recording(["typing"])
        keys = [piece[at : at + RATE // 8] for at in range(0, max(1, len(piece) - RATE // 8), RATE // 6)]
        at = self._random.uniform(0, 5)
        while at < SECONDS - 1:
            for _ in range(int(self._random.integers(3, 25))):
                key = keys[int(self._random.integers(len(keys)))] * sound.gain(self._random.normal(0, 2))
                first = int(at * RATE)
                key = key[: self._length - first]
                track[first : first + len(key)] += key
                at += float(self._random.gamma(4, 0.04))
                if at > SECONDS - 0.5:
                    break
            at += float(self._random.exponential(4))
        self._tracks.append(track * SPEECH_LEVEL * sound.gain(level))

    def _recording(self, kinds: list[str]) -> Samples:
        kind = str(self._random.choice([kind for kind in kinds if kind in self._noises]))
        files = self._noises[kind]
        file = files[int(self._random.integers(len(files)))]
        self._scene.noises.append(file)
        return sources.noise(file)

    def _coded(self, samples: Samples) -> Samples:
        rate, kbps = [(44_100, 32), (48_000, 32), (44_100, 64), (48_000, 64)][int(self._random.integers(4))]
        self.delay = round(audio.DELAY * RATE / rate)
        decoded = audio.decode(audio.encode(samples, rate, kbps), rate)
        return decoded[: len(samples)]
