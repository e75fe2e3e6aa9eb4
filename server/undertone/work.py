"""`undertone worker` as a process: analysis alone, with the database and the clips of the servers."""

from __future__ import annotations

import logging
import os
import signal
from typing import Final

import anyio
from anyio.abc import TaskGroup, TaskStatus

from undertone.choices import WAKE_UPS, WORKERS_CONNECTIONS, check_engines, clip_store, ear, listener, notifier
from undertone.config import ConfigError, Settings
from undertone.process import (
    LAST_NOTICES_SECONDS,
    Ending,
    check_patiently,
    connect_patiently,
    database_url,
    reach_patiently,
)
from undertone.store.database import Database
from undertone.store.hearing import Deaf, Reach
from undertone.store.meetings import Meetings
from undertone.store.notify import Listener, Moved, Reconnected
from undertone.store.parts import Parts
from undertone.worker.service import Duties, Work
from undertone.worker.sweep import Kept

log: Final = logging.getLogger("undertone")


def run(settings: Settings) -> int:
    """The command; returns the exit code. Raises ConfigError before anything has started."""
    if settings.workers == 0:
        raise ConfigError("--workers=0: a worker needs one analysis process or more")
    check_engines(settings)
    anyio.run(work, settings, backend_options={"use_uvloop": True})
    return 0


async def work(settings: Settings) -> None:
    """Runs until a signal, then finishes what it has in hand, or gives it back."""
    async with anyio.create_task_group() as tasks:
        stopping = _Stopping(tasks)
        await tasks.start(stopping.obey_signals)
        async with database_url(settings) as url:
            reach = await reach_patiently(settings, url)
            most = min(settings.database_connections - WAKE_UPS, WORKERS_CONNECTIONS)
            database = Database(url, max_connections=most, pooled=reach.pooled)
            await connect_patiently(database)
            try:
                await _work(settings, reach, database, stopping)
            finally:
                with anyio.CancelScope(shield=True):
                    await database.close()
        tasks.cancel_scope.cancel()


async def _work(settings: Settings, reach: Reach, database: Database, stopping: _Stopping) -> None:
    clips = clip_store(settings)
    await check_patiently(clips)
    tell = notifier(reach)
    meetings = Meetings(database, tell.moved, tell.ended)
    parts = Parts(database, clips, tell.moved)
    processes = settings.workers or cores()
    duties = duties_of(settings, processes)
    works = Work(database, clips, meetings, tell.moved, parts.flush_due, duties)
    where = "the PostgreSQL of the data folder" if settings.database_url is None else "the given PostgreSQL"
    log.info(
        "looking for windows in %s, %d at a time, with the engine %s", where, duties.ear.capacity, settings.diarizer
    )
    async with anyio.create_task_group() as running:
        running.start_soon(tell.run)
        running.start_soon(_ring, listener(reach), works)
        running.start_soon(works.sweep)
        stopping.analysis = Ending(works.analyse)
        await stopping.analysis.run()
        await anyio.sleep(LAST_NOTICES_SECONDS)
        running.cancel_scope.cancel()


async def _ring(heard: Listener | Deaf, works: Work) -> None:
    async for notice in heard.notices():
        if isinstance(notice, Moved | Reconnected):
            works.ring()


class _Stopping:
    """What a signal does: the analysis ends first, and tells what it has found."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self.analysis: Ending | None = None

    async def obey_signals(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            task_status.started()
            told = False
            async for number in signals:
                name = signal.Signals(number).name
                if told:
                    log.warning("%s again: stopping at once", name)
                    os._exit(130)  # leases run out by themselves, and analysis processes end with their parent
                told = True
                log.info("%s: finishing what is in hand", name)
                if self.analysis is None:
                    self._tasks.cancel_scope.cancel()
                else:
                    self._tasks.start_soon(self.analysis.stop)


def duties_of(settings: Settings, processes: int) -> Duties:
    """What analysis was told."""
    return Duties(
        ear=ear(settings, processes),
        anomaly_minutes=settings.anomaly_minutes,
        voice_profile=settings.voice_profile,
        kept=Kept(settings.retention_days, settings.event_days),
    )


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
