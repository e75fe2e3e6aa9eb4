"""Simulated exams: window after window of one candidate at one desk, with and without somebody else.

A desk has one microphone, one room and its own noises for the whole exam; who speaks at it, how loudly and beside which
noise changes from window to window. What is said comes from recordings not heard before in that exam as long as there
are any, so that a profile is not merely recognised by its own sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from training import sound, sources
from training.sources import Part, Run, Voice
from training.stage import SPEECH_LEVEL, SUDDEN, Stage
from undertone.diarize.local.fbank import RATE, Samples

SECONDS: Final = 60
# Corpora are drawn by weight: half of all speakers are Mandarin readers of English, and a few corpora hold two people.
_WEIGHT: Final = {"speechocean762": 5, "Alphanumeric Audio Dataset": 5, "Malayalam Speech Corpus": 4, "EmoDB": 1.5}
Kind = Literal["quiet", "candidate", "alone", "border", "together"]


@dataclass(frozen=True, slots=True)
class Said:
    """One run of speech in a window, `at` seconds from its start."""

    who: int  # 0 is the candidate
    run: Run
    at: float

    @property
    def end(self) -> float:
        return self.at + self.run.seconds


@dataclass(frozen=True, slots=True)
class Script:
    """A window to be rendered. Of a border, the second voice's words go on in the next window."""

    kind: Kind
    said: tuple[Said, ...]
    fresh: bool  # the candidate says something that was not heard before in this exam

    def seconds(self, who: int) -> float:
        return sum(said.run.seconds for said in self.said if said.who == who)


@dataclass(frozen=True, slots=True)
class Exam:
    seed: int
    cast: tuple[Voice, ...]
    scripts: tuple[Script, ...]


class Desk(Stage):
    """One microphone, one room; renders windows. The same seed gives the same sound."""

    def __init__(self, noises: dict[str, list[str]], seed: Sequence[int], seconds: int = SECONDS) -> None:
        super().__init__([], noises, "desk", [*seed])
        self._seed = seed
        self._length = seconds * RATE
        self._colour = sound.microphone(self._random)
        self._response = self._room(far=False) if self._random.random() < 0.5 else None
        self._gain = sound.gain(self._random.uniform(-12, 4))
        self._tone = self._bed()
        # Half of the desks are quiet; some stand beside a fan or a street all the time.
        self._habit = str(self._random.choice(["quiet", "sudden", "typing", "steady"], p=[0.45, 0.2, 0.2, 0.15]))
        self._steady_level = self._random.uniform(-25, -8)
        self._other_level = float(self._random.choice([0, -3, -6, -10], p=[0.4, 0.25, 0.2, 0.15]))

    def window(self, said: Sequence[Said], number: int | None = None) -> Samples:
        """[n] samples at 16 kHz. With a number the sound does not depend on what was rendered before."""
        if number is not None:
            self._random = np.random.default_rng([*self._seed, number])
        self._tracks = [self._tone]
        for who in sorted({one.who for one in said}):
            self._tracks.append(self._voice([one for one in said if one.who == who], who))
        if self._habit == "steady":
            self._steady(self._steady_level + self._random.normal(0, 2))
        elif self._habit == "sudden" and self._random.random() < 0.7:
            self._sudden(self._random.uniform(-20, -6), list(SUDDEN), int(self._random.integers(1, 6)))
        elif self._habit == "typing" and self._random.random() < 0.7:
            self._sudden(self._random.uniform(-24, -10), ["typing", "handling"], int(self._random.integers(2, 9)))
        mixed: Samples = np.sum(self._tracks, axis=0) * self._gain
        mixed = (mixed / max(1.0, float(np.abs(mixed).max()) / 0.98)).astype(np.float32)
        return self._coded(mixed) if self._random.random() < 0.25 else mixed

    def _voice(self, said: Sequence[Said], who: int) -> Samples:
        track = np.zeros(self._length, np.float32)
        for one in said:
            samples = one.run.samples() * sound.gain(self._random.normal(0, 1))
            first = int(one.at * RATE)
            samples = samples[: len(track) - first]
            track[first : first + len(samples)] += samples
        if self._response is not None:
            track = sound.in_room(track, self._response)
        track = sound.through(track, self._colour)
        # People lean forward and back.
        level = self._random.normal(0, 2.5) + (self._other_level if who else 0)
        return track * SPEECH_LEVEL / max(sources.active_level(track), 1e-6) * sound.gain(level)


@dataclass(slots=True)
class Mouth:
    """A voice that says its recordings in order, chapter after chapter, and only then says them again."""

    voice: Voice
    random: np.random.Generator
    chapters: list[list[Run]] = field(default_factory=list)
    _left: list[Run] = field(default_factory=list)
    _chapter: int = -1

    def __post_init__(self) -> None:
        """A chapter is a session; a voice with one session has two chapters of half its recordings each."""
        for session in self.voice.sessions:
            runs = [run for run in self.voice.runs if run.session == session]
            self.chapters.append([runs[int(at)] for at in self.random.permutation(len(runs))])
        if len(self.chapters) == 1 and len(self.chapters[0]) > 1:
            whole = self.chapters[0]
            self.chapters = [whole[::2], whole[1::2]]

    def turn_page(self) -> bool:
        """To the next chapter; False if there is none, and the last one goes on."""
        if self._chapter + 1 >= len(self.chapters):
            return False
        self._chapter += 1
        self._left = list(self.chapters[self._chapter])
        return True

    def say(self, seconds: float) -> tuple[list[Run], bool]:
        """Runs of about so many seconds, at least one, and whether all of them are new."""
        runs: list[Run] = []
        new = True
        while not runs or sum(run.seconds for run in runs) < seconds:
            if not self._left:
                new = False
                chapter = self.chapters[self._chapter]
                self._left = [chapter[int(at)] for at in self.random.permutation(len(chapter))]
            runs.append(self._left.pop())
        return runs, new


