"""One socket of a candidate, both directions, and the server's shell at its end: what `web.candidate.Connection` does,
one step at a time, so that anything may happen between two of them."""

from __future__ import annotations

from collections import deque
from typing import Literal

from tests.fuzz.speech import Speech
from tests.fuzz.store import Row, Store
from undertone.core.errors import RemoteFault, TakenOver, TokenExpired, Unavailable
from undertone.core.messages import MAX_MESSAGE_BYTES, StreamHello, encode, error_message
from undertone.core.stream import StreamReceiver
from undertone.core.stream_actions import (
    CheckToken,
    End,
    FinishStream,
    KeepAnchor,
    KeepGap,
    LeavePart,
    Open,
    Opening,
    Send,
    StoreWindow,
)
from undertone.core.stream_bounds import MAX_PENDING_BYTES

MAX_SPEED = 4
# The clips that wait, a window with its lead-in, and two messages: what one connection may hold.
MAX_HELD_BYTES = MAX_PENDING_BYTES + 70_000 + 2 * MAX_MESSAGE_BYTES

Work = StoreWindow | KeepGap | KeepAnchor | FinishStream | LeavePart
Answer = Literal["well", "away", "mute"]  # mute: what is written stays written, but its answer gets lost


class Line:
    """`up` and `down` are what is on its way; a number at the end of `down` is the close."""

    def __init__(self, store: Store, speech: Speech, now_ms: int) -> None:
        self.receiver = StreamReceiver(now_ms, max_speed=MAX_SPEED)
        self.up: deque[str | bytes] = deque()
        self.down: deque[str | int] = deque()
        self.work: deque[Work] = deque()
        self.hello: StreamHello | None = None  # waits for the store
        self.kept = False  # nothing of it is left to be written
        self.generation: int | None = None
        self._store = store
        self._speech = speech
        self._row: Row | None = None
        self._ended = self._gone = False

    def arrive(self, now_ms: int) -> None:
        """The next message reaches the server."""
        message = self.up.popleft()
        if isinstance(message, bytes):
            self.receiver.receive_audio(message, now_ms)
        else:
            self.receiver.receive_text(message, now_ms)
        self.react()

    def stop(self, fault: RemoteFault, now_ms: int) -> None:
        self.receiver.stop(fault, now_ms)
        self.react()

    def lost(self) -> None:
        """The server notices that the socket is gone."""
        self.up.clear()
        self.receiver.lost()
        if self.hello is None and self.generation is None:
            self.kept = True
        self.react()

    def tick(self, now_ms: int) -> None:
        self.receiver.handle_timer(now_ms)
        self.react()

    def open(self, expires_ms: int, answer: Answer, now_ms: int) -> None:
        """The store answers the hello."""
        hello, self.hello = self.hello, None
        assert hello is not None
        try:
            if answer == "away":
                raise Unavailable("the database is away")
            if expires_ms <= now_ms:
                raise TokenExpired("the token has ended")
            found = self._store.open(hello.stream, self._speech, expires_ms)
            if answer == "mute":
                raise Unavailable("the answer of the database got lost")
        except RemoteFault as fault:
            self.kept = True
            return self.stop(fault, now_ms)
        if isinstance(found, Opening):
            self._row = self._store.rows[found.stream - 1]
            self.generation = self._row.generation
            self.receiver.opened(found, now_ms)
        else:
            self.kept = True
            assert found.finished_at is not None
            self.receiver.already_finished(found.finished_at, found.resume.window)
        return self.react()

    def write(self, answer: Answer, now_ms: int, patient: bool = True) -> None:
        """The store does the next thing that waits, or fails to; one that is no longer waited for is given up."""
        action = self.work[0]
        try:
            if answer == "away":
                raise Unavailable("the store is away")
            self._write(action, answer)
        except Unavailable as fault:
            if not patient:
                self._give_up(fault, now_ms)
        except TakenOver as fault:
            self._give_up(fault, now_ms)
        else:
            self.work.popleft()
            if isinstance(action, LeavePart | FinishStream):
                self.kept = True
        self.react()

    def _give_up(self, fault: RemoteFault, now_ms: int) -> None:
        assert self.generation is not None
        self.work.clear()
        self.stop(fault, now_ms)
        self.work.clear()
        self._store.release(self.generation)
        self.receiver.given_up()
        self.kept = True

    def _write(self, action: Work, answer: Answer) -> None:
        row, generation, windows = self._row, self.generation, 0
        assert row is not None
        assert generation is not None
        if isinstance(action, StoreWindow):
            self._store.store_window(row, generation, action)
        elif isinstance(action, KeepGap):
            self._store.keep_gap(row, generation, action)
        elif isinstance(action, KeepAnchor):
            self._store.keep_anchor(row, generation, action)
        elif isinstance(action, FinishStream):
            windows = self._store.finish(row, generation, action.total_bytes)
        elif isinstance(action, LeavePart):
            self._store.leave_part(row, generation, action)
        if answer == "mute":
            raise Unavailable("the answer of the store got lost")
        if isinstance(action, StoreWindow):
            self.receiver.window_stored()
        elif isinstance(action, FinishStream):
            self.receiver.stream_finished(windows)
        elif isinstance(action, LeavePart):
            self.receiver.part_left()

    def react(self) -> None:
        """Carry out what the receiver asks for."""
        for action in self.receiver.actions():
            if isinstance(action, Send):
                assert not self._ended, "something was sent after the end"
                self.down.append(encode(action.message))
            elif isinstance(action, StoreWindow | KeepGap | KeepAnchor | FinishStream | LeavePart):
                self.work.append(action)
            elif isinstance(action, End):
                assert not self._ended, "ended twice"
                self._ended = True
                if action.fault is not None:
                    self.down.append(encode(error_message(action.fault)))
                self.down.append(1000 if action.fault is None else action.fault.close)
            elif isinstance(action, Open):
                self.hello = action.hello
            elif isinstance(action, CheckToken):
                self.receiver.refreshed(int(action.token))
        assert self.receiver.held_bytes <= MAX_HELD_BYTES
        if self._ended and not self._gone:  # the shell reads no more, and says so
            self._gone = True
            self.lost()
