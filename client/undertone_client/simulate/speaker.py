"""One candidate of a run: joins, streams its recording as it is due, and suffers what the schedule has for its tab."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from random import Random
from typing import Final

import httpx

from undertone.core.errors import RateLimited, TakenOver, UndertoneError
from undertone.core.messages import Error, Finished, Stored, StreamReady, ToCandidate
from undertone_client.connection import CandidateStream
from undertone_client.connection.address import Dial
from undertone_client.session.outbox import KEEP_MS
from undertone_client.simulate.exam import Exam
from undertone_client.simulate.record import CandidateRecord, Closed, Gap, StreamRecord
from undertone_client.simulate.schedule import IN_THE_TAB, SMALL_BUFFER_MS, Client, Fault

# Faster than real time the file is ahead of the line: it waits when so much is unsent, which a microphone could not.
AHEAD_MS: Final = 10 * 60_000
# After the last byte: every retry of a line that breaks fits in, and a server that never answers is not waited for.
FINISH_WITHIN_S: Final = 600.0
# A hello waits 2 s for an older tab's part; on a line that is down the second tab comes later.
SECOND_TAB_WITHIN_S: Final = 30.0
FIRST_TAB_TOLD_WITHIN_S: Final = 90.0
LOOK_EVERY_S: Final = 0.05


class TooFast(UndertoneError):
    """The server does not take sound at this speed."""


class Speaker:
    """Drives one candidate; `candidate` says afterwards what happened."""

    def __init__(self, exam: Exam, candidate: CandidateRecord, dial: Dial | None) -> None:
        self._exam = exam
        self._candidate = candidate
        self._dial = dial
        self._offset_ms = exam.schedule.offsets_ms[candidate.number - 1]
        own = exam.schedule.of(Client("candidate", candidate.number))
        self._faults = [fault for fault in own if fault.kind in IN_THE_TAB]
        candidate.small_buffer = candidate.number in exam.schedule.small_buffers
        self._token = ""
        self._older_tabs: list[asyncio.Task[None]] = []

    async def run(self, began: float, speed: float) -> None:
        """From joining to the answer to `finish`. `began` is the monotonic clock's. Raises TooFast."""
        try:
            await self._join()
            await asyncio.sleep(max(0.0, began + self._offset_ms / 1000 - time.monotonic()))
            await self._speak(began, speed)
        except TooFast:
            raise
        except TimeoutError:
            self._candidate.fault = f"not finished {FINISH_WITHIN_S:.0f} s after its last byte"
        except (UndertoneError, httpx.TransportError) as error:
            self._candidate.fault = f"{type(error).__name__}: {error}"
        finally:
            for task in self._older_tabs:
                task.cancel()

    async def _join(self) -> None:
        meeting, candidate = self._exam.meeting, self._candidate
        ticket = await self._exam.service.call(
            lambda node: node.join(meeting.data.id, candidate.name, meeting.join_secret)
        )
        self._exam.record.joined(candidate, ticket.id)
        self._token = ticket.token

    async def _renew(self) -> str:
        meeting, participant = self._exam.meeting, self._candidate.participant
        ticket = await self._exam.service.call(
            lambda node: node.renew(meeting.data.id, participant, self._token, meeting.join_secret)
        )
        self._token = ticket.token
        return ticket.token

    async def _speak(self, began: float, speed: float) -> None:
        candidate = self._candidate
        recording = candidate.recording
        tab = await self._open(0)
        try:
            for due_ms, first, last in recording.messages():
                if speed:
                    due = began + (self._offset_ms + due_ms / speed) / 1000
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                while (fault := self._due((time.monotonic() - began) * 1000, tab)) is not None:
                    self._exam.did(fault)
                    tab = await self._suffer(fault.kind, tab, first)
                if speed != 1 and tab.stream.session.outbox.kept_ms > AHEAD_MS:
                    await _until(tab.caught_up)
                await tab.stream.send(recording.data[first:last])
                tab.spoke(last)
                self._exam.watcher.spoken(due_ms - candidate.spoken_ms)
                candidate.spoken_ms = due_ms
            async with asyncio.timeout(FINISH_WITHIN_S):
                tab.record.finished = await tab.stream.finish()
                tab.record.end = "finished"
            if self._older_tabs:
                await asyncio.wait(self._older_tabs, timeout=FIRST_TAB_TOLD_WITHIN_S)
        finally:
            await tab.leave("failed")

    def _due(self, at_ms: float, tab: _Tab) -> Fault | None:
        """What the tab suffers now. Takes it from those to come."""
        for fault in self._faults:
            if fault.at_ms > at_ms:
                break
            # A first tab that has no number yet would say hello as a new stream, and take over in its turn: then later.
            if fault.kind != "second_tab" or tab.record.number is not None:
                self._faults.remove(fault)
                return fault
        return None

    async def _suffer(self, kind: str, tab: _Tab, at: int) -> _Tab:
        """The tab that goes on from byte `at`."""
        if kind == "expire":
            tab.stream.renew_soon()
        elif kind == "reload":
            await tab.leave("left")
            self._exam.watcher.happened(f"{self._candidate.name}'s tab reloads")
            return await self._open(at)
        else:
            second = await self._open(at)
            self._exam.watcher.happened(f"{self._candidate.name} opens a second tab")
            await _until(lambda: second.stream.session.open or second.stream.over, SECOND_TAB_WITHIN_S)
            if second.refused and not tab.stream.over:
                # The first tab's line was broken too, and of both hellos its own was the later.
                await second.leave("taken over")
                self._candidate.streams.remove(second.record)
                return tab
            self._older_tabs.append(asyncio.create_task(self._be_told(tab)))
            return second
        return tab

    async def _be_told(self, tab: _Tab) -> None:
        """The older tab learns that it is not the owner any more."""
        try:
            await _until(lambda: tab.stream.over, FIRST_TAB_TOLD_WITHIN_S)
            if not isinstance(tab.stream.session.fault, TakenOver):
                self._candidate.not_told += 1
        finally:
            await tab.leave("taken over")

    async def _open(self, at: int) -> _Tab:
        candidate = self._candidate
        record = StreamRecord(at)
        candidate.streams.append(record)
        tab = _Tab(candidate, record, self._stored)
        tab.stream = CandidateStream(
            self._exam.service.servers,
            self._token,
            renew=self._renew,
            keep_ms=SMALL_BUFFER_MS if candidate.small_buffer else KEEP_MS,
            random=Random(f"{self._exam.schedule.seed} candidate {candidate.number} {len(candidate.streams)}"),  # noqa: S311 - repeatable
            on_message=tab.answered,
            on_server_fault=lambda fault: candidate.server_faults.append(str(fault)),
            on_close=tab.closed,
            dial=self._dial,
        )
        await tab.stream.__aenter__()
        return tab

    def _stored(self) -> None:
        self._exam.record.moved_at = now_ms()
        self._exam.watcher.stored()


