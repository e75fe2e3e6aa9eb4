"""A client that stays: connects, says hello, and after a break waits and connects again, as our own clients do."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from random import Random

from tests.bench.load.plan import Attempt
from tests.bench.websocket import NO_CLOSE_CODE, WebSocket
from undertone.core.errors import may_retry
from undertone.core.messages import Error
from undertone_client.connection.link import OPEN_WITHIN_S, READY_WITHIN_S
from undertone_client.session import Backoff


class Line(ABC):
    """Base of candidates and proctors."""

    path: str
    who: str

    def __init__(self, port: int, attempts: list[Attempt], random: Random) -> None:
        self.closes: list[int] = []
        self.wrong: list[str] = []
        self.ready_at: list[float] = []
        self.socket: Socket | None = None  # since `ready`
        self.over = False
        self._port = port
        self._attempts = attempts
        self._backoff = Backoff(random)
        self._retry_after_ms: int | None = None

    async def live(self) -> None:
        """Until it is over."""
        while True:
            code = await self._connect_once()
            self.socket = None
            self.closed()
            if self.is_done() or not may_retry(code):
                self.over = True
                return
            wait_ms = self._backoff.failed(_now_ms(), self._retry_after_ms)
            await asyncio.sleep(wait_ms / 1000)

    async def _connect_once(self) -> int:
        """One connection from its opening to its end; the close code."""
        began, self._retry_after_ms = time.monotonic(), None
        try:
            async with asyncio.timeout(OPEN_WITHIN_S):
                _, socket = await asyncio.get_running_loop().create_connection(
                    lambda: Socket(self), "127.0.0.1", self._port
                )
        except OSError:
            self._attempts.append(Attempt(began, self.who, "refused"))
            return NO_CLOSE_CODE
        self._attempts.append(Attempt(began, self.who, "open"))
        await asyncio.wait([socket.gone, socket.ready], timeout=READY_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        if not socket.ready.done() and not socket.gone.done():
            socket.drop()
        await socket.gone
        self.closes.append(socket.close_code)
        return socket.close_code

    def is_ready(self, socket: Socket) -> None:
        """The server took the connection."""
        self.socket = socket
        self.ready_at.append(time.monotonic())
        self._backoff.ready(_now_ms())
        socket.ready.set_result(None)

    def told(self, error: Error) -> None:
        """An `error`, after which a close comes."""
        self._retry_after_ms = error.retry_after_ms

    @abstractmethod
    def hello(self) -> str:
        """The first message of a new connection."""

    @abstractmethod
    def text(self, socket: Socket, payload: bytes) -> None:
        """A message arrived."""

    @abstractmethod
    def is_done(self) -> bool:
        """Whether the end was meant."""

    def relieved(self) -> None:  # noqa: B027  # not everybody sends much
        """The line takes more again."""

    @abstractmethod
    def closed(self) -> None:
        """The connection has ended."""


class Socket(WebSocket):
    def __init__(self, line: Line) -> None:
        super().__init__(line.path)
        self._line = line
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def opened(self) -> None:
        self.say(self._line.hello())

    def text(self, payload: bytes) -> None:
        self._line.text(self, payload)

    def relieved(self) -> None:
        self._line.relieved()


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
