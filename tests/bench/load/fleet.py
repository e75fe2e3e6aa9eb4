"""The process of all clients of a load: it starts them, is their microphones' clock, and tells how they stand."""

from __future__ import annotations

import asyncio
import gc
import time
from multiprocessing.connection import Connection
from random import Random
from typing import Final

import anyio
import uvloop
from anyio.abc import TaskGroup

from tests.bench.load.candidate import Candidate
from tests.bench.load.plan import Attempt, Orders, Seen, Status
from tests.bench.load.proctor import Proctor
from tests.bench.load.speech import Speech
from undertone.process import raise_open_files

# One timer for all microphones: each of its turns serves those whose message is due within it. Of 1,000 candidates 40
# send in the same ten milliseconds, and no two turns meet.
TURNS_A_MESSAGE: Final = 24
LOOK_EVERY_S: Final = 0.02
BETWEEN_PROCTORS_S: Final = 0.01


def run(pipe: Connection, orders: Orders) -> None:
    """Answers the orders `watch`, `speak` and `status` with a Status; `leave` with Seen, and ends."""
    raise_open_files()
    uvloop.run(Fleet(orders).obey(pipe))


class Fleet:
    """All clients."""

    def __init__(self, orders: Orders) -> None:
        self._plan = orders.plan
        self._speech = Speech(orders.plan.spoken_s)
        self._attempts: list[Attempt] = []
        random = Random(1)  # the same run every time, but for what the machine does
        self._candidates = [
            Candidate(orders.port, seat.token, self._speech, self._attempts, random) for seat in orders.seats
        ]
        self._proctors = [Proctor(orders.port, post, self._attempts, random) for post in orders.posts]
        self._started = 0
        self._latest_s = 0.0
        self._random = random
        self._tasks: TaskGroup

    @property
    def _message_s(self) -> float:
        return self._speech.message_s / self._plan.speed

    async def obey(self, pipe: Connection) -> None:
        """Until it is told to leave."""
        gc.freeze()  # what is here now stays: looking through it again and again would hold the clock up
        async with anyio.create_task_group() as self._tasks:
            while (order := await self._next(pipe)) != "leave":
                if order == "watch":
                    for proctor in self._proctors:
                        self._tasks.start_soon(proctor.live)
                        await asyncio.sleep(BETWEEN_PROCTORS_S)
                elif order == "speak":
                    self._tasks.start_soon(self._keep_time)
                pipe.send(self._status())
            for proctor in self._proctors:
                proctor.leave()
            self._tasks.cancel_scope.cancel()
        pipe.send(self._seen())

    async def _next(self, pipe: Connection) -> str:
        while not pipe.poll():
            await asyncio.sleep(LOOK_EVERY_S)
        order: str = pipe.recv()
        return order

    async def _keep_time(self) -> None:
        """The microphones' clock: starts each candidate in its turn, and lets all speak in theirs."""
        turn_s = self._message_s / TURNS_A_MESSAGE
        spread = self._plan.starting_s / self._plan.speed / turn_s
        starts = sorted((self._random.uniform(0, spread), number) for number in range(len(self._candidates)))
        wheel: list[list[Candidate]] = [[] for _ in range(TURNS_A_MESSAGE)]
        began = time.monotonic()
        turn, speaking = 0, len(self._candidates)
        while speaking:
            wait_s = began + turn * turn_s - time.monotonic()
            self._latest_s = max(self._latest_s, -wait_s)
            await asyncio.sleep(max(0.0, wait_s))
            place = wheel[turn % TURNS_A_MESSAGE]
            for candidate in place:
                candidate.speak()
            if any(candidate.silent for candidate in place):
                speaking -= len(place)
                place[:] = [candidate for candidate in place if not candidate.silent]
                speaking += len(place)
            while self._started < len(starts) and starts[self._started][0] <= turn:
                candidate = self._candidates[starts[self._started][1]]
                # By the clock and not by now: a clock that is late must not make the server look fast.
                candidate.began = began + turn * turn_s
                self._tasks.start_soon(candidate.live)
                place.append(candidate)
                self._started += 1
            turn += 1

    def _status(self) -> Status:
        return Status(
            started=self._started,
            live=sum(each.current and not each.finished for each in self._candidates),
            watching=sum(each.socket is not None for each in self._proctors),
            finished=sum(each.finished for each in self._candidates),
            over=sum(each.over and not each.finished for each in self._candidates),
        )

    def _seen(self) -> Seen:
        return Seen(
            candidates=[each.seen() for each in self._candidates],
            proctors=[each.seen() for each in self._proctors],
            attempts=self._attempts,
            message_s=self._message_s,
            latest_s=self._latest_s,
            cpu_s=time.process_time(),
        )
