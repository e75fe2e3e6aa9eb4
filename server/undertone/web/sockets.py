"""What both sockets share: who may come in, the deadline of the first message, and how a fault is told.

A browser can't see a refused handshake, so every socket is accepted, told `error`, and closed with the fault's code.
A handler raises a `RemoteFault` from wherever it is (task groups included) and `Entrance.serve` does the rest.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Final

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from undertone.core.errors import (
    FIRST_FINAL,
    BadMessage,
    Draining,
    FellBehind,
    Forbidden,
    FormatChanged,
    HelloTimeout,
    Overloaded,
    RateLimited,
    RemoteFault,
    TokenExpired,
    Unavailable,
    UnsupportedVersion,
)
from undertone.core.messages import HELLO_WITHIN_MS, encode, error_message
from undertone.web.addresses import counted, from_here
from undertone.web.lines import line_of

# How long `error` and the close may wait for a peer that reads slowly. After it the line is dropped without a code,
# which clients take as "try again". Long enough for 64 KiB, what the transport may still hold, at 100 kbit/s.
CLOSE_WITHIN_S: Final = 5.0

# Who says goodbye and has not read so much yet never will: without an end it would be kept for another 30 s. Less than
# that lies in the kernel's buffers, our answer to the goodbye among it.
UNREAD_BYTES: Final = 65_536

# Clients come back at a random moment within this time (full jitter: the herd that left together doesn't return
# together), on top of what the fault itself asks for.
RETRY_WITHIN_MS: Final[dict[type[RemoteFault], int]] = {
    Draining: 5_000,  # a successor takes seconds to start; with a second node, a thousand come in 5 ms apart
    Overloaded: 30_000,  # load falls by people leaving, not by the second
    Unavailable: 10_000,  # a database's restart
    FellBehind: 2_000,  # only this one peer
    RateLimited: 5_000,
    HelloTimeout: 5_000,
    TokenExpired: 1_000,  # tokens minted together end together, and renewing is a call of its own
    FormatChanged: 0,  # the recording goes on meanwhile
}


# What sending to a peer that has left raises. RuntimeError: starlette after a close (its WebSocketDisconnected), and
# uvicorn's "Unexpected ASGI message" between a dead keepalive and the end of the connection.
LEFT: Final = (WebSocketDisconnect, RuntimeError)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many sockets a node holds."""

    # A school's whole floor may share one address and start at the same minute; each says hello within milliseconds.
    silent_per_address: int = 64
    silent: int = 1_000  # in all; at about 30 KiB each, what strangers can make us hold
    sockets: int = 15_000  # in all; `serve` lowers it to what `ulimit -n` leaves


class Peer:
    """One accepted WebSocket, seen from its handler."""

    __slots__ = ("_fault", "_scope", "_websocket", "accepted", "address", "line", "on_stop")

    def __init__(self, websocket: WebSocket, address: str) -> None:
        self._websocket = websocket
        self._scope = anyio.CancelScope()
        self._fault: RemoteFault | None = None
        self.address = address
        self.accepted = time.monotonic()  # before the peer can know it: it says hello after this
        self.line = line_of(websocket.scope)
        #: Set by a handler that must do something before it ends; without it, `stop` cancels the handler.
        self.on_stop: Callable[[RemoteFault], None] | None = None

    async def receive(self) -> str | bytes | None:
        """The next message; None once the peer has left, or sent over 64 KiB (the WebSocket layer closes: 1009)."""
        if self._websocket.client_state is WebSocketState.DISCONNECTED:
            return None
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        data: str | bytes | None = message.get("bytes")
        if data is None:
            data = message["text"]
        return data

    async def send(self, text: str) -> None:
        """Send one text message; waits while the peer reads slowly. To a peer that has left: nothing."""
        with contextlib.suppress(*LEFT):
            await self._websocket.send_text(text)

    async def answers(self, within_s: float) -> bool:
        """Whether the peer is there now: it answers a ping."""
        return await self.line.answers(within_s)

    def stop(self, fault: RemoteFault) -> None:
        """End the conversation with `fault`, from any task. The first fault is the one that is told."""
        if self._fault is not None:
            return
        self._fault = fault
        if self.on_stop is None:
            self._scope.cancel()
        else:
            self.on_stop(fault)

    async def _close(self, fault: RemoteFault | None) -> None:
        if self._websocket.client_state is WebSocketState.DISCONNECTED:
            if self.line.unsent() > UNREAD_BYTES:
                self.line.abort()
            return
        with anyio.move_on_after(CLOSE_WITHIN_S) as told:
            with contextlib.suppress(*LEFT):
                if fault is None:
                    await self._websocket.close(1000)
                else:
                    await self._websocket.send_text(encode(error_message(spread(fault))))
                    await self._websocket.close(fault.close, fault.code)
        if told.cancelled_caught:
            self.line.abort()


