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


class _Chain:
    """What chains have in common: the first ear is the one that windows are brought to."""

    def __init__(self, name: str, ears: Sequence[Ear]) -> None:
        self.name = name
        self._ears = ears
        self._past = 0  # windows that are with a later ear
        self._ring: Callable[[], None] = _nobody_waits

    @property
    def capacity(self) -> int:
        return self._ears[0].capacity

    @property
    def waiting(self) -> int:
        return self._ears[0].waiting

    @property
    def beyond(self) -> int:
        return self._past + self._ears[0].beyond

    @property
    def crowded(self) -> bool:
        """A slow ear may have as many waiting as it works on: so it is never idle, and nothing piles up before it."""
        return any(ear.crowded for ear in self._ears) or any(ear.waiting >= ear.capacity for ear in self._ears[1:])

    def on_room(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._ears[0].on_room(ring)

    async def warm(self) -> None:
        async with anyio.create_task_group() as tasks:
            for ear in self._ears:
                tasks.start_soon(ear.warm)

    async def close(self) -> None:
        for ear in self._ears:
            await ear.close()

    @contextlib.contextmanager
    def _behind_the_first(self) -> Iterator[None]:
        self._past += 1
        self._ring()
        try:
            yield
        finally:
            self._past -= 1


@dataclass(slots=True)
class _Record:
    """How an ear does: how often in a row it was away, why the last time, and until when it is left alone."""

    away: int = 0
    reason: str = ""
    rests_until: float = 0.0


class InTurn(_Chain):
    """`a,b,c`: the next one where the one before fails. The verdict says who answered, and who failed and why.

    An ear that is away again and again is left alone for a while: a vendor that never answers would make every verdict
    late by a window's whole time. Then one window finds out how it does. What fails over its clip is asked again.
    """

    def __init__(self, name: str, ears: Sequence[Ear], *, clock: Callable[[], float] = anyio.current_time) -> None:
        super().__init__(name, ears)
        self._clock = clock
        self._records = [_Record() for _ in ears]

    async def analyse(self, clip: Clip, profile: bytes | None, expected_voices: int = 1) -> Diarization:
        """What the first ear hears that does not fail. Raises AnalysisFailed if all do."""
        told: list[str] = []
        said = True
        last = len(self._ears) - 1
        for place, (ear, record) in enumerate(zip(self._ears, self._records, strict=True)):
            if place < last and not self._may_be_asked(record):
                told.append(f"{ear.name} was not asked, it was away: {record.reason}")
                continue
            try:
                with self._behind_the_first() if place else contextlib.nullcontext():
                    heard = await ear.analyse(clip, profile, expected_voices)
            except AnalysisFailed as failed:
                told.append(f"{ear.name} failed: {failed.reason}")
                said = said and failed.said
                if place < last:
                    self._fails(ear, record, failed)
                continue
            if record.away:
                record.away, record.rests_until = 0, 0.0
                log.info("%s answers again", ear.name)
            return _noted(heard, *told)
        raise AnalysisFailed(printable("; ".join(told)), said=said)

    def _may_be_asked(self, record: _Record) -> bool:
        now = self._clock()
        if now < record.rests_until:
            return False
        if record.away >= TIMES_AWAY:
            record.rests_until = now + REST_S  # this window asks, others wait for what it finds
        return True

    def _fails(self, ear: Ear, record: _Record, failed: AnalysisFailed) -> None:
        """Of an outage a line when it begins, not one a window."""
        if not failed.away or not record.away:
            log.warning("%s failed (%s): the next engine is asked", ear.name, failed.reason)
        if failed.away:
            record.away += 1
            record.reason = failed.reason
            if record.away >= TIMES_AWAY:
                record.rests_until = self._clock() + REST_S


class Confirmed(_Chain):
    """`a+b`: the second is asked only where the first would alarm, and both must agree.

    Where they don't, what the second says counts. Where the second fails, the first's alarm stands: an outage of the
    second hides nobody. A changed voice can be confirmed only by an engine that knows voices; others are not asked.
    """

    def __init__(self, name: str, first: Ear, second: Ear) -> None:
        super().__init__(name, (first, second))
        self._first, self._second = first, second

    async def analyse(self, clip: Clip, profile: bytes | None, expected_voices: int = 1) -> Diarization:
        """What both say of it. Raises AnalysisFailed if the first fails."""
        heard = await self._first.analyse(clip, profile, expected_voices)
        alarm = judge(heard, expected_voices)
        if alarm.outcome not in ALARMS:
            return heard
        first, second = self._first.name, self._second.name
        if alarm.outcome is Outcome.VOICE_CHANGED and second not in KNOWS_VOICES:
            return _noted(heard, f"not confirmed: {second} does not know voices again")
        try:
            with self._behind_the_first():
                again = await self._second.analyse(clip, profile, expected_voices)
        except AnalysisFailed as failed:
            log.warning("an alarm of %s stands unconfirmed: %s failed: %s", first, second, failed.reason)
            return _noted(heard, f"not confirmed: {second} failed: {failed.reason}")
        kept = heard.profile or again.profile
        if judge(again, expected_voices).outcome in ALARMS:
            return _noted(replace(heard, engine=self.name, profile=kept), f"{second} hears it too")
        said = f"{first} heard {_in_words(alarm)}, {second} did not"
        return _noted(replace(again, engine=self.name, profile=kept), said)


def _in_words(alarm: Verdict) -> str:
    return "another voice" if alarm.outcome is Outcome.VOICE_CHANGED else f"{alarm.voices} voices"


def _noted(heard: Diarization, *told: str) -> Diarization:
    if not told:
        return heard
    return replace(heard, note=printable("; ".join((*told, heard.note) if heard.note else told)))
