"""One run: a meeting, its proctors, its candidates, and the wait until everything they said is judged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final, Protocol

import httpx

from undertone.core.errors import RateLimited, UndertoneError
from undertone.core.events import AnomalyMoved, Event
from undertone.core.messages import Error, Stored, ToCandidate
from undertone.core.requests import CredentialData, MeetingCreated
from undertone_client.connection import CandidateStream, Meetings, ProctorChannel
from undertone_client.session import Snapshot
from undertone_client.simulate.record import CandidateRecord, ProctorRecord, Record

# When for so long nothing has happened although verdicts are owed, none will come: three attempts of the analysis,
# each with its lease of 20 s and its deadline of 60 s, take no longer.
PATIENCE_S: Final = 240.0
LOOK_EVERY_S: Final = 0.1
# Faster than real time the file is ahead of the line: it waits when so much is unsent, which a microphone could not.
AHEAD_MS: Final = 10 * 60_000
JOINING_AT_ONCE: Final = 20
# After the last byte: every retry of a line that breaks fits in, and a server that never answers is not waited for.
FINISH_WITHIN_S: Final = 600.0


class TooFast(UndertoneError):
    """The server does not take sound at this speed."""


class Watcher(Protocol):
    """Who shows what happens while it happens."""

    def spoken(self, ms: int) -> None: ...
    def stored(self) -> None: ...
    def judged(self) -> None: ...
    def found(self, event: Event, moved: AnomalyMoved) -> None: ...


class Run:
    """Candidates and proctors of one meeting. `record` says afterwards what happened."""

    def __init__(
        self, server: str, meetings: Meetings, meeting: MeetingCreated, record: Record, watcher: Watcher, seed: int
    ) -> None:
        self._server = server
        self._meetings = meetings
        self._meeting = meeting
        self._record = record
        self._watcher = watcher
        self._seed = seed
        self._joining = asyncio.Semaphore(JOINING_AT_ONCE)

    async def run(self, speed: float) -> None:
        """Until all is judged, or nothing moves any more. Raises TooFast where the server refuses the speed."""
        async with asyncio.TaskGroup() as watching:
            proctors = [watching.create_task(self._watch(proctor)) for proctor in self._record.proctors]
            await self._all_entered(proctors)
            async with asyncio.TaskGroup() as speaking:
                for candidate in self._record.candidates:
                    speaking.create_task(self._speak(candidate, speed))
            await self._settle()
            for task in proctors:
                task.cancel()

    # --- proctors

    async def _watch(self, proctor: ProctorRecord) -> None:
        try:
            name = f"Proctor {proctor.number}"
            ticket = await self._patiently(
                lambda: self._meetings.add_proctor(self._meeting.data.id, name, self._meeting.admin_id)
            )
            random = Random(f"{self._seed} proctor {proctor.number}")  # noqa: S311 - the waits of a test, repeatable
            async with ProctorChannel(
                self._server, self._meeting.data.id, token=ticket.token, random=random
            ) as channel:
                assert channel.snapshot is not None
                self._record.entered(proctor, channel.snapshot)
                proctor.connections = channel.connections
                async for event in channel:
                    proctor.connections = channel.connections
                    self._take(proctor, event)
        except (UndertoneError, httpx.TransportError) as error:
            proctor.fault = _said(error)

    def _take(self, proctor: ProctorRecord, event: Event | Snapshot) -> None:
        if isinstance(event, Snapshot):
            self._record.missed(proctor, event, _now_ms())
        elif self._record.received(proctor, event, _now_ms()):
            if event.kind == "window_judged":
                self._watcher.judged()
            elif isinstance(event.body, AnomalyMoved):
                self._watcher.found(event, event.body)

    async def _all_entered(self, tasks: list[asyncio.Task[None]]) -> None:
        """What a proctor missed before it came is not counted, so nobody speaks before all are here."""
        watching = list(zip(self._record.proctors, tasks, strict=True))
        await _until(lambda: all(proctor.connections or task.done() for proctor, task in watching))

    # --- candidates

    async def _speak(self, candidate: CandidateRecord, speed: float) -> None:
        meeting = self._meeting
        try:
            ticket = await self._patiently(
                lambda: self._meetings.join(meeting.data.id, candidate.name, meeting.join_secret)
            )
            self._record.joined(candidate, ticket.id)
            token = ticket.token

            async def renew() -> str:
                nonlocal token
                token = (await self._meetings.renew(meeting.data.id, ticket.id, token, meeting.join_secret)).token
                return token

            async with CandidateStream(
                self._server,
                token,
                renew=renew,
                random=Random(f"{self._seed} candidate {candidate.number}"),  # noqa: S311 - repeatable waits
                on_message=lambda message: self._answered(candidate, message),
            ) as stream:
                try:
                    await self._stream(candidate, stream, speed)
                finally:
                    candidate.connections = stream.connections
                    candidate.lost_ms = stream.session.lost_ms
        except TooFast:
            raise
        except TimeoutError:
            candidate.fault = f"not finished {FINISH_WITHIN_S:.0f} s after its last byte"
        except (UndertoneError, httpx.TransportError) as error:
            candidate.fault = _said(error)

    async def _stream(self, candidate: CandidateRecord, stream: CandidateStream, speed: float) -> None:
        recording = candidate.recording
        began = time.monotonic()
        number = 0
        for due_ms, first, last in recording.messages():
            if speed:
                await asyncio.sleep(max(0.0, began + due_ms / 1000 / speed - time.monotonic()))
            if speed != 1 and stream.session.outbox.kept_ms > AHEAD_MS:
                await _until(lambda: stream.over or stream.session.outbox.kept_ms <= AHEAD_MS)
            await stream.send(recording.data[first:last])
            now_ms = _now_ms()
            while number < len(recording.windows) and recording.windows[number].end <= last:
                candidate.spoken_at[number] = now_ms
                number += 1
            self._watcher.spoken(due_ms - candidate.spoken_ms)
            candidate.spoken_ms = due_ms
        async with asyncio.timeout(FINISH_WITHIN_S):
            candidate.finished = await stream.finish()

    def _answered(self, candidate: CandidateRecord, message: ToCandidate) -> None:
        if isinstance(message, Stored):
            self._record.moved_at = candidate.stored_at[message.window] = _now_ms()
            self._watcher.stored()
        elif isinstance(message, Error) and message.code == RateLimited.code:
            raise TooFast(message.detail)

    # --- both

    async def _patiently(self, call: Callable[[], Awaitable[CredentialData]]) -> CredentialData:
        """So many join at once that the server may ask some to come later."""
        async with self._joining:
            while True:
                try:
                    return await call()
                except RateLimited as limited:
                    await asyncio.sleep((limited.retry_after_ms or 1000) / 1000)

    async def _settle(self) -> None:
        self._record.moved_at = _now_ms()
        await _until(lambda: self._record.settled() or _now_ms() - self._record.moved_at > PATIENCE_S * 1000)


async def _until(holds: Callable[[], bool]) -> None:
    while True:
        if holds():
            return
        await asyncio.sleep(LOOK_EVERY_S)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
