"""Many candidates' clients in one process: each says its own hello and streams the same MP3 from a place of its own."""

from __future__ import annotations

import asyncio
import contextlib
import time
from multiprocessing.connection import Connection
from typing import Final, TypeAlias

import uvloop

from tests.bench.watchers import Client

# ("connect", n more), ("send", seconds of sound each), ("stored", n windows to wait for); the answer is how many are
Order: TypeAlias = tuple[str, int]

AT_ONCE: Final = 20
STORED_WITHIN_S: Final = 60.0
MESSAGE_S: Final = 0.25  # what a browser's encoder hands on: four messages a second
MESSAGE_BYTES: Final = 2_000  # at 64 kbit/s


def send(orders: Connection, port: int, path: str, hellos: list[str], mp3: bytes, speed: float) -> None:
    """Does what it is told until the other end of the pipe closes."""
    uvloop.run(_send(orders, port, path, hellos, mp3, speed))


async def _send(orders: Connection, port: int, path: str, hellos: list[str], mp3: bytes, speed: float) -> None:
    clients: list[Client] = []
    sent = 0
    while True:
        while not orders.poll():
            await asyncio.sleep(0.01)
        try:
            what, number = orders.recv()
        except EOFError:
            return
        if what == "connect":
            while number:
                more = [await _connect(port, path, hellos.pop()) for _ in range(min(AT_ONCE, number))]
                number -= len(more)
                await asyncio.gather(*(client.ready for client in more))
                clients += more
        elif what == "send":
            sent = await _speak(clients, mp3, sent, round(number / MESSAGE_S), speed)
        else:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STORED_WITHIN_S):
                    while sum(client.stored for client in clients) < number:
                        await asyncio.sleep(0.05)
        orders.send(sum(client.stored for client in clients))


async def _speak(clients: list[Client], mp3: bytes, sent: int, messages: int, speed: float) -> int:
    """Each client's next messages, spread over the time they take, so that they do not come in lockstep."""
    began = time.monotonic()
    step_s = MESSAGE_S / speed / len(clients)
    for number in range(messages):
        for index, client in enumerate(clients):
            late_s = time.monotonic() - began - (number * len(clients) + index) * step_s
            if late_s < -0.002:
                await asyncio.sleep(-late_s)
            at = (sent + number) * MESSAGE_BYTES % len(mp3)
            client.audio(mp3[at : at + MESSAGE_BYTES])
    return sent + messages


async def _connect(port: int, path: str, hello: str) -> Client:
    _, client = await asyncio.get_running_loop().create_connection(lambda: Client(path, hello), "127.0.0.1", port)
    return client
