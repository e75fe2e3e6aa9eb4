"""Writing to one subscriber through real uvicorn: at once while it reads, in bounds while it does not."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import anyio
import psutil
import pytest
from anyio.abc import TaskGroup
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection

from tests.web.here import dial, end_of, hear, serving
from undertone import serve
from undertone.core.errors import FellBehind
from undertone.web import outbox, sockets
from undertone.web.outbox import QUEUE_BYTES, Outbox
from undertone.web.sockets import Entrance, Peer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture(params=[True, False], ids=["uvloop", "asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Beginning a send outside its task is close to the loop: it must hold on both."""
    return "asyncio", {"use_uvloop": request.param}


class Subscriber:
    """One socket with an outbox, in the hands of the test."""

    def __init__(self) -> None:
        self.entrance = Entrance()
        self.joined = anyio.Event()
        self.spawned = 0
        self.outbox: Outbox
        self.tasks: TaskGroup
        self.peer: Peer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.entrance.serve(WebSocket(scope, receive, send), "undertone.channel.v1", self.converse)

    async def converse(self, peer: Peer, _: str) -> None:
        async with anyio.create_task_group() as self.tasks:
            self.peer = peer
            self.outbox = Outbox(peer.send, self.spawn, peer.stop, peer.line.unsent)
            self.joined.set()
            while await peer.receive() is not None:
                pass
            self.tasks.cancel_scope.cancel()

    def spawn(self, task: Any, *args: Any) -> None:
        self.spawned += 1
        self.tasks.start_soon(task, *args)


@asynccontextmanager
async def subscribed() -> AsyncIterator[tuple[Subscriber, ClientConnection]]:
    """A subscriber whose line holds little: what it does not read is felt at once."""
    subscriber = Subscriber()
    async with serving(Starlette(routes=[WebSocketRoute("/", subscriber)])) as url:
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024)
        host, port = url.removeprefix("ws://").split(":")
        line.connect((host, int(port)))
        # The client stops reading its line once 4 messages wait to be received.
        async with dial(url, sock=line, max_queue=4) as client:
            await client.send("hello")
            with anyio.fail_after(5):
                await subscriber.joined.wait()
            yield subscriber, client


def text(number: int, size: int = 100) -> str:
    return f'{{"id": {number}, "rest": "{"x" * size}"}}'


async def fill(subscriber: Subscriber, size: int = 16_000, rounds: int = 1) -> int:
    """Push until the line is full, so many times in all; how many it took."""
    for number in range(100_000):
        subscriber.outbox.push(text(number, size))
        if subscriber.spawned == rounds:
            return number + 1
        if number % 4 == 0:
            await anyio.sleep(0)
    raise AssertionError("the line never filled")


async def test_a_healthy_socket_is_written_to_at_once_without_a_task() -> None:
    async with subscribed() as (subscriber, client):
        for number in range(300):
            subscriber.outbox.push(text(number))
            assert (await hear(client))["id"] == number
        assert subscriber.spawned == 0
        await subscriber.outbox.room()


async def test_a_slow_reader_gets_everything_in_order() -> None:
    async with subscribed() as (subscriber, client):
        pushed = await fill(subscriber)
        for number in range(pushed, pushed + 100):
            subscriber.outbox.push(text(number))
        for number in range(pushed + 100):
            assert (await hear(client))["id"] == number
        with anyio.fail_after(5):
            await subscriber.outbox.room()
        subscriber.outbox.push(text(-1))
        assert (await hear(client))["id"] == -1
        assert subscriber.spawned == 1


async def test_what_was_sent_no_longer_counts() -> None:
    async with subscribed() as (subscriber, client):
        for round_ in range(1, 5):
            pushed = await fill(subscriber, rounds=round_)
            for number in range(100):
                subscriber.outbox.push(text(number, 1_000))
            for _ in range(pushed + 100):
                await hear(client)
            with anyio.fail_after(5):
                await subscriber.outbox.room()


