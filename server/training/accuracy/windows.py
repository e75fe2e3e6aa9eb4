"""A window with its truth and what the engine said of it: the same for real, simulated and exam windows."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from training import cache
from training.sources import DOUBTFUL
from undertone.core.verdict import Diarization, Outcome, Verdict, judge
from undertone.diarize.local.engine import LocalDiarizer, silence
from undertone.diarize.local.fbank import RATE, Samples
from undertone.diarize.local.observation import Observation, moved

# People may miss a voice that is hardly above the noise; it is scored apart.
FAINT_DB: Final = 6.0
# A minute with less of the second voice, cut at its edge, is not scored: nobody could say what is right.
EDGE_SECONDS: Final = 0.5
_ALARMS: Final = (Outcome.MULTIPLE_VOICES, Outcome.VOICE_CHANGED)


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    sex: str  # "F", "M" or "?"
    corpus: str
    language: str
    age: int | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """What a window holds."""

    name: str
    kind: str
    seconds: float
    people: tuple[Person, ...]  # the main voice first
    segments: tuple[tuple[float, float, int], ...]  # start, end in seconds, place in `people`
    level_db: float | None = None  # the loudest other voice against the main one
    second_snr_db: float | None = None  # the second voice above the noise around it
    snr_db: float | None = None  # the main voice above the noise laid under it, as intended
    noises: tuple[str, ...] = ()  # kinds, without room tone

    @property
    def second_seconds(self) -> float:
        """All speech that is not the main voice's."""
        return sum(end - start for start, end, who in self.segments if who > 0)

    @property
    def others(self) -> tuple[Person, ...]:
        """Everybody but the main voice who speaks in it."""
        return tuple(self.people[who] for who in sorted({who for _, _, who in self.segments if who > 0}))

    @property
    def faint(self) -> bool:
        return self.second_snr_db is not None and self.second_snr_db < FAINT_DB

    @property
    def doubtful(self) -> bool:
        """Somebody in it may be two people under one name: then nobody knows what is right."""
        return any(person.name in DOUBTFUL for person in self.people)

    @property
    def edge(self) -> bool:
        return 0 < self.second_seconds < EDGE_SECONDS

    @property
    def cluster(self) -> str:
        """Windows with the same are not independent: the main speaker, or without one the noises."""
        return self.people[0].name if self.people else " ".join(self.noises) or self.name

    def part(self, number: int, start: float, seconds: float) -> Truth:
        """Of one window of a longer recording."""
        inside = tuple(
            (max(begin, start) - start, min(end, start + seconds) - start, who)
            for begin, end, who in self.segments
            if begin < start + seconds and end > start
        )
        return replace(self, name=f"{self.name}-{number}", seconds=seconds, segments=inside)


@dataclass(frozen=True, slots=True)
class Judged:
    truth: Truth
    heard: Diarization
    verdict: Verdict

    @property
    def alarm(self) -> bool:
        return self.verdict.outcome in _ALARMS

    @property
    def unclear(self) -> bool:
        return self.verdict.outcome is Outcome.UNCLEAR

    @property
    def probability(self) -> float:
        """As stated, that anybody besides the main voice speaks."""
        return 0.0 if self.heard.silent else self.heard.second_voice or 0.0

    @property
    def second(self) -> bool:
        return self.truth.second_seconds > 0


class Listener:
    """The local engine; in a folder it keeps what the networks say, so that only the decision is made anew."""

    def __init__(self, folder: Path | None) -> None:
        self.engine = LocalDiarizer()
        self._folder = folder

    def judge(self, truth: Truth, sound: Callable[[], Samples], profile: bytes | None = None) -> Judged:
        """`sound` is asked for only if what is needed is not kept under the truth's name."""
        if self._folder is None:
            heard = self.engine.listen(sound(), profile)
        else:
            heard = self._decide(self._kept(truth.name) or self._keep(truth, sound()), sound, profile)
        return Judged(truth, heard, judge(heard))

    def _decide(self, kept: _Kept, sound: Callable[[], Samples], profile: bytes | None) -> Diarization:
        if kept.seen is None:
            return silence(profile)
        assert self._folder is not None
        again = functools.partial(cache.second_look, self._folder, kept.truth.name, self.engine.observe, sound)
        return self.engine.decide(kept.seen, kept.duration_ms, profile, again=again)

    def recall(self, name: str) -> Truth | None:
        """The truth of a window that is kept."""
        kept = self._kept(name)
        return kept.truth if kept else None

    def seen(self, name: str) -> Observation | None:
        """What was seen of a window that is kept; nothing if it was silent."""
        kept = self._kept(name)
        return kept.seen if kept else None

    def agrees(self, truth: Truth, samples: Samples) -> bool:
        """What is kept under the truth's name is what these samples give today."""
        kept = self._kept(truth.name)
        if kept is None or kept.truth != truth:
            return False
        if self.engine.is_silent(samples):
            return kept.seen is None
        if kept.seen is None or not _alike(kept.seen, self.engine.observe(samples)):
            return False
        assert self._folder is not None
        again = cache.second_file(self._folder, truth.name)
        return not again.exists() or _alike(cache.read(again)[0], self.engine.observe(moved(samples)))

    def _kept(self, name: str) -> _Kept | None:
        assert self._folder is not None
        silent, file = self._folder / f"{name}.silent.json", self._folder / f"{name}.npz"
        if silent.exists():
            told = json.loads(silent.read_text())
            return _Kept(None, told["duration_ms"], _parsed(told["truth"]))
        if not file.exists():
            return None
        seen, told = cache.read(file)
        return _Kept(seen, told["duration_ms"], _parsed(told["truth"]))

    def _keep(self, truth: Truth, samples: Samples) -> _Kept:
        assert self._folder is not None
        self._folder.mkdir(parents=True, exist_ok=True)
        told = {"duration_ms": len(samples) * 1000 // RATE, "truth": asdict(truth)}
        if self.engine.is_silent(samples):
            (self._folder / f"{truth.name}.silent.json").write_text(json.dumps(told))
        else:
            cache.write(self._folder / f"{truth.name}.npz", self.engine.observe(samples), told)
        kept = self._kept(truth.name)
        assert kept is not None
        return kept


@dataclass(frozen=True, slots=True)
class _Kept:
    seen: Observation | None  # nothing of a silent window
    duration_ms: int
    truth: Truth


def _parsed(told: dict[str, Any]) -> Truth:
    told["people"] = tuple(Person(**person) for person in told["people"])
    told["segments"] = tuple((start, end, who) for start, end, who in told["segments"])
    return Truth(**{**told, "noises": tuple(told["noises"])})


def _alike(one: Observation, other: Observation) -> bool:
    """The same partials, and voices that differ by no more than processors do."""
    same = np.array_equal(one.first, other.first) and np.array_equal(one.cells, other.cells)
    return same and np.allclose(one.voice, other.voice, atol=0.02 * np.abs(one.voice).max(initial=1.0))
