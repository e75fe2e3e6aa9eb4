"""What is on its way to one subscriber: written at once while its socket is healthy, queued in bounds while it is not.

A queue and a task per subscriber would cost every event a wake-up per subscriber: as much again as the send itself.
So a send is begun on the spot; nearly always it ends on the spot, too. One that has to wait is finished by a task.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final

import anyio

from undertone.core.errors import FellBehind

# Behind the 64 KiB that the transport holds. Some hundred events with evidence, or some thousand without.
QUEUE_BYTES: Final = 256 * 1024

# A peer that takes nothing for so long is not slow but gone: pings, too, find it after 25 s.
STALLED_S: Final = 25.0


class Outbox:
    """The outgoing texts of one subscriber, in the order they were pushed."""

    __slots__ = ("_bytes", "_fell_behind", "_free", "_limit", "_moved", "_queue", "_send", "_spawn", "_unsent")

    def __init__(
        self,
        send: Callable[[str], Coroutine[Any, Any, None]],
        spawn: Callable[[Callable[..., Coroutine[Any, Any, None]], Any], object],
        fell_behind: Callable[[FellBehind], None],
        unsent: Callable[[], int],
        limit: int = QUEUE_BYTES,
    ) -> None:
        """`spawn` starts a task that ends with the socket; `fell_behind` is told once too much is queued.

        `unsent` answers how many bytes its peer has not taken of those that were sent.
        """
        self._send = send
        self._spawn = spawn
        self._fell_behind = fell_behind
        self._unsent = unsent
        self._moved = False
        self._limit = limit
        self._queue: deque[str] | None = None  # None: the last send did not have to wait
        self._bytes = 0
        self._free: anyio.Event | None = None

    def push(self, text: str) -> None:
        """Send or queue. Never waits."""
        if self._queue is None:
            sending = self._send(text)
            try:
                waits_for = sending.send(None)
            except StopIteration:
                return
            self._queue = deque()
            self._spawn(self._drain, _Rest(sending, waits_for))
            return
        self._queue.append(text)
        self._bytes += _size(text)
        if self._bytes > self._limit:
            self._fell_behind(FellBehind(f"more than {self._limit} bytes were waiting for you; resume by id"))

    async def room(self) -> None:
        """Returns once nothing waits: at once, while the peer keeps up."""
        while self._queue is not None:
            if self._free is None:
                self._free = anyio.Event()
            await self._free.wait()

    async def _drain(self, rest: _Rest) -> None:
        assert self._queue is not None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch)
            await rest
            while self._queue:
                self._moved = True
                text = self._queue.popleft()
                self._bytes -= _size(text)
                await self._send(text)
            tasks.cancel_scope.cancel()
        self._queue = None
        if self._free is not None:
            self._free.set()
            self._free = None

    async def _watch(self) -> None:
        """One text may take minutes, a snapshot's; what counts is that the peer takes some of it."""
        unsent = self._unsent()
        while True:
            self._moved = False
            await anyio.sleep(STALLED_S)
            before, unsent = unsent, self._unsent()
            if not self._moved and unsent >= before:
                self._fell_behind(FellBehind(f"nothing was read for {STALLED_S:.0f} s; resume by id"))
                return


class _Rest:
    """What is left of a coroutine whose first step was taken outside a task: a task awaits this to finish it."""

    __slots__ = ("_coroutine", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, None], waits_for: object) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[object, Any, None]:
        waits_for = self._waits_for
        while True:
            try:
                try:
                    answer = yield waits_for
                except BaseException as thrown:  # noqa: BLE001 - a cancellation belongs to the coroutine, like any other
                    waits_for = self._coroutine.throw(thrown)
                else:
                    waits_for = self._coroutine.send(answer)
            except StopIteration:
                return


def _size(text: str) -> int:
    """Bytes on the wire; reading an ASCII string's length costs nothing."""
    return len(text) if text.isascii() else len(text.encode())