def spread(fault: RemoteFault) -> RemoteFault:
    """The fault with a random moment to come back, if coming back makes sense."""
    if fault.close >= FIRST_FINAL:
        return fault
    jitter = secrets.randbelow(RETRY_WITHIN_MS[type(fault)] + 1)
    return type(fault)(fault.detail, retry_after_ms=(fault.retry_after_ms or 0) + jitter)


Handler = Callable[[Peer, str], Awaitable[None]]


class Entrance:
    """Everybody who is connected to this node, and the rules for coming in. One per process, for both sockets."""

    def __init__(self, origins: Collection[str] = (), limits: Limits = Limits()) -> None:
        """`origins`: those whose pages may connect besides our own; `*` is any. Others than browsers send none."""
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)
        self._limits = limits
        self._peers: set[Peer] = set()
        self._silent: Counter[str] = Counter()
        self._draining = False
        self._emptied = anyio.Event()

    @property
    def open(self) -> int:
        """How many sockets there are, those included that are still being closed."""
        return len(self._peers)

    async def serve(self, websocket: WebSocket, protocol: str, handler: Handler) -> None:
        """Accept, await the first message, hand it to `handler(peer, text)`; tell its fault, or close 1000 after it."""
        address = counted(websocket.client.host if websocket.client else "")
        peer = Peer(websocket, address)
        self._peers.add(peer)
        fault: RemoteFault | None = None
        try:
            try:
                with peer._scope:
                    hello = await self._admit(peer, websocket, protocol)
                    if hello is not None:
                        await handler(peer, hello)
            except* RemoteFault as faults:
                fault = _first(faults)
            await peer._close(peer._fault or fault)
        finally:
            self._peers.discard(peer)
            if self._draining and not self._peers:
                self._emptied.set()

    async def drain(self, within_s: float) -> None:
        """Let nobody in any more and tell all to go, in batches over half the time; returns once they have left."""
        self._draining = True
        peers = list(self._peers)
        # A herd closed at once would come back at once, and our own loop would answer nobody meanwhile.
        batch = max(10, len(peers) // 50)
        pause = within_s / 2 / max(1, len(peers) // batch)
        with anyio.move_on_after(within_s):
            for first in range(0, len(peers), batch):
                for peer in peers[first : first + batch]:
                    peer.stop(Draining("this node is going away; connect again"))
                if first + batch < len(peers):
                    await anyio.sleep(pause)
            if self._peers:
                await self._emptied.wait()

    async def _admit(self, peer: Peer, websocket: WebSocket, protocol: str) -> str | None:
        offered = websocket.scope["subprotocols"]
        spoken = protocol if protocol in offered else (offered[0] if offered else None)
        try:
            await websocket.accept(spoken)
        except LEFT:
            return None
        if self._draining:
            raise Draining("this node is going away; connect again")
        if spoken not in (None, protocol):
            raise UnsupportedVersion(f"{spoken[:64]!r} is not spoken here: offer {protocol!r}")
        self._check_origin(websocket)
        if len(self._peers) > self._limits.sockets:
            raise Overloaded(f"this node holds its {self._limits.sockets} sockets; another may have room")
        if self._silent.total() >= self._limits.silent:
            raise Overloaded("too many sockets that have not said hello; say it at once")
        if self._silent[peer.address] >= self._limits.silent_per_address:
            raise RateLimited(
                f"{self._limits.silent_per_address} sockets of your address have not said hello; "
                "say it at once on each, or open fewer at a time"
            )
        return await self._hello(peer)

    async def _hello(self, peer: Peer) -> str | None:
        self._silent[peer.address] += 1
        try:
            with anyio.fail_after(HELLO_WITHIN_MS / 1000):
                message = await peer.receive()
        except TimeoutError:
            raise HelloTimeout(f"no hello within {HELLO_WITHIN_MS} ms of connecting") from None
        finally:
            self._silent[peer.address] -= 1
            if not self._silent[peer.address]:
                del self._silent[peer.address]
        if isinstance(message, bytes):
            raise BadMessage("the first message is `hello`, as text; binary messages are audio and come later")
        return message

    def _check_origin(self, websocket: WebSocket) -> None:
        origin = websocket.headers.get("origin")
        if origin is None or "*" in self._origins or origin.lower() in self._origins:
            return
        if from_here(origin, websocket.headers):
            return
        raise Forbidden(f"pages of {origin[:200]!r} may not connect here: add it to UNDERTONE_ORIGINS")


def _first(faults: BaseExceptionGroup[RemoteFault]) -> RemoteFault:
    fault: BaseException = faults
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    assert isinstance(fault, RemoteFault)
    return fault
