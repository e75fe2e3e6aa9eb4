"""One candidate's socket: feeds `core.stream`, and does what it asks. All rules are there; here is the waiting.

The socket is read without a pause but for a store that lags. What is to be stored is written one after the other by a
task of the node's, not of the socket's: it goes on when the socket has gone.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Protocol

import anyio

from undertone.core.errors import RemoteFault, Unavailable
from undertone.core.messages import StreamHello, encode
from undertone.core.stream import StreamReceiver
from undertone.core.stream_actions import (
    Action,
    CheckToken,
    End,
    FinishStream,
    KeepAnchor,
    KeepGap,
    LeavePart,
    Open,
    Send,
    StoreWindow,
)
from undertone.core.stream_states import State
from undertone.store.clock import DatabaseClock
from undertone.store.presence import Presence
from undertone.store.stream_rows import AlreadyFinished, Opened, Owner
from undertone.store.streams import Streams
from undertone.web.sockets import CLOSE_WITHIN_S, Peer

log = logging.getLogger(__name__)

# A store that lags holds the reader back for so long at most: pings must be answered within 10 s.
RELIEF_S: Final = 2.0
# The store may be away for so long before the candidate is sent elsewhere; its audio waits in bounded memory meanwhile.
PATIENCE_S: Final = 30.0
# A state that could not be shown, or not yet (degraded is said at most once a minute), is tried again after so long.
SHOW_AGAIN_MS: Final = 5_000
RETRY_FIRST_S: Final = 0.25
RETRY_MOST_S: Final = 4.0

Work = StoreWindow | KeepGap | KeepAnchor | FinishStream | LeavePart


class Desk(Protocol):
    """What a connection asks of its node."""

    clock: DatabaseClock
    streams: Streams
    presence: Presence
    max_speed: float

    async def open(self, connection: Connection, hello: StreamHello) -> Opened | AlreadyFinished: ...
    async def refresh(self, owner: Owner, token: str) -> int: ...
    def spawn(self, task: Callable[..., Coroutine[Any, Any, None]], *args: object) -> None: ...


class Connection:
    """One accepted socket of a candidate, from its hello until everything it brought is written."""

    def __init__(self, desk: Desk, peer: Peer) -> None:
        self.accepted = peer.accepted  # by time.monotonic()
        self.answers = peer.answers  # whether the client is there now
        self._desk = desk
        self._peer = peer
        self._receiver = StreamReceiver(desk.clock.now_ms(), max_speed=desk.max_speed)
        self._outbox: deque[str] = deque()
        self._sending = anyio.Lock()
        self._reading = anyio.CancelScope()
        self._fault: RemoteFault | None = None
        self._work: deque[Work] = deque()
        self._working = False
        self._put: str | None = None  # in the clip store for the work in hand: once, however often its row is tried
        self._patience_s = PATIENCE_S
        self._progress = anyio.Event()
        self._shown_degraded = False  # what the proctors see, as far as this connection told them
        self._showing = False
        self._show_again_ms = 0
        self._asked = False  # whether the stream was asked for
        self.owner: Owner | None = None
        self.opened_at: datetime | None = None  # by the database's clock
        #: Set when nothing of this connection is left to be written.
        self.kept = anyio.Event()

    async def converse(self, hello: str) -> None:
        """The whole conversation. Raises the fault that ends it."""
        self._peer.on_stop = self.stop
        try:
            with self._reading:
                await self._receive(hello)
            with anyio.move_on_after(CLOSE_WITHIN_S):
                await self._flush()
        finally:
            self._receiver.lost()
            self._react()
            if not self._asked:
                self.kept.set()
        if self._fault is not None:
            raise self._fault

    def stop(self, fault: RemoteFault) -> None:
        """End it from outside: what it brought is kept first."""
        self._receiver.stop(fault, self._now())
        self._react()

    def tick(self, now_ms: int) -> None:
        """A second has passed."""
        self._receiver.handle_timer(now_ms)
        self._react()
        self._show(now_ms)

    @property
    def over(self) -> bool:
        """Whether the conversation is at its end, or past it."""
        return self._receiver.state in (State.FINISHING, State.CLOSING, State.CLOSED)

    # --- the socket

    async def _receive(self, hello: str) -> None:
        self._receiver.receive_text(hello, self._now())
        self._react()
        receiver, peer, now_ms = self._receiver, self._peer, self._desk.clock.now_ms
        while True:
            message = await peer.receive()
            if message is None:
                return
            if isinstance(message, bytes):
                receiver.receive_audio(message, now_ms())
            else:
                receiver.receive_text(message, now_ms())
            self._react()
            if receiver.congested:
                with anyio.move_on_after(RELIEF_S):
                    await self._progress.wait()

    def _react(self) -> None:
        """Set going what the receiver asks for. Never waits, so that nothing can be lost half-way."""
        actions = self._receiver.actions()
        if not actions:
            return
        for action in actions:
            self._begin(action)
        if self._outbox:
            self._spawn(self._flush)
        if self._work and not self._working:
            self._working = True
            self._spawn(self._keep)

    def _begin(self, action: Action) -> None:
        if isinstance(action, Send):
            self._outbox.append(encode(action.message))
        elif isinstance(action, (StoreWindow, KeepGap, KeepAnchor, FinishStream, LeavePart)):
            self._work.append(action)
        elif isinstance(action, End):
            self._fault = action.fault
            self._reading.cancel()
        elif isinstance(action, Open):
            self._asked = True
            self._spawn(self._open, action.hello)
        elif isinstance(action, CheckToken):
            self._spawn(self._check, action.token)
        else:
            self._show(self._now())

    async def _flush(self) -> None:
        async with self._sending:
            while self._outbox:
                await self._peer.send(self._outbox[0])
                self._outbox.popleft()

    # --- the store

    async def _open(self, hello: StreamHello) -> None:
        try:
            opened = await self._desk.open(self, hello)
            if isinstance(opened, AlreadyFinished):
                self._receiver.already_finished(opened.total_bytes, opened.windows)
            else:
                self.owner, self.opened_at = opened.owner, opened.now
                self._receiver.opened(opened.opening, self._now())
        finally:
            if self.owner is None:
                self.kept.set()

    async def _check(self, token: str) -> None:
        assert self.owner is not None
        self._receiver.refreshed(await self._desk.refresh(self.owner, token))

    def _show(self, now_ms: int) -> None:
        """See that the proctors are shown what is so: one change at a time, again later where it was refused."""
        if self._receiver.degraded != self._shown_degraded and not self._showing and now_ms >= self._show_again_ms:
            self._showing = True
            self._spawn(self._mark, self._receiver.degraded)

    async def _mark(self, degraded: bool) -> None:
        assert self.owner is not None
        self._show_again_ms = self._now() + SHOW_AGAIN_MS
        try:
            if degraded:
                self._shown_degraded = await self._desk.presence.degraded(self.owner)
            else:
                await self._desk.presence.streaming(self.owner)
                self._shown_degraded = False
            if self._shown_degraded == degraded:
                self._show_again_ms = 0
        except Unavailable as away:
            log.warning("presence of %s was not written: %s", self.owner.participant, away)
        finally:
            self._showing = False

    async def _keep(self) -> None:
        """Write what waits, in order. A store that is away is normal; one that stays away sends the candidate away."""
        try:
            while self._work:
                action = self._work[0]
                try:
                    await self._write_patiently(action)
                except RemoteFault as fault:
                    self._patience_s = 0.0
                    self._work.clear()
                    self._receiver.stop(fault, self._now())
                    self._react()
                    self._work.clear()  # nor a part: it would move the stream past a gap that nobody was told of
                    await self._give_up()
                    self._receiver.given_up()  # there is no part to wait for: the candidate is told now
                else:
                    self._work.popleft()
                    if isinstance(action, (LeavePart, FinishStream)):
                        self.kept.set()
                self._progress.set()
                self._progress = anyio.Event()
                self._react()
        finally:
            self._working = False

    async def _give_up(self) -> None:
        """What could not be written is still in the sender's buffer: let go of the line for whoever takes it there."""
        assert self.owner is not None
        with suppress(Unavailable):  # then the node finds, later, that it does not hold this line
            await self._desk.streams.release(self.owner)
        self.kept.set()

    async def _write_patiently(self, action: Work) -> None:
        self._put, pause_s, give_up_at = None, RETRY_FIRST_S, anyio.current_time() + self._patience_s
        while True:
            try:
                return await self._write(action)
            except Unavailable:  # at once, or after 10 s of silence
                if anyio.current_time() >= give_up_at:
                    raise
                await anyio.sleep(pause_s)
                pause_s = min(2 * pause_s, RETRY_MOST_S)

    async def _write(self, action: Work) -> None:
        assert self.owner is not None
        streams = self._desk.streams
        if isinstance(action, StoreWindow):
            self._put = self._put or await streams.put_clip(self.owner, action.window)
            await streams.store_window(self.owner, action, self._put)
            self._receiver.window_stored()
        elif isinstance(action, KeepGap):
            await streams.keep_gap(self.owner, action)
        elif isinstance(action, KeepAnchor):
            await streams.keep_anchor(self.owner, action)
        elif isinstance(action, FinishStream):
            self._receiver.stream_finished(await streams.finish(self.owner, action.total_bytes))
        else:
            self._put = self._put or await streams.put_part(self.owner, action)
            await streams.leave_part(self.owner, action, self._put)
            self._receiver.part_left()

    def _spawn(self, task: Callable[..., Coroutine[Any, Any, None]], *args: object) -> None:
        self._desk.spawn(self._guarded, task, *args)

    async def _guarded(self, task: Callable[..., Coroutine[Any, Any, None]], *args: object) -> None:
        """A fault ends this connection; a bug does too, loudly, and no other peer notices."""
        try:
            await task(*args)
        except RemoteFault as fault:
            self._receiver.stop(fault, self._now())
        except Exception:
            log.exception("a candidate's connection failed")
            self._work.clear()
            self.kept.set()
            self._receiver.stop(Unavailable("a fault of this server's; try again", 5_000), self._now())
        self._react()

    def _now(self) -> int:
        return self._desk.clock.now_ms()
