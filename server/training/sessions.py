"""Exams of speakers that nothing was fitted on, window after window with the profile handed on, as a server would.

`make sessions` prints how often a changed voice is claimed in vain, an hour and a window, how many
intrusions are found, and what the profile does for second voices beside the candidate's own.
"""

from __future__ import annotations

import argparse
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from training import cache, desks, exams, sources
from training.accuracy.intervals import wilson
from training.exams import Desk, Exam
from training.profile import ACTED
from training.sources import DOUBTFUL, Part
from undertone.core.verdict import Diarization, Outcome, Verdict, judge
from undertone.diarize.local import profile as profiles
from undertone.diarize.local.engine import LocalDiarizer
from undertone.diarize.local.fbank import Samples

EXAMS: Final = 60
SEED: Final = 90_000
MINUTES: Final = (10, 20, 30)
T = TypeVar("T")
_ACCUSED: Final = (Outcome.MULTIPLE_VOICES, Outcome.VOICE_CHANGED)


@dataclass(frozen=True, slots=True)
class Played:
    """One window of an exam, as it was meant and as it was judged."""

    exam: int
    number: int
    corpus: str
    kind: exams.Kind
    fresh: bool  # the candidate says what was not heard before in this exam
    other_seconds: float
    known: bool  # the profile was established before
    verdict: Verdict
    alone: Verdict  # what it would be without a profile

    @property
    def innocent(self) -> bool:
        return self.kind in ("quiet", "candidate")


def sessions(numbers: Sequence[int], part: Part = "judge", engine: LocalDiarizer | None = None) -> list[Played]:
    """Every window of those exams, in order. Observations are kept on disk."""
    engine = engine or LocalDiarizer()
    return [window for number in numbers for window in _play(number, part, engine)]


def clear(count: int, part: Part) -> list[int]:
    """The numbers of the first `count` exams, without those of somebody who may be two people."""
    return [number for number in range(count) if not DOUBTFUL & {voice.name for voice in exam_of(number, part).cast}]


def exam_of(number: int, part: Part) -> Exam:
    """Half of the exams are without intrusions, the others hold two to five."""
    random = np.random.default_rng([SEED + number, 41])
    minutes = int(random.choice(MINUTES))
    intrusions = int(random.integers(2, 3 + minutes // 10)) if number % 2 else 0
    return exams.exam(part, SEED + number, desks.pool(part), minutes, intrusions)


def _play(number: int, part: Part, engine: LocalDiarizer) -> Iterator[Played]:
    exam = exam_of(number, part)
    profile: bytes | None = None
    for place, script in enumerate(exam.scripts):
        known = profiles.read(profile).candidate is not None
        if script.kind == "quiet":  # minutes in which nobody speaks are left out: other figures judge those
            continue
        looks = _Looks(exam, number, place, part, engine)
        heard = looks.judged(profile)
        profile = heard.profile
        yield Played(
            exam=number,
            number=place,
            corpus=exam.cast[0].corpus,
            kind=script.kind,
            fresh=script.fresh,
            other_seconds=script.seconds(1),
            known=known,
            verdict=judge(heard),
            alone=judge(looks.judged()),
        )


@dataclass(frozen=True, slots=True)
class _Looks:
    """What the networks say of one window, kept on disk."""

    exam: Exam
    number: int
    place: int
    part: Part
    engine: LocalDiarizer

    def judged(self, profile: bytes | None = None) -> Diarization:
        where = desks.folder(f"exams-{self.part}")
        name = f"{self.number:04d}-{self.place:02d}"
        seen = cache.look(where / f"{name}.npz", lambda: self.engine.observe(self._sound()))
        again = functools.partial(cache.second_look, where, name, self.engine.observe, self._sound)
        return self.engine.decide(seen, exams.SECONDS * 1000, profile, again=again)

    def _sound(self) -> Samples:
        # A desk for each window, that one may be made without those before it; the desk's own things are the same.
        desk = Desk(sources.noises(self.part), [self.exam.seed, 7])
        return desk.window(self.exam.scripts[self.place].said, self.place)


def report(played: Sequence[Played], minutes: int) -> None:
    """Prints all figures; `minutes` counts those in which nobody speaks, too."""
    hours = minutes / 60
    innocent = [window for window in played if window.innocent]
    claimed = [window for window in innocent if window.verdict.outcome is Outcome.VOICE_CHANGED]
    acted = [window for window in claimed if window.corpus in ACTED]
    print(f"{len({window.exam for window in played})} exams, {hours:.1f} hours, {len(played)} windows with speech")
    within = len({window.exam for window in claimed})
    print(f"a changed voice claimed in vain: {len(claimed)} windows ({len(acted)} of actors) in {within} exams")
    print(f"  windows an hour: {len(claimed) / hours:.3f}")
    print(f"  in windows with words not heard before, profile established: {_share(_fresh(innocent), _is_changed)}")
    for window in claimed:
        print(f"    exam {window.exam}, window {window.number}, {window.corpus}: {window.verdict.confidence}")
    print("somebody else alone, profile established:")
    alone = [window for window in played if window.kind == "alone" and window.known]
    for low, high in ((0, 5), (5, 8), (8, 60), (5, 60)):
        chosen = [window for window in alone if low <= window.other_seconds < high]
        print(f"  {low} to {high} s: {_share(chosen, _is_changed)}")
    for corpus in sorted({window.corpus for window in alone}):
        chosen = [window for window in alone if window.corpus == corpus and window.other_seconds >= 5]
        print(f"    5 s and more, {corpus}: {_share(chosen, _is_changed)}")
    print("second voices beside the candidate: found with a profile; without")
    for kind in ("together", "border"):
        chosen = [window for window in played if window.kind == kind and window.known]
        print(f"  {kind} (windows): {_share(chosen, _accused)}; {_share(chosen, _accused_alone)}")
    crossed = _crossings(played)
    print(f"  borders (either window): {_share(crossed, lambda pair: any(map(_accused, pair)))}")
    print(f"    without a profile: {_share(crossed, lambda pair: any(map(_accused_alone, pair)))}")
    print(f"several voices claimed in vain: {_share(innocent, _is_several)}; {_share(innocent, _accused_alone)}")


def _crossings(played: Sequence[Played]) -> list[tuple[Played, Played]]:
    border = [window for window in played if window.kind == "border" and window.known]
    return [
        (one, two) for one, two in itertools.pairwise(border) if one.exam == two.exam and two.number == one.number + 1
    ]


def _fresh(windows: Sequence[Played]) -> list[Played]:
    return [window for window in windows if window.fresh and window.known]


def _is_changed(window: Played) -> bool:
    return window.verdict.outcome is Outcome.VOICE_CHANGED


def _is_several(window: Played) -> bool:
    return window.verdict.outcome is Outcome.MULTIPLE_VOICES


def _accused(window: Played) -> bool:
    return window.verdict.outcome in _ACCUSED


def _accused_alone(window: Played) -> bool:
    return window.alone.outcome in _ACCUSED


def _share(windows: Sequence[T], of: Callable[[T], bool]) -> str:
    hits = sum(of(window) for window in windows)
    low, high = wilson(hits, len(windows))
    return f"{hits} of {len(windows)} ({low:.1%} to {high:.1%})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exams", type=int, default=EXAMS, help="how many (default: %(default)s)")
    asked = parser.parse_args()
    numbers = clear(asked.exams, "judge")
    report(sessions(numbers), sum(len(exam_of(number, "judge").scripts) for number in numbers))
    print(f"{asked.exams - len(numbers)} exams of somebody who may be two people are left out")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
