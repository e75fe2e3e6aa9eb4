"""Many clients of one server in a process of their own, doing what they are told through a pipe.

Proctors say hello, answer pings and count; candidates stream the same MP3 besides, each from a place of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final, TypeAlias

import uvloop

from tests.bench.websocket import BINARY, WebSocket, frame

# ("connect", n more) or ("send", seconds of sound each); or what to wait for, counted from the beginning: ("stored", n
# windows), ("events", n events). The answer is how many there are.
Order: TypeAlias = tuple[str, int]

AT_ONCE: Final = 20  # connections being opened; a server lets so many strangers of one address wait
WITHIN_S: Final = 90.0
ANSWER_WITHIN_S: Final = 300.0
MESSAGE_S: Final = 0.25  # what a browser's encoder hands on: four messages a second
MESSAGE_BYTES: Final = 2_000  # at 64 kbit/s


@dataclass(frozen=True, slots=True)
class Crowd:
    """Where the clients go, what each says first, what they stream and how many times as fast as life."""

    port: int
    path: str
    hellos: Sequence[str]
    mp3: bytes = b""
    speed: float = 1.0


class Clients:
    """The other end of the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def ask(self, order: Order) -> int:
        """Have it done; the answer. Raises TimeoutError."""
        self._pipe.send(order)
        if not self._pipe.poll(ANSWER_WITHIN_S):
            raise TimeoutError(f"the clients did not {order[0]} within {ANSWER_WITHIN_S:.0f} s")
        answer: int = self._pipe.recv()
        return answer


@contextlib.contextmanager
def clients(crowd: Crowd) -> Iterator[Clients]:
    """A process with the clients of one server."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_run, args=(there, crowd), daemon=True)
    process.start()
    try:
        yield Clients(here)
    finally:
        here.close()
        process.join(10)


def _run(orders: Connection, crowd: Crowd) -> None:
    uvloop.run(_obey(orders, crowd))


async def _obey(orders: Connection, crowd: Crowd) -> None:
    """Until the other end of the pipe closes."""
    hellos, crowded, sent = list(crowd.hellos), list[Client](), 0
    while True:
        while not orders.poll():
            await asyncio.sleep(0.01)
        try:
            what, number = orders.recv()
        except EOFError:
            return
        if what == "connect":
            while number:
                more = [await _connect(crowd, hellos.pop()) for _ in range(min(AT_ONCE, number))]
                number -= len(more)
                await asyncio.wait_for(asyncio.gather(*(client.ready for client in more)), WITHIN_S)
                crowded += more
            orders.send(len(crowded))
        elif what == "send":
            sent = await _speak(crowded, crowd, sent, round(number / MESSAGE_S))
            orders.send(sent)
        else:
            orders.send(await _wait(crowded, what, number))


async def _wait(crowded: list[Client], what: str, number: int) -> int:
    def count() -> int:
        return sum(client.stored if what == "stored" else client.events for client in crowded)

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WITHIN_S):
            while count() < number:
                await asyncio.sleep(0.05)
    return count()


async def _speak(crowded: list[Client], crowd: Crowd, sent: int, messages: int) -> int:
    """Each client's next messages, spread over the time they take, so that they do not come in lockstep."""
    began = time.monotonic()
    step_s = MESSAGE_S / crowd.speed / len(crowded)
    for number in range(messages):
        for index, client in enumerate(crowded):
            late_s = time.monotonic() - began - (number * len(crowded) + index) * step_s
            if late_s < -0.002:
                await asyncio.sleep(-late_s)
            at = (sent + number) * MESSAGE_BYTES % len(crowd.mp3)
            client.write(frame(BINARY, crowd.mp3[at : at + MESSAGE_BYTES]))
    return sent + messages


async def _connect(crowd: Crowd, hello: str) -> Client:
    _, client = await asyncio.get_running_loop().create_connection(
        lambda: Client(crowd.path, hello), "127.0.0.1", crowd.port
    )
    return client


class Client(WebSocket):
    """Says hello and counts what it is told."""

    def __init__(self, path: str, hello: str) -> None:
        super().__init__(path)
        self._hello = hello
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.events = 0
        self.stored = 0

    def opened(self) -> None:
        self.say(self._hello)

    def text(self, payload: bytes) -> None:
        if payload.startswith(b'{"type":"event"'):
            self.events += 1
        elif payload.startswith(b'{"type":"stored"'):
            self.stored += 1
        elif payload.startswith(b'{"type":"ready"'):
            self.ready.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionError("closed before it was ready"))
