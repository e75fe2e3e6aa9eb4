"""One run: everybody enters, speaks, suffers what was drawn, and is waited for until all is judged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from random import Random
from typing import Final

import httpx

from undertone.core.errors import UndertoneError
from undertone.core.requests import MeetingCreated
from undertone_client.simulate import hostile, strikes, trespass
from undertone_client.simulate.exam import Exam
from undertone_client.simulate.proxy import Line, lines
from undertone_client.simulate.record import Record
from undertone_client.simulate.schedule import Client, Fault, Schedule
from undertone_client.simulate.service import Service
from undertone_client.simulate.speaker import Speaker, now_ms
from undertone_client.simulate.strikes import Kill, Strike
from undertone_client.simulate.watcher import Watcher
from undertone_client.simulate.watching import Watching

# As long as a call is asked again (`Service`), and then a line's longest wait between two attempts.
ENTERED_WITHIN_S: Final = 120.0
# When for so long nothing has happened although verdicts are owed, none will come: three attempts of the analysis,
# each with its lease of 20 s and its deadline of 60 s, take no longer.
PATIENCE_S: Final = 240.0
LOOK_EVERY_S: Final = 0.1
# What a tab that was left had sent becomes a short window 5 s later, by a sweeper that looks every 5 s (up to 6); its
# verdict comes after. A stream that had not a frame more than was stored has no such window, and can't be told apart.
TAIL_WITHIN_S: Final = 13.0
# The end of the meeting is told to all proctors; after that nothing moves.
ENDED_WITHIN_S: Final = 60.0


class NobodyLetIn(UndertoneError):
    """The server created the meetings, and then took no proctor."""


@dataclass
class Room:
    """One meeting, and what happened in it."""

    meeting: MeetingCreated
    record: Record


@dataclass
class Happened:
    """What the run did itself, besides the records."""

    began_ms: int = 0
    faults: list[Fault] = field(default_factory=list)  # those that were carried out, and when
    answers: list[hostile.Answer] = field(default_factory=list)
    struck: strikes.Done = field(default_factory=strikes.Done)
    troubles: list[str] = field(default_factory=list)


class Run:
    """All meetings of one run. The rooms' records say afterwards what happened."""

    def __init__(
        self,
        service: Service,
        rooms: Sequence[Room],
        schedule: Schedule,
        kills: Sequence[Kill],
        struck: Sequence[Strike],
        watcher: Watcher,
    ) -> None:
        self._service = service
        self._rooms = rooms
        self._schedule = schedule
        self._kills = kills
        self._struck = struck
        self._watcher = watcher
        self.happened = Happened()

    async def run(self, speed: float) -> None:
        """Until all is judged, or nothing moves any more. Raises TooFast where the server refuses the speed."""
        clients = [
            *(Client("candidate", each.number) for room in self._rooms for each in room.record.candidates),
            *(Client("proctor", each.number) for room in self._rooms for each in room.record.proctors),
        ]
        # Without faults in the line nothing stands in it.
        async with lines(len(clients) if self._schedule.in_the_line else 0) as made:
            by_client = dict(zip(clients, made, strict=False))
            await self._run(speed, by_client)

    async def _run(self, speed: float, by_client: dict[Client, Line]) -> None:
        def dial(role: str, number: int) -> Line | None:
            return by_client.get(Client(role, number))  # type: ignore[arg-type]

        watching, speaking = [], []
        for room in self._rooms:
            exam = Exam(self._service, room.meeting, room.record, self._schedule, self._watcher, self._did)
            for proctor in room.record.proctors:
                line = dial("proctor", proctor.number)
                via = None if line is None else line.dial
                watching.append((proctor, Watching(exam, proctor, via)))
            for candidate in room.record.candidates:
                line = dial("candidate", candidate.number)
                via = None if line is None else line.dial
                speaking.append(Speaker(exam, candidate, via))
        async with asyncio.TaskGroup() as beside:
            tasks = [(proctor, beside.create_task(each.run())) for proctor, each in watching]
            self._watcher.phase("the proctors come in")
            # What a proctor missed before it came is not counted, so nobody speaks before all are here.
            await _until(lambda: all(proctor.connections or task.done() for proctor, task in tasks), ENTERED_WITHIN_S)
            outside = [proctor for proctor, task in tasks if not proctor.connections and not task.done()]
            if outside:
                raise NobodyLetIn(
                    f"{len(outside)} of {len(tasks)} proctors were not let in within {ENTERED_WITHIN_S:.0f} s"
                    + (f": {outside[0].closes[-1]}" if outside[0].closes else "")
                )
            began = time.monotonic()
            self.happened.began_ms = now_ms()
            self._watcher.phase("the candidates speak")
            trouble = [
                beside.create_task(self._fail(by_client, began)),
                beside.create_task(self._be_hostile(began)),
                beside.create_task(
                    strikes.carry_out(self._kills, self._struck, began, self._tell, self.happened.struck)
                ),
                *(beside.create_task(each.come_back(began)) for _, each in watching),
            ]
            async with asyncio.TaskGroup() as speakers:
                for speaker in speaking:
                    speakers.create_task(speaker.run(began, speed))
            await asyncio.gather(*trouble)
            self._watcher.phase("the verdicts come")
            await self._settle()
            await self._trespass()
            await self._end()
            for _, task in tasks:
                task.cancel()

    # --- what goes wrong

    async def _fail(self, by_client: dict[Client, Line], began: float) -> None:
        for fault in self._schedule.in_the_line:
            assert fault.client is not None
            await asyncio.sleep(max(0.0, began + fault.at_ms / 1000 - time.monotonic()))
            if self._over(fault.client) or not by_client[fault.client].fail(fault):
                continue
            self._did(fault)
            self._tell(f"{fault.kind} {fault.client}" + (f" for {fault.for_ms / 1000:.1f} s" if fault.for_ms else ""))

    def _did(self, fault: Fault) -> None:
        """It was carried out, just now."""
        self.happened.faults.append(replace(fault, at_ms=now_ms() - self.happened.began_ms))

    def _over(self, client: Client) -> bool:
        """Whether it has nothing more to lose: its recording was shorter than others'."""
        return any(
            client == Client("candidate", each.number) and (each.finished or each.fault is not None)
            for room in self._rooms
            for each in room.record.candidates
        )

    async def _be_hostile(self, began: float) -> None:
        rubbish = [fault for fault in self._schedule.faults if fault.kind == "rubbish"]
        async with asyncio.TaskGroup() as tasks:
            for fault in rubbish:
                tasks.create_task(self._send_rubbish(fault, began))

    async def _send_rubbish(self, fault: Fault, began: float) -> None:
        await asyncio.sleep(max(0.0, began + fault.at_ms / 1000 - time.monotonic()))
        sort = hostile.SORTS[fault.value]
        self._did(fault)
        random = Random(f"{self._schedule.seed} rubbish {fault.value}")  # noqa: S311 - a test's lot, repeatable
        self._tell(f"rubbish: {sort.name}")
        try:
            meetings = [room.meeting for room in self._rooms]
            self.happened.answers.append(await hostile.send(self._service, sort, meetings, random))
        except (UndertoneError, httpx.TransportError) as error:
            self.happened.troubles.append(f"{sort.name}: no credential to be had: {error or type(error).__name__}")

    async def _trespass(self) -> None:
        """Ask over HTTP for what is somebody else's, now that there is something to be had."""
        if not any(fault.kind == "rubbish" for fault in self._schedule.faults):
            return
        self._watcher.phase("strangers ask for clips")
        random = Random(f"{self._schedule.seed} trespass")  # noqa: S311 - a test's lot, repeatable
        clips = [(room, each.clip) for room in self._rooms for each in room.record.clips()]
        room, clip = random.choice(clips) if clips else (random.choice(self._rooms), None)
        try:
            self.happened.answers += await trespass.read(self._service, room.meeting, clip, random)
        except (UndertoneError, httpx.TransportError) as error:
            self.happened.troubles.append(f"strangers could not ask for anything: {error or type(error).__name__}")

    def _tell(self, what: str) -> None:
        self._watcher.happened(what)

    # --- the end

    def _settled(self) -> bool:
        return all(room.record.settled() for room in self._rooms)

    def _tails_to_come(self) -> bool:
        """Whether a tab that was left may yet leave a short window."""
        now = now_ms()
        return any(
            stream.end in ("left", "taken over")
            and stream.number is not None
            and now - stream.left_at < TAIL_WITHIN_S * 1000
            and (candidate.participant, stream.number, stream.windows) not in room.record.stored
            for room in self._rooms
            for candidate in room.record.candidates
            for stream in candidate.streams
        )

    async def _settle(self) -> None:
        """Until all is judged and no tab's tail is to come; or nothing has moved for long though something is owed."""
        for room in self._rooms:
            room.record.moved_at = now_ms()
        await _until(lambda: self._given_up() if not self._settled() else not self._tails_to_come())

    def _given_up(self) -> bool:
        """Whether those that owe something will not give it any more: nobody watches, or nothing moves."""
        owing = [room.record for room in self._rooms if not room.record.settled()]
        if not owing:
            return False
        return all(
            now_ms() - record.moved_at > PATIENCE_S * 1000 or all(proctor.fault for proctor in record.proctors)
            for record in owing
        )

    async def _end(self) -> None:
        """End the meetings; every proctor must be told."""
        for room in self._rooms:
            meeting = room.meeting
            try:
                await self._service.call(lambda node, meeting=meeting: node.end(meeting.data.id, meeting.admin_id))  # type: ignore[misc]
                room.record.end_called = True
            except (UndertoneError, httpx.TransportError) as error:
                room.record.not_ended = f"{error or type(error).__name__}"
        await _until(lambda: self._all_told() or self._given_up(), ENDED_WITHIN_S)

    def _all_told(self) -> bool:
        return self._settled() and all(room.record.ended for room in self._rooms if room.record.end_called)


async def _until(holds: Callable[[], bool], within_s: float = inf) -> None:
    until = time.monotonic() + within_s
    while not holds() and time.monotonic() < until:  # noqa: ASYNC110 - what is waited for has no one event
        await asyncio.sleep(LOOK_EVERY_S)
