"""Several engines as one: the next where one fails, or the second where the first would alarm."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import anyio

from undertone.core.verdict import ALARMS, Diarization, Outcome, Verdict, judge
from undertone.diarize.base import Clip
from undertone.diarize.specification import KNOWS_VOICES
from undertone.worker.ears import AnalysisFailed, Ear, printable

log = logging.getLogger(__name__)

# Once or twice is a line that broke.
TIMES_AWAY: Final = 3
# So long an ear rests: verdicts are late for one window in half a minute, and an end of the outage is seen as soon.
REST_S: Final = 30.0


def _nobody_waits() -> None:
    """Before a loop says who does."""


@dataclass(slots=True)
class _Record:
    """How an ear does: how often in a row it was away, why the last time, and until when it is left alone.

    A vendor that never answers would make every verdict late by a window's whole time. After the rest one window finds
    out how it does. What fails over its clip says nothing of the ear.
    """

    name: str
    away: int = 0
    reason: str = ""
    rests_until: float = 0.0

    @property
    def rests(self) -> bool:
        """Whether it is left alone, but for a window now and then."""
        return self.away >= TIMES_AWAY

    @property
    def not_asked(self) -> str:
        """In words for a proctor."""
        return f"{self.name} was not asked, it was away: {self.reason}"

    def may_be_asked(self, now: float) -> bool:
        """By the window that asks this: others wait for what it finds."""
        if now < self.rests_until:
            return False
        if self.rests:
            self.rests_until = now + REST_S
        return True

    def fails(self, failed: AnalysisFailed, now: float, then: str) -> None:
        """Of an outage a line when it begins, not one a window."""
        if not failed.away or not self.away:
            log.warning("%s failed (%s): %s", self.name, failed.reason, then)
        if failed.away:
            self.away += 1
            self.reason = failed.reason
            if self.rests:
                self.rests_until = now + REST_S

    def answers(self) -> None:
        """It is asked as before."""
        if self.away:
            self.away, self.rests_until = 0, 0.0
            log.info("%s answers again", self.name)


class _Chain:
    """What chains have in common: the first ear that does not rest is the one that windows are brought to."""

    def __init__(self, name: str, ears: Sequence[Ear], *, clock: Callable[[], float] = anyio.current_time) -> None:
        self.name = name
        self._ears = ears
        self._clock = clock
        self._records = [_Record(ear.name) for ear in ears]
        self._with = [0 for _ in ears]  # windows
        self._ring: Callable[[], None] = _nobody_waits

    @property
    def _leading(self) -> int:
        last = len(self._ears) - 1
        return next((place for place, record in enumerate(self._records[:last]) if not record.rests), last)

    @property
    def capacity(self) -> int:
        return self._ears[self._leading].capacity

    @property
    def waiting(self) -> int:
        return self._ears[self._leading].waiting

    @property
    def beyond(self) -> int:
        leading = self._leading
        return sum(self._with) - self._with[leading] + self._ears[leading].beyond

    @property
    def per_round(self) -> int:
        """While windows are with a later ear the next may follow them: few at once, so that a pile-up is seen."""
        leading = self._leading
        followed = any(self._with[leading + 1 :])
        return min(ear.per_round for ear in (self._ears[leading:] if followed else self._ears[leading : leading + 1]))

    @property
    def crowded(self) -> bool:
        """A slow ear may have as many waiting as it works on: so it is never idle, and nothing piles up before it."""
        return any(ear.crowded for ear in self._ears) or any(ear.waiting >= ear.capacity for ear in self._ears[1:])

    def on_room(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        for ear in self._ears:
            ear.on_room(ring)

    async def warm(self) -> None:
        async with anyio.create_task_group() as tasks:
            for ear in self._ears:
                tasks.start_soon(ear.warm)

    async def close(self) -> None:
        for ear in self._ears:
            await ear.close()

    @contextlib.contextmanager
    def _brought_to(self, place: int) -> Iterator[None]:
        self._with[place] += 1
        if place:
            self._ring()
        try:
            yield
        finally:
            self._with[place] -= 1


class InTurn(_Chain):
    """`a,b,c`: the next one where the one before fails. The verdict says who answered, and who failed and why.

    An ear that is away again and again is left alone for a while; the last is always asked.
    """

    async def analyse(self, clip: Clip, profile: bytes | None, expected_voices: int = 1) -> Diarization:
        """What the first ear hears that does not fail. Raises AnalysisFailed if all do, `away` if all were."""
        told: list[str] = []
        said = away = True
        last = len(self._ears) - 1
        for place, (ear, record) in enumerate(zip(self._ears, self._records, strict=True)):
            if place < last and not record.may_be_asked(self._clock()):
                told.append(record.not_asked)
                continue
            try:
                with self._brought_to(place):
                    heard = await ear.analyse(clip, profile, expected_voices)
            except AnalysisFailed as failed:
                told.append(f"{ear.name} failed: {failed.reason}")
                said, away = said and failed.said, away and failed.away
                if place < last:
                    record.fails(failed, self._clock(), "the next engine is asked")
                continue
            record.answers()
            return _noted(heard, *told)
        raise AnalysisFailed(printable("; ".join(told)), away=away, said=said)


class Confirmed(_Chain):
    """`a+b`: the second is asked only where the first would alarm, and both must hear the same.

    Where they don't, what the second says counts. Where the second fails, the first's alarm stands: an outage of the
    second hides nobody, and one that lasts makes nobody wait, as in `a,b`. A changed voice can be
    confirmed only by an engine that knows voices; others are not asked.
    """

    def __init__(self, name: str, first: Ear, second: Ear, *, clock: Callable[[], float] = anyio.current_time) -> None:
        super().__init__(name, (first, second), clock=clock)

    async def analyse(self, clip: Clip, profile: bytes | None, expected_voices: int = 1) -> Diarization:
        """What both say of it. Raises AnalysisFailed if the first fails."""
        first, second = self._ears
        with self._brought_to(0):
            heard = await first.analyse(clip, profile, expected_voices)
        alarm = judge(heard, expected_voices)
        if alarm.outcome not in ALARMS:
            return heard
        if alarm.outcome is Outcome.VOICE_CHANGED and second.name not in KNOWS_VOICES:
            return _noted(heard, f"not confirmed: {second.name} does not know voices again")
        record = self._records[1]
        if not record.may_be_asked(self._clock()):
            return _noted(heard, f"not confirmed: {record.not_asked}")
        try:
            with self._brought_to(1):
                again = await second.analyse(clip, profile, expected_voices)
        except AnalysisFailed as failed:
            record.fails(failed, self._clock(), f"what {first.name} would report stands unconfirmed")
            return _noted(heard, f"not confirmed: {second.name} failed: {failed.reason}")
        record.answers()
        kept = heard.profile or again.profile
        if judge(again, expected_voices).outcome is alarm.outcome:
            return _noted(replace(heard, engine=self.name, profile=kept), f"{second.name} hears it too")
        said = f"{first.name} heard {_in_words(alarm)}, {second.name} did not"
        return _noted(replace(again, engine=self.name, profile=kept), said)


def _in_words(alarm: Verdict) -> str:
    return "another voice" if alarm.outcome is Outcome.VOICE_CHANGED else f"{alarm.voices} voices"


def _noted(heard: Diarization, *told: str) -> Diarization:
    if not told:
        return heard
    return replace(heard, note=printable("; ".join((*told, heard.note) if heard.note else told)))
