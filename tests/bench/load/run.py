"""One load: a server, its clients, the kill and the restart; what was measured on the way."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from tests.bench.load import fleet
from tests.bench.load.machine import Watch, postgres_of
from tests.bench.load.plan import Orders, Plan, Post, Seat, Seen, Status
from tests.bench.load.speech import Speech
from tests.bench.load.stored import Found, look
from tests.serving import Server, running_server
from undertone.store import embedded

LOOK_EVERY_S: Final = 0.25
# The longest pause between two attempts is 30 s; an attempt may take 30 s, and so may what it has to catch up with.
BACK_WITHIN_S: Final = 120.0
# What the last windows' storing and telling may take.
SETTLED_WITHIN_S: Final = 60.0
ANSWER_WITHIN_S: Final = 60.0
# Proctors are told within milliseconds; if notices were lost, when the channels are next compared: every 5 s.
TOLD_WITHIN_S: Final = 6.0


@dataclass(frozen=True, slots=True)
class Run:
    """All that is to be told of one run. Times are of the monotonic clock."""

    plan: Plan
    speech: Speech
    began_at: float  # the first candidate
    started_at: float  # all of them had started, and the windows of the first were full
    killed_at: float
    up_at: float  # it said that it is ready again
    back_at: float  # all clients were back and had caught up
    before: Watch
    after: Watch
    seen: Seen
    found: Found
    server_log: str


class Trouble(Exception):
    """The load could not be run to its end; says how far it came."""


def run(plan: Plan, folder: Path, say: Callable[[str], None]) -> Run:
    """`folder` must be passable for the account PostgreSQL runs as."""
    # A line for each call that prepares the load says nothing; what the server warns of is reported.
    env = {"UNDERTONE_LOG_LEVEL": "warning", "UNDERTONE_CREATES_PER_MINUTE": "0"}
    if plan.speed > 1:
        env["UNDERTONE_MAX_SPEED"] = "0"
    with ExitStack() as stack:
        server = stack.enter_context(running_server(folder, env=env))
        postgres = stack.enter_context(embedded.start(folder))  # one more user of it: the restart finds it running
        orders = _prepare(server, plan)
        say(f"{plan.candidates} candidates and {plan.proctors} proctors in {plan.meetings} meetings")
        speech = Speech(plan.spoken_s)
        clients = Clients(stack, orders)
        clients.ask("watch")
        clients.wait(lambda status: status.watching == plan.proctors, BACK_WITHIN_S, "not all proctors came in")
        before = Watch(server.pid, server.port, postgres_of(folder))
        with before.running():
            clients.ask("speak")
            began_at = time.monotonic()
            started_at = began_at + plan.starting_s / plan.speed
            killed_at = began_at + plan.killed_after_s / plan.speed
            clients.wait(lambda status: status.started == plan.candidates, BACK_WITHIN_S, "not all started")
            say("all have started")
            while time.monotonic() < killed_at:
                time.sleep(LOOK_EVERY_S)
                clients.ask("status")
            before.stop()
        killed_at = time.monotonic()
        server.kill()
        server.start()
        up_at = time.monotonic()
        say(f"killed and up again within {up_at - killed_at:.1f} s")
        after = Watch(server.pid, server.port, postgres_of(folder))
        with after.running():
            clients.wait(
                lambda status: status.live + status.finished == plan.candidates and status.watching == plan.proctors,
                BACK_WITHIN_S,
                "not all came back",
            )
            back_at = time.monotonic()
            say("all are back")
            left_s = plan.spoken_s / plan.speed - (back_at - started_at)
            clients.wait(
                lambda status: status.finished == plan.candidates,
                max(0.0, left_s) + SETTLED_WITHIN_S,
                "not all finished",
            )
            time.sleep(TOLD_WITHIN_S)
        seen = clients.leave()
        say("all have finished")
        found = asyncio.run(look(postgres.dsn, folder, orders, speech.windows, seen))
        return Run(
            plan, speech, began_at, started_at, killed_at, up_at, back_at, before, after, seen, found, server.log()
        )


def _prepare(server: Server, plan: Plan) -> Orders:
    """The meetings, everybody's place in them, and what each shows at the door."""
    seats = []
    with httpx.Client(base_url=server.url, trust_env=False) as http:
        made = [
            http.post("/meetings", json={"title": f"room {number}"}).raise_for_status().json()
            for number in range(plan.meetings)
        ]
        for number in range(plan.candidates):
            meeting = made[number % plan.meetings]
            joined = http.post(
                f"/meetings/{meeting['data']['id']}/participants",
                json={"name": f"candidate {number}"},
                headers={"Authorization": f"Bearer {meeting['join_secret']}"},
            )
            data = joined.raise_for_status().json()["data"]
            seats.append(Seat(meeting["data"]["id"], data["id"], data["token"]))
    rooms = [made[number % plan.meetings] for number in range(plan.proctors)]
    posts = [Post(room["data"]["id"], room["admin_id"]) for room in rooms]
    return Orders(plan, server.port, seats, posts)


class Clients:
    """Their process."""

    def __init__(self, stack: ExitStack, orders: Orders) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=fleet.run, args=(there, orders), daemon=True)
        self._process.start()
        there.close()
        stack.callback(self._end)

    def ask(self, order: str) -> Status:
        answer = self._exchange(order)
        assert isinstance(answer, Status)
        return answer

    def leave(self) -> Seen:
        """They leave; what they have seen."""
        answer = self._exchange("leave")
        assert isinstance(answer, Seen)
        return answer

    def wait(self, until: Callable[[Status], bool], within_s: float, trouble: str) -> None:
        """Raises Trouble."""
        deadline = time.monotonic() + within_s
        while not until(status := self.ask("status")):
            if time.monotonic() > deadline:
                raise Trouble(f"{trouble} within {within_s:.0f} s: {status}")
            time.sleep(LOOK_EVERY_S)

    def _exchange(self, order: str) -> object:
        try:
            self._pipe.send(order)
            if not self._pipe.poll(ANSWER_WITHIN_S):
                raise Trouble(f"the clients' process did not answer {order!r}")
            answer: object = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise Trouble("the clients' process has ended") from error
        return answer

    def _end(self) -> None:
        self._pipe.close()
        self._process.terminate()
        self._process.join(10)