class _Tab:
    """One stream of a candidate, from its first to its last connection."""

    stream: CandidateStream

    def __init__(self, candidate: CandidateRecord, record: StreamRecord, stored: Callable[[], None]) -> None:
        self.record = record
        self._candidate = candidate
        self._stored = stored
        # Window ends as they are known beforehand: those of the recording, which a whole stream has.
        self._ends = [window.end for window in candidate.recording.windows] if record.base == 0 else []
        self._left = False

    def spoke(self, last: int) -> None:
        """Everything before byte `last` of the recording was handed over."""
        self.record.spoken = last - self.record.base
        while len(self.record.spoken_at) < len(self._ends) and self._ends[len(self.record.spoken_at)] <= last:
            self.record.spoken_at[len(self.record.spoken_at)] = now_ms()

    def caught_up(self) -> bool:
        """Whether the line has sent enough of what was read ahead, or never will."""
        return self.stream.over or self.stream.session.outbox.kept_ms <= AHEAD_MS

    @property
    def refused(self) -> bool:
        """Whether another tab owned the candidate before this one ever had a stream."""
        return self.record.number is None and isinstance(self.stream.session.fault, TakenOver)

    def closed(self, code: int, reason: str) -> None:
        """A connection ended, or could not be had."""
        self.record.closed(now_ms())
        self._candidate.closes.append(Closed(now_ms(), code, reason, self.stream.server))

    def answered(self, message: ToCandidate) -> None:
        """One message of the server."""
        if isinstance(message, (StreamReady, Finished)):
            self.record.back(now_ms())
        if isinstance(message, Stored):
            self.record.stored(message.window, message.offset, now_ms())
            self._stored()
        elif isinstance(message, StreamReady):
            self.record.ready(message.stream, message.held)
        elif isinstance(message, Error) and message.code == RateLimited.code and self.stream.session.open:
            raise TooFast(message.detail)

    async def leave(self, end: str) -> None:
        """Close it; its record is complete afterwards."""
        if self._left:
            return
        self._left = True
        await self.stream.__aexit__(None, None, None)
        self._candidate.connections += self.stream.connections
        self.record.gaps = [Gap(*gap) for gap in self.stream.session.gaps]
        self.record.left_at = now_ms()
        if self.record.end == "speaking":
            self.record.end = end  # type: ignore[assignment]


async def _until(holds: Callable[[], bool], within_s: float = FINISH_WITHIN_S) -> None:
    until = time.monotonic() + within_s
    while not holds() and time.monotonic() < until:  # noqa: ASYNC110 - what is waited for has no one event
        await asyncio.sleep(LOOK_EVERY_S)


def now_ms() -> int:
    """The clock of every record."""
    return time.monotonic_ns() // 1_000_000
