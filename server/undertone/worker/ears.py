"""What listens to a window: engines in analyzer processes, engines over a network, and chains of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Protocol

import anyio

from undertone.core.errors import UndertoneError
from undertone.core.verdict import Diarization
from undertone.diarize.base import AnalysisError, Clip, EngineAway, EngineRefused

log = logging.getLogger(__name__)

# A reason is read by a proctor.
MOST_REASON: Final = 300
# Engines round a turn's end to their own frames.
BEYOND_THE_END_MS: Final = 1000


class AnalysisFailed(Exception):
    """Nothing was heard of a clip; `reason` says why, in words for a proctor.

    `away`: the engine could not be asked, whatever is in the clip. `said`: the log has it already.
    """

    def __init__(self, reason: str, *, away: bool = False, said: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.away = away
        self.said = said


class EngineUnusable(UndertoneError):
    """No clip can be analysed here: wrongly installed, or wrongly configured. Not the fault of any clip."""


class Ear(Protocol):
    """One engine or several, on the event loop; what is heavy is elsewhere."""

    @property
    def name(self) -> str:
        """As in the specification."""
        ...

    @property
    def capacity(self) -> int:
        """Windows that it works on at once."""
        ...

    @property
    def waiting(self) -> int:
        """Windows that were brought and not begun."""
        ...

    @property
    def beyond(self) -> int:
        """Windows in it that are not with the engine that `capacity` is of, and that keep nobody out."""
        ...

    @property
    def per_round(self) -> int:
        """Windows to bring at once at most."""
        ...

    @property
    def crowded(self) -> bool:
        """So many windows wait behind the first engine that no more should be brought."""
        ...

    def on_room(self, ring: Callable[[], None]) -> None:
        """`ring` is called when a window has left the first engine for a later one."""
        ...

    async def warm(self) -> None:
        """Makes ready what takes time. Raises EngineUnusable if no clip can be analysed."""
        ...

    async def analyse(self, clip: Clip, profile: bytes | None, expected_voices: int = 1) -> Diarization:
        """What is heard. `expected_voices` tells what would be an alarm. Raises AnalysisFailed."""
        ...

    async def close(self) -> None:
        """Lets go of what it holds open."""
        ...


def room(ear: Ear, in_hand: int) -> int:
    """How many more windows to bring, where so many are in hand."""
    return 0 if ear.crowded else max(0, min(ear.per_round, ear.capacity - in_hand + ear.beyond))


def checked(diarization: Diarization, clip: Clip) -> Diarization:
    """The same, if it makes sense. Raises AnalysisFailed."""
    stated = list((diarization.probabilities or {}).values())
    stated += [each for each in (diarization.second_voice, diarization.changed) if each is not None]
    if not all(0 <= probability <= 1 for probability in stated):  # NaN is not either
        raise AnalysisFailed("the engine's answer makes no sense: a probability outside of 0 to 1")
    end_ms = clip.samples * 1000 // clip.sample_rate + BEYOND_THE_END_MS
    if any(turn.end_ms > end_ms for turn in diarization.turns):
        raise AnalysisFailed("the engine's answer makes no sense: a turn after the window's end")
    return diarization


def printable(reason: str) -> str:
    """One line without what PostgreSQL's text can't hold (NUL, lone surrogates)."""
    text = " ".join(reason.replace("\0", "").split())
    return text.encode("utf-8", "replace").decode()[:MOST_REASON]


class RemoteEngine(Protocol):
    """Waits on a network, not on a processor: may run on the event loop, many at once."""

    name: str

    async def diarize(self, clip: Clip, within_s: float) -> Diarization:
        """Who speaks when, within so many seconds. Raises AnalysisError."""
        ...

    async def close(self) -> None: ...


class Remote:
    """An engine over a network: at most `capacity` clips at once, each with its deadline."""

    def __init__(self, engine: RemoteEngine, capacity: int, *, deadline_s: float) -> None:
        self.name = engine.name
        self.capacity = self.per_round = capacity
        self.beyond = 0
        self.crowded = False
        self._engine = engine
        self._deadline_s = deadline_s
        self._limiter = anyio.CapacityLimiter(capacity)

    @property
    def waiting(self) -> int:
        return self._limiter.statistics().tasks_waiting

    def on_room(self, ring: Callable[[], None]) -> None:
        """There is no later one."""

    async def warm(self) -> None:
        """It was asked about its key before anything started."""

    async def analyse(self, clip: Clip, profile: bytes | None, expected_voices: int = 1) -> Diarization:
        """What the engine hears, within the deadline, which counts from when it may be asked. Raises AnalysisFailed.

        As long it is waited for that moment: where every clip before this one hangs, this one would too.
        """
        try:
            with anyio.fail_after(self._deadline_s):
                await self._limiter.acquire()
        except TimeoutError:
            busy = f"{self.name} was busy with other windows for {self._deadline_s:g} s"
            raise AnalysisFailed(busy, away=True) from None
        try:
            return checked(await self._engine.diarize(clip, self._deadline_s), clip)
        except AnalysisError as error:
            away, said = isinstance(error, EngineAway), isinstance(error, EngineRefused)
            raise AnalysisFailed(printable(str(error)), away=away, said=said) from None
        except AnalysisFailed:
            raise
        except Exception as error:  # a bug of ours: loud, and one window's fault at most
            log.exception("asking %s failed", self.name)
            raise AnalysisFailed(printable(f"{type(error).__name__}: {error}")) from error
        finally:
            self._limiter.release()

    async def close(self) -> None:
        await self._engine.close()
