"""What one event costs with a thousand proctors, and what an idle proctor weighs, beside a bare starlette/uvicorn send.

Three processes besides this one: `undertone serve`, a bare starlette application on the same uvicorn settings, and the
clients of both. This process writes the events as another node would: into the database, then a notice. Bare and ours
take turns, so that whatever else the machine does meets both.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
import httpx
import orjson
import psutil
from websockets.sync.client import connect

from tests.bench.bare import bare_server
from tests.bench.clients import Clients, Crowd, clients
from tests.serving import running_server
from undertone.core.events import Person, WindowJudged
from undertone.store import embedded
from undertone.store.database import Database
from undertone.store.events import NewEvent, append
from undertone.store.notify import Notifier

PROCTORS: Final = 1_000
EVENTS: Final = 40  # a round; 40,000 deliveries are a second of CPU, a hundred times what its clock resolves
ROUNDS: Final = 5
EVERY_S: Final = 0.04  # 25 events a second: 400 candidates' verdicts, and both servers keep up
WARM_UP: Final = 50  # sockets before anything is weighed: what is imported late is not a socket's weight

CPU_TARGET: Final = 1.5
KIB_TARGET: Final = 60

VERDICT: Final = WindowJudged(
    stream=1,
    window=12,
    start_at="2026-01-01T10:59:00.000Z",
    duration_ms=60_002,
    outcome="clean",
    voices=1,
    confidence=0.93,
)


def main() -> None:
    """Prints the figures and how they stand to the targets."""
    folder = Path(tempfile.mkdtemp(prefix="undertone-bench-"))
    folder.chmod(0o711)
    try:
        with (
            embedded.start(folder / "database") as postgres,
            running_server(folder, database_url=postgres.dsn) as server,
            _bare() as bare,
        ):
            ours = asyncio.run(_prepare(postgres.dsn, server.url, server.pid))
            measure(bare, ours, postgres.dsn)
    finally:
        shutil.rmtree(folder)


@dataclass(frozen=True, slots=True)
class Served:
    """A server under test: its process, and where its clients go with which first message."""

    name: str
    process: psutil.Process
    port: int
    path: str
    hello: str
    meeting: str = ""


async def _prepare(database_url: str, url: str, pid: int) -> Served:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        answer = (await http.post("/meetings", json={"title": "fan-out"})).json()
    meeting, port = answer["data"]["id"], int(url.rsplit(":", 1)[1])
    hello = orjson.dumps({"type": "hello", "meeting": meeting, "admin_id": answer["admin_id"]}).decode()
    return Served("undertone", psutil.Process(pid), port, "/channel", hello, meeting)


def measure(bare: Served, ours: Served, database_url: str) -> None:
    """Weighs the idle sockets of both, then lets them send in turn."""
    with contextlib.ExitStack() as stack:
        sides = [
            (side, stack.enter_context(clients(Crowd(side.port, side.path, [side.hello] * PROCTORS))))
            for side in (bare, ours)
        ]
        kib = {side.name: _weigh(side, crowd) for side, crowd in sides}
        costs: dict[str, list[float]] = {side.name: [] for side, _ in sides}
        with connect(f"ws://127.0.0.1:{bare.port}/control", proxy=None) as control:
            for number in range(1, ROUNDS + 1):
                for side, crowd in sides:
                    costs[side.name].append(_round(side, crowd, number, control.send, database_url))
    _print(costs[bare.name], costs[ours.name], kib[bare.name], kib[ours.name])


def _weigh(side: Served, crowd: Clients) -> float:
    """KiB of resident memory that one more idle socket takes."""
    crowd.ask(("connect", WARM_UP))
    time.sleep(1)
    before = side.process.memory_info().rss
    crowd.ask(("connect", PROCTORS - WARM_UP))
    time.sleep(1)
    return (side.process.memory_info().rss - before) / 1024 / (PROCTORS - WARM_UP)


def _round(side: Served, crowd: Clients, number: int, send: Callable[[str], None], database_url: str) -> float:
    """Microseconds of the server's CPU for one event delivered to one socket."""
    before = side.process.cpu_times()
    if side.meeting:
        anyio.run(_write, database_url, side.meeting)
    else:
        text = _text_like_ours()
        for _ in range(EVENTS):
            send(text)
            time.sleep(EVERY_S)
    due = EVENTS * PROCTORS * number
    received = crowd.ask(("events", due))
    assert received == due, f"{side.name}: {received} of {due} arrived"
    after = side.process.cpu_times()
    return (after.user + after.system - before.user - before.system) / (EVENTS * PROCTORS) * 1e6


async def _write(database_url: str, meeting: str) -> None:
    """As another node does."""
    database, notifier = Database(database_url), Notifier(database_url)
    await database.connect()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(notifier.run)
        for _ in range(EVENTS):
            async with database.transaction() as transaction:
                await append(transaction, meeting, [NewEvent("window_judged", VERDICT, Person("c1", "A candidate"))])
            notifier.moved(meeting)
            await anyio.sleep(EVERY_S)
        tasks.cancel_scope.cancel()
    await database.close()


def _text_like_ours() -> str:
    event = {"type": "event", "id": 1, "kind": "window_judged", "at": VERDICT.start_at}
    person = {"participant": {"id": "c1", "name": "A candidate"}}
    body = {name: getattr(VERDICT, name) for name in VERDICT.__struct_fields__ if name != "reason"}
    return orjson.dumps({**event, **person, **body}).decode()


@contextlib.contextmanager
def _bare() -> Iterator[Served]:
    with bare_server() as (process, port):
        yield Served("bare", process, port, "/", "hello")


def _print(bare: list[float], ours: list[float], bare_kib: float, our_kib: float) -> None:
    ratios = [mine / theirs for mine, theirs in zip(ours, bare, strict=True)]
    ratio = statistics.median(ratios)
    print(f"{PROCTORS} proctors, {EVENTS} events a round, {ROUNDS} rounds in turn; {os.cpu_count()} cores")
    print("CPU of the server for one delivered event (median, and each round):")
    for name, costs in (("bare send", bare), ("undertone", ours)):
        each = " ".join(f"{cost:.1f}" for cost in costs)
        print(f"  {name:10} {statistics.median(costs):6.1f} µs   ({each})")
    each = " ".join(f"{each:.2f}" for each in ratios)
    print(f"  ratio      {ratio:6.2f} ({each})   target {CPU_TARGET}: {_verdict(ratio <= CPU_TARGET)}")
    print("resident memory of one idle proctor:")
    print(f"  bare send  {bare_kib:6.1f} KiB")
    print(f"  undertone  {our_kib:6.1f} KiB   target {KIB_TARGET}: {_verdict(our_kib <= KIB_TARGET)}")


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    main()
