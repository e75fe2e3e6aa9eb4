"""The analyzer processes: a clip goes to one of them, and comes back as what was heard, or as why nothing was.

An engine is somebody else's native code on a stranger's audio: it may hang, crash, or answer nonsense. None of that
reaches the event loop; each is an `AnalysisFailed` that says what happened.
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Callable
from typing import Final

import anyio
import msgspec
from anyio import to_process, to_thread

from undertone.core.verdict import Diarization
from undertone.diarize.base import MOST_THREADS, Clip
from undertone.diarize.sherpa.models import Models
from undertone.worker.analyzer_process import Answer, Job, analyse, warm
from undertone.worker.ears import AnalysisFailed, EngineUnusable, checked, printable

log = logging.getLogger(__name__)

# A window of speech takes 1-2 s on a core, in doubt twice that, loading the models 1 s, and a loaded machine ten times
# as long. Only without VNNI is it more: 5 s.
DEADLINE_S: Final = 60.0
# The local engine maps 0.85 GiB at its largest (and uses 0.26). Room for others, and an end to what grows without end.
MEMORY_BYTES: Final = 4 * 2**30
LOADER: Final = "undertone.diarize.engines:load"
# Processes that died while they had nothing to do, each found out in milliseconds: all that a machine kept, of every
# engine, after it ran out of memory. More than these in a row are processes that don't even start.
MOST_GONE: Final = 100
# Enough for a traceback; more of it helps nobody.
MOST_NOTES: Final = 4096

_diarization = msgspec.msgpack.Decoder(Diarization)


class Analyzers:
    """At most `count` processes, started when they are needed, each with the engine loaded once.

    `count` is also how many cores they take together: while fewer are at work, each uses more threads. Two engines of
    a chain share their `cores`, and the processes. `models` are for the engine that wants some.
    """

    def __init__(
        self,
        engine: str,
        count: int,
        *,
        models: Models | None = None,
        cores: anyio.CapacityLimiter | None = None,
        deadline_s: float = DEADLINE_S,
        memory_bytes: int = MEMORY_BYTES,
        loader: str = LOADER,
    ) -> None:
        self.name = engine
        self.capacity = self.per_round = count
        self.beyond = 0
        self.crowded = False
        self._models = models
        self._deadline_s = deadline_s
        self._memory_bytes = memory_bytes
        self._loader = loader
        self._limiter = cores or anyio.CapacityLimiter(count)

    @property
    def waiting(self) -> int:
        return self._limiter.statistics().tasks_waiting

    def on_room(self, ring: Callable[[], None]) -> None:
        """There is no later one."""

    async def warm(self) -> None:
        """Starts every process and loads the engine. Raises EngineUnusable if it can't be loaded."""
        async with anyio.create_task_group() as tasks:
            for _ in range(self.capacity):
                tasks.start_soon(self._warm_one)

    async def _warm_one(self) -> None:
        try:
            await self.load()
        except AnalysisFailed as failed:  # this machine's fault, and perhaps of this moment
            log.warning("an analyzer was not started ahead of time: %s", failed.reason)

    async def load(self) -> None:
        """Has one process load the engine. Raises EngineUnusable if it says no, AnalysisFailed if it dies of it."""
        answer = await self._asked(warm, Clip(b"", 0, 1, 1), None)
        if answer[0] == "failed":
            raise EngineUnusable(f"the engine {self.name!r} can't be used: {answer[1]}")

    async def close(self) -> None:
        """The processes end with their event loop."""

    async def analyse(self, clip: Clip, profile: bytes | None, expected_voices: int = 1) -> Diarization:
        """What the engine hears, within the deadline. Raises AnalysisFailed.

        Past the deadline, or when the caller is cancelled, the process is killed; the next clip gets a new one.
        """
        answer = await self._asked(analyse, clip, profile)
        if answer[0] == "failed":
            raise AnalysisFailed(printable(answer[1]))
        return _decoded(answer[1], clip)

    async def _asked(self, what: Callable[[Job], Answer], clip: Clip, profile: bytes | None) -> Answer:
        notes = await to_thread.run_sync(_new_notes)
        try:
            # Whoever waits for a process has not started: the time counts from here.
            async with self._limiter:
                return await self._answer(what, self._job(clip, profile, notes))
        finally:
            with anyio.CancelScope(shield=True):
                said = await to_thread.run_sync(_take_notes, notes)
            if said:
                log.warning("an analyzer said: %s", said)

    def _job(self, clip: Clip, profile: bytes | None, notes: str) -> Job:
        return Job(
            loader=self._loader,
            engine=self.name,
            models=self._models,
            mp3=clip.mp3,
            lead_in_samples=clip.lead_in_samples,
            samples=clip.samples,
            sample_rate=clip.sample_rate,
            place=clip.place,
            profile=profile,
            threads=max(1, min(MOST_THREADS, self.capacity // self._limiter.borrowed_tokens)),
            notes=notes,
            parent=os.getpid(),
            memory_bytes=self._memory_bytes,
            deadline=time.monotonic() + self._deadline_s,
        )

    async def _answer(self, what: Callable[[Job], Answer], job: Job) -> Answer:
        try:
            with anyio.fail_after(self._deadline_s):
                return await self._of_a_process(what, job)
        except TimeoutError:
            raise AnalysisFailed(f"no answer from the analyzer within {self._deadline_s:g} s") from None
        except anyio.BrokenWorkerProcess as broken:
            log.warning("an analyzer process died: %r", broken.__cause__)
            raise AnalysisFailed("the analyzer process died") from None
        except Exception as error:  # what the process could not even take in, such as a lack of memory
            log.exception("an analyzer process failed outside of the engine")
            raise AnalysisFailed(printable(f"{type(error).__name__}: {error}")) from error

    async def _of_a_process(self, what: Callable[[Job], Answer], job: Job) -> Answer:
        """By the next process that can be told: one that died while it had nothing to do has not seen the clip."""
        gone = 0
        while True:
            try:
                return await to_process.run_sync(what, job, cancellable=True, limiter=anyio.CapacityLimiter(1))
            except anyio.BrokenWorkerProcess as broken:
                gone += 1
                if not isinstance(broken.__cause__, anyio.BrokenResourceError) or gone > MOST_GONE:
                    raise
                log.warning("an analyzer process was gone before it was told anything: the next one takes the clip")


def _decoded(answer: bytes, clip: Clip) -> Diarization:
    try:
        return checked(_diarization.decode(answer), clip)
    except msgspec.MsgspecError as error:
        raise AnalysisFailed(printable(f"the engine's answer makes no sense: {error}")) from None


def _new_notes() -> str:
    try:
        handle, path = tempfile.mkstemp(prefix="undertone-analyzer-")
    except OSError:  # no room for messages is no reason not to listen
        return os.devnull
    os.close(handle)
    return path


def _take_notes(path: str) -> str:
    if path == os.devnull:
        return ""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            file.seek(max(0, os.fstat(file.fileno()).st_size - MOST_NOTES))
            said = file.read().decode("utf-8", "replace").strip()
        os.unlink(path)  # noqa: PTH108
    except OSError:  # swept from the folder of temporary files
        return ""
    return said