async def test_room_waits_for_the_slow_reader() -> None:
    async with subscribed() as (subscriber, client):
        pushed = await fill(subscriber)
        with anyio.move_on_after(0.1) as waited:
            await subscriber.outbox.room()
        assert waited.cancelled_caught
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(subscriber.outbox.room)
            for _ in range(pushed):
                await hear(client)


async def test_who_reads_more_slowly_than_events_come_is_closed_and_told_to_resume() -> None:
    async with subscribed() as (subscriber, client):
        pushed = await fill(subscriber)
        for number in range(pushed, pushed + QUEUE_BYTES // 1000 + 2):
            subscriber.outbox.push(text(number, 1000))
        error, code, reason = await end_of(client)
        assert (error["type"], error["code"], code, reason) == ("error", "fell_behind", 4003, "fell_behind")
        assert str(QUEUE_BYTES) in error["detail"]


async def test_one_large_message_is_no_reason_to_close() -> None:
    async with subscribed() as (subscriber, client):
        subscriber.outbox.push(text(0, 40 * QUEUE_BYTES))
        subscriber.outbox.push(text(1))
        assert (await hear(client))["id"] == 0
        assert (await hear(client))["id"] == 1


async def test_who_reads_nothing_at_all_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "STALLED_S", 0.2)
    async with subscribed() as (subscriber, client):
        await fill(subscriber)
        await anyio.sleep(1)  # in the first moments its own buffers take some
        error, code, _ = await end_of(client)
        assert (error["code"], code) == ("fell_behind", 4003)
        assert "nothing was read" in error["detail"]


if hasattr(socket, "TCP_USER_TIMEOUT"):  # elsewhere than on Linux nothing drops such a connection

    async def test_a_peer_that_never_reads_does_not_keep_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(serve, "UNREAD_WITHIN_MS", 500)
        monkeypatch.setattr(outbox, "STALLED_S", 0.1)
        monkeypatch.setattr(sockets, "CLOSE_WITHIN_S", 0.1)
        async with subscribed() as (subscriber, client):
            mine = client.local_address
            assert mine in {connection.raddr for connection in psutil.Process().net_connections("tcp")}
            client.transport.pause_reading()
            await fill(subscriber)
            with anyio.fail_after(10):
                while mine in {connection.raddr for connection in psutil.Process().net_connections("tcp")}:
                    await anyio.sleep(0.1)
            assert subscriber.entrance.open == 0
            client.transport.abort()  # it can't see that it is alone


async def test_a_peer_that_leaves_while_texts_wait_ends_quietly() -> None:
    async with subscribed() as (subscriber, client):
        await fill(subscriber)
        subscriber.outbox.push(text(1))
        client.transport.abort()
        with anyio.fail_after(5):
            while subscriber.entrance.open:
                subscriber.outbox.push(text(2))
                await anyio.sleep(0.01)


async def test_a_send_that_waits_is_cancelled_with_its_task() -> None:
    """The rest of a coroutine that was begun outside a task hears of the cancellation like any other."""
    heard: list[BaseException] = []
    begun = anyio.Event()

    async def send(_: str) -> None:
        begun.set()
        try:
            await anyio.Event().wait()
        except BaseException as cancelled:
            heard.append(cancelled)
            raise

    async with anyio.create_task_group() as tasks:
        box = Outbox(send, tasks.start_soon, lambda _: None, lambda: 0)
        box.push("x")
        await begun.wait()
        await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    assert len(heard) == 1


async def test_the_bound_counts_bytes_not_characters() -> None:
    fell: list[FellBehind] = []

    async def never(_: str) -> None:
        await anyio.Event().wait()

    async with anyio.create_task_group() as tasks:

        def spawn(task: Any, *args: Any) -> Coroutine[Any, Any, None] | None:
            tasks.start_soon(task, *args)
            return None

        box = Outbox(never, spawn, fell.append, lambda: 0, limit=10)
        box.push("waits")
        box.push("äöü")
        assert not fell
        box.push("äöü")
        assert len(fell) == 1
        tasks.cancel_scope.cancel()