def laid(random: np.random.Generator, who: int, runs: Sequence[Run], at: float, until: float) -> list[Said]:
    """The runs one after the other with breaths between them, as far as there is room."""
    said = []
    for run in runs:
        if at + run.seconds > until and said:
            break
        said.append(Said(who, run, at))
        at += run.seconds + 0.12 + float(random.exponential(0.3))
    return said


def exam(part: Part, seed: int, pool: Sequence[Voice], minutes: int, intrusions: int) -> Exam:
    """A candidate of the pool, so many minutes, so many windows with somebody else: alone, at a border, in between."""
    random = np.random.default_rng([seed, 31, part == "judge"])
    corpora = sorted({voice.corpus for voice in pool})
    weights = np.array([_WEIGHT.get(corpus, 1.0) for corpus in corpora])
    corpus = corpora[int(random.choice(len(corpora), p=weights / weights.sum()))]
    of_corpus = [voice for voice in pool if voice.corpus == corpus]
    main = of_corpus[int(random.integers(len(of_corpus)))]
    near = [voice for voice in pool if voice.name != main.name and voice.corpus == main.corpus]
    far = [voice for voice in pool if voice.name != main.name]
    chosen = near if near and random.random() < 0.75 else far
    other = chosen[int(random.integers(len(chosen)))]
    mouth, helper = Mouth(main, random), Mouth(other, random)
    mouth.turn_page()
    helper.turn_page()
    # A chapter's turn comes when the profile has long been made.
    pages = {int(minutes * share) for share in np.linspace(0, 1, len(mouth.chapters), endpoint=False)[1:]}
    # Every other minute: a border takes two.
    free = np.arange(6, minutes - 1, 2)
    places = sorted(random.choice(free, size=min(intrusions, len(free)), replace=False)) if intrusions else []
    what = {int(place): str(random.choice(["alone", "border", "together"], p=[0.6, 0.2, 0.2])) for place in places}
    scripts: list[Script] = []
    while len(scripts) < minutes:
        if len(scripts) in pages:
            mouth.turn_page()
        kind = what.get(len(scripts), "candidate" if random.random() < 0.65 else "quiet")
        scripts += _scripts(kind, random, mouth, helper)
    return Exam(seed, (main, other), tuple(scripts))


def _scripts(kind: str, random: np.random.Generator, mouth: Mouth, helper: Mouth) -> Iterator[Script]:
    if kind == "quiet":
        yield Script("quiet", (), fresh=False)
    elif kind == "candidate":
        yield _alone("candidate", random, 0, *mouth.say(float(random.choice([2, 4, 8, 15]))))
    elif kind == "alone":
        runs, _ = helper.say(float(random.choice([3, 5, 8, 12])))
        yield _alone("alone", random, 1, runs, new=False)
    elif kind == "together":
        own, new = mouth.say(float(random.uniform(3, 8)))
        runs, _ = helper.say(float(random.uniform(2, 12)))
        said = laid(random, 0, own, float(random.uniform(1, 8)), 30)
        start = said[-1].end + float(random.exponential(1.5)) + 0.2
        yield Script("together", (*said, *laid(random, 1, runs, start, SECONDS - 1)), new)
    else:
        yield from _border(random, mouth, helper)


def _alone(kind: Kind, random: np.random.Generator, who: int, runs: Sequence[Run], new: bool) -> Script:
    seconds = sum(run.seconds + 0.5 for run in runs)
    start = float(random.uniform(0.2, max(0.3, SECONDS - 1 - seconds)))
    said = laid(random, who, runs, start, SECONDS - 0.5)
    if len(said) > 2 and random.random() < 0.5:  # said in two breaths
        half = len(said) // 2
        later = float(random.uniform(0, max(0.0, SECONDS - 1 - said[-1].end)))
        said = [*said[:half], *(Said(one.who, one.run, one.at + later) for one in said[half:])]
    return Script(kind, tuple(said), new)


def _border(random: np.random.Generator, mouth: Mouth, helper: Mouth) -> Iterator[Script]:
    """The candidate in both windows; the other from the end of the first into the beginning of the second."""
    runs, _ = helper.say(float(random.uniform(3, 5)))
    whole = laid(random, 1, runs, 0.0, 6.5)
    length = whole[-1].end
    before = length * float(random.uniform(0.4, 0.6))
    own, new = mouth.say(float(random.uniform(3, 6)))
    first = laid(random, 0, own, float(random.uniform(1, 20)), 45)
    yield Script("border", (*first, *_moved(whole, SECONDS - before)), new)
    own, new = mouth.say(float(random.uniform(3, 6)))
    second = laid(random, 0, own, float(random.uniform(8, 20)), SECONDS - 1)
    yield Script("border", (*second, *_moved(whole, -before)), new)


def _moved(said: Sequence[Said], by: float) -> list[Said]:
    """What of it lies in the window once it is moved; a run that the border cuts is cut there."""
    kept = []
    for one in said:
        start, end = max(0.0, one.at + by), min(float(SECONDS), one.end + by)
        if end - start >= 0.3:
            cut = one.run.start + (start - one.at - by)
            kept.append(Said(one.who, Run(one.run.file, cut, cut + end - start, one.run.session), start))
    return kept
