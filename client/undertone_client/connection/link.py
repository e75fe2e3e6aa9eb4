"""Keeps one session connected: opens, says hello, carries messages both ways, waits, and opens again."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any, Final, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from undertone.core.errors import FIRST_FINAL, RemoteFault, TokenExpired, UndertoneError
from undertone_client.connection.address import ENVIRONMENT, Dial, Proxy, each, proxy_for, socket_url
from undertone_client.session import AfterClose, Backoff, ServerFault

log = logging.getLogger("undertone.client")

Renew = Callable[[], Awaitable[str]]
# Called with the code (1006 where there was none) and the reason of every connection that ended.
Closing = Callable[[int, str], None]
# Called with each text message as it came, before the session takes it.
Overhearing = Callable[[str], None]
# Called when the server broke the protocol; the connection ends by it, and is tried again.
Faulting = Callable[[ServerFault], None]

# As the server does: a dead line is found within 25 s, and the outbox holds far more.
PING_EVERY_S: Final = 15
PING_WITHIN_S: Final = 10
OPEN_WITHIN_S: Final = 10
# A hello may wait 2 s for an older connection's part, and for a slow database; beyond this the line counts as broken.
READY_WITHIN_S: Final = 20
CLOSE_WITHIN_S: Final = 2
# What goes out waits in here, not in the socket: a `refresh` or a `gap` is never behind a minute of audio.
WRITE_LIMIT: Final = 64 * 1024
NO_CLOSE_CODE: Final = 1006  # RFC 6455 section 7.1.5: the line broke without a close


class Connected(Protocol):
    """What a link needs of a session."""

    fault: UndertoneError | None

    @property
    def retry_after_ms(self) -> int | None: ...
    def connect(self) -> str: ...
    def next_message(self) -> str | bytes | None: ...
    def refresh(self, token: str) -> None: ...
    def closed(self, code: int, reason: str = "") -> AfterClose: ...


class Link(ABC):
    """Base of both connections; a subclass says what becomes of what arrives."""

    def __init__(
        self,
        session: Connected,
        server: str | Sequence[str],
        path: str,
        subprotocol: str,
        *,
        max_size: int,
        renew: Renew | None,
        proxy: Proxy,
        random: Random | None,
        dial: Dial | None,
        on_close: Closing | None,
        on_text: Overhearing | None,
        on_server_fault: Faulting | None,
    ) -> None:
        self.connections = 0  # how many the server has taken (`ready`)
        self.trouble: str | None = None  # why the last one ended, or never was
        self.server: str | None = None  # where the last one goes, or went
        self._connected = session
        self._servers = each(server)
        self._path = path
        for each_server in self._servers:
            socket_url(each_server, path)  # what is no address is said now
        self._subprotocol = Subprotocol(subprotocol)
        self._max_size = max_size
        self._renew = renew
        self._proxy = proxy
        self._dial = dial
        self._on_close = on_close
        self._on_text = on_text
        self._on_server_fault = on_server_fault
        self._random = random or Random()  # noqa: S311 - spreads load, guards nothing
        self._backoff = Backoff(self._random)
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._renewing: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        """Whether nothing is tried any more: it was finished, left, or closed for good."""
        return self._task is not None and self._task.done()

    @abstractmethod
    async def _arrived(self, text: str) -> None:
        """Hand one message to the session, and on what came of it. May raise ServerFault."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """Whether the server has taken the connection."""

    def _start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"undertone {self._subprotocol}")

    async def _stop(self) -> None:
        for task in (self._renewing, self._task):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])

    async def _over(self) -> None:
        """Wait until nothing is tried any more, and raise why, if that was not meant."""
        assert self._task is not None, "use it as an async context manager"
        await asyncio.wait([self._task])
        self._raise_if_over()

    def _raise_if_over(self) -> None:
        assert self._task is not None, "use it as an async context manager"
        if not self._task.done():
            return
        if not self._task.cancelled() and (crash := self._task.exception()) is not None:
            raise crash
        if self._connected.fault is not None:
            raise self._connected.fault

    async def _run(self) -> None:
        """Connect again and again until it is over."""
        while True:
            # Any node will do: drawn by lot, a crowd spreads over those that are left when one goes away.
            server = self.server = self._random.choice(self._servers)
            code, reason = await self._connect_once(server)
            if self._on_close is not None:
                self._on_close(code, reason)
            after = self._connected.closed(code, reason)
            if after is AfterClose.OVER:
                return
            self.trouble = f"{code} {reason}".strip()
            wait_ms = self._backoff.failed(_now_ms(), self._connected.retry_after_ms)
            log.info("%s%s: %s; again in %d ms", server, self._path, self.trouble, wait_ms)
            await asyncio.sleep(wait_ms / 1000)
            # After the wait, not before it: a token that lives for less than the wait would be refused again.
            if after is AfterClose.RENEW and not await self._try_to_renew():
                return

    async def _connect_once(self, server: str) -> tuple[int, str]:
        """One connection from its opening to its end: the close code and the reason."""
        elsewhere: dict[str, Any] = {}
        proxy = proxy_for(server) if self._proxy == ENVIRONMENT else self._proxy
        if self._dial is not None:
            elsewhere["host"], elsewhere["port"] = await self._dial(server)
            proxy = None
        try:
            socket = await connect(
                socket_url(server, self._path),
                subprotocols=[self._subprotocol],
                compression=None,
                proxy=proxy,
                open_timeout=OPEN_WITHIN_S,
                ping_interval=PING_EVERY_S,
                ping_timeout=PING_WITHIN_S,
                close_timeout=CLOSE_WITHIN_S,
                max_size=self._max_size,
                write_limit=WRITE_LIMIT,
                logger=log,
                **elsewhere,
            )
        except (OSError, WebSocketException) as error:
            return NO_CLOSE_CODE, f"can't connect: {error}"
        async with socket:
            hello = self._connected.connect()
            writer = asyncio.create_task(self._write(socket, hello))
            try:
                return await self._read(socket)
            finally:
                writer.cancel()
                await asyncio.wait([writer])

    async def _read(self, socket: ClientConnection) -> tuple[int, str]:
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                while not self._is_ready():
                    await self._receive(socket)
            self.connections += 1
            self.trouble = None
            self._backoff.ready(_now_ms())
            while True:
                await self._receive(socket)
        except ConnectionClosed as closed:
            frame = closed.rcvd
            return (NO_CLOSE_CODE, "the line broke") if frame is None else (frame.code, frame.reason)
        except TimeoutError:
            await socket.close(1011, "no ready")
            return NO_CLOSE_CODE, f"no `ready` within {READY_WITHIN_S} s"
        except ServerFault as fault:
            log.warning("the server broke the protocol: %s", fault)
            if self._on_server_fault is not None:
                self._on_server_fault(fault)
            await socket.close(1002, "protocol error")
            return NO_CLOSE_CODE, f"the server broke the protocol: {fault}"

    async def _receive(self, socket: ClientConnection) -> None:
        message = await socket.recv()
        if isinstance(message, bytes):
            raise ServerFault("a binary message")
        if self._on_text is not None:
            self._on_text(message)
        await self._arrived(message)
        self._wake.set()

    async def _write(self, socket: ClientConnection, hello: str) -> None:
        try:
            await socket.send(hello)
            while True:
                while (message := self._connected.next_message()) is not None:
                    await socket.send(message)
                self._wake.clear()
                await self._wake.wait()
        except ConnectionClosed:
            """The reader sees it too, and says what it was."""

    def renew_soon(self) -> None:
        """Renew the token beside the running connection: it ends within a minute, or the caller wants it."""
        if self._renew is not None and (self._renewing is None or self._renewing.done()):
            self._renewing = asyncio.create_task(self._renew_beside(self._renew))

    async def _renew_beside(self, renew: Renew) -> None:
        try:
            self._connected.refresh(await renew())
        except Exception as error:  # noqa: BLE001 - whatever the caller's function raises: the close that follows asks again
            log.warning("can't renew the token: %r", error)
        self._wake.set()

    async def _try_to_renew(self) -> bool:
        """The token has ended. False if it can't be renewed for good; what may pass is left to the next attempt."""
        if self._renew is None:
            self._connected.fault = TokenExpired("the token has ended, and there is no way to renew it")
            return False
        try:
            self._connected.refresh(await self._renew())
        except RemoteFault as fault:
            if fault.close >= FIRST_FINAL:
                self._connected.fault = fault
                return False
            log.info("can't renew the token yet: %s", fault)
        except Exception as error:  # noqa: BLE001  # the caller's own way of renewing; a broken network has many names
            log.info("can't renew the token yet: %r", error)
        return True


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
