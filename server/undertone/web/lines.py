"""The TCP connection under a WebSocket, which ASGI hides: how much its peer has not taken yet, and its hard end."""

from __future__ import annotations

import fcntl
import struct
import termios
from typing import Any, Final, cast

import anyio
from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# Where a handler finds its line, among the scope's extensions.
EXTENSION: Final = "undertone.line"


class Line(WebSocketsSansIOProtocol):
    """One WebSocket of uvicorn's that its handler can look through, and that takes a slow reader for alive."""

    _unsent_at_ping = 0
    _heard: anyio.Event | None = None

    async def run_asgi(self) -> None:
        """The handler, which may ask for its line."""
        cast("Scope", self.scope)["extensions"][EXTENSION] = self
        await super().run_asgi()

    def unsent(self) -> int:
        """Bytes that wait for the peer: the transport's, and what the kernel holds that was not acknowledged.

        Without the kernel's part a steady reader seems to stand still: of 4 MB, it asks for more once a third is free.
        """
        if self.disconnected:
            return 0
        try:
            waiting = self.transport.get_write_buffer_size()
            descriptor = self.transport.get_extra_info("socket").fileno()
            return waiting + int(struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)))[0])
        except (OSError, RuntimeError, ValueError):  # it ends just now
            return 0

    def abort(self) -> None:
        """The end, without what is unsent: closing waits for it, as long as the peer takes a byte at times."""
        self.transport.abort()

    async def answers(self, within_s: float) -> bool:
        """Whether somebody is there now: what a broken line brought may have waited long in a queue on the way.

        So may the answer to an older ping: only a new one's counts.
        """
        if self.disconnected:
            return False
        for timer in (self.ping_timer, self.pong_timer):
            if timer is not None:
                timer.cancel()
        self.send_keepalive_ping()
        heard = self._heard = self._heard or anyio.Event()
        with anyio.move_on_after(within_s):
            await heard.wait()
        return heard.is_set()

    def handle_pong(self, event: Any) -> None:
        """To the ping on its way, or to an older one, which says nothing."""
        super().handle_pong(event)
        if self.pending_ping_payload is None and self._heard is not None:
            self._heard.set()
            self._heard = None

    def send_keepalive_ping(self) -> None:
        """From here on the peer has its time."""
        super().send_keepalive_ping()
        self._unsent_at_ping = self.unsent()

    def keepalive_timeout(self) -> None:
        """A ping waits behind what was sent before: whoever takes some of it meanwhile is slow, and not dead."""
        unsent = self.unsent()
        if unsent < self._unsent_at_ping and self.ping_timeout is not None:
            self._unsent_at_ping = unsent
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
        else:
            super().keepalive_timeout()


def line_of(scope: Scope) -> Line:
    """The line of a WebSocket's scope."""
    line: Line = scope["extensions"][EXTENSION]
    return line
