"""A candidate's side of the stream: keeps what is not stored, resumes by offset, and says honestly what was lost.

The outbox counts every byte that was ever recorded; on the wire offsets count from where the current stream begins
(`_base`), which moves when the format changes and a new stream begins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from undertone.core.errors import BadMessage, FormatChanged
from undertone.core.messages import (
    AudioFormat,
    Error,
    Expiring,
    Finish,
    Finished,
    Gap,
    Message,
    Stored,
    StreamHello,
    StreamReady,
    ToCandidate,
    decode_to_candidate,
    encode,
)
from undertone_client.session.base import AfterClose, ServerFault, Session, unexpected
from undertone_client.session.outbox import KEEP_MS, Outbox, to_ms


class State(Enum):
    DISCONNECTED = auto()
    GREETING = auto()  # `hello` was said
    STREAMING = auto()
    FINISHING = auto()  # `finish` was said
    FINISHED = auto()


@dataclass(frozen=True, slots=True)
class Told:
    """A gap that this stream's server was told of: from byte `held` to byte `offset`; `lost` ticks in all.

    `by_microphone` is how much of the whole recording the microphone had lost by then, told here or before.
    """

    held: int
    offset: int
    lost: int
    by_microphone: int


class StreamSession(Session):
    """One recording of one candidate, over any number of connections (and of streams, if its format changes)."""

    def __init__(self, token: str, *, keep_ms: int = KEEP_MS, audio_format: AudioFormat | None = None) -> None:
        super().__init__()
        self.state = State.DISCONNECTED
        self.stream: int | None = None
        self.outbox = Outbox(keep_ms)
        self.finished: Finished | None = None
        self._token = token
        self._format = audio_format
        self._base = 0  # byte of the outbox where the current stream begins
        self._sent = 0  # byte of the outbox up to which this connection was told
        self._lost_before_stream = 0  # by the microphone, in ticks
        self._told: list[Told] = []  # in this stream, oldest first
        self._retell: Told | None = None  # said before, and perhaps not heard
        self._max_message_bytes = 0
        self._ending = False

    @property
    def open(self) -> bool:
        """Whether the server has taken this connection."""
        return self.state in (State.STREAMING, State.FINISHING, State.FINISHED)

    @property
    def lost_ms(self) -> int:
        """How much this stream's server was told to be lost, in all."""
        return to_ms(self._told[-1].lost) if self._told else 0

    @property
    def gaps(self) -> list[tuple[int, int, int]]:
        """What this stream's server was told to be lost, oldest first.

        Each is (the byte it had the stream up to, the byte it goes on at, ms lost in all by then).
        """
        return [(told.held - self._base, told.offset - self._base, to_ms(told.lost)) for told in self._told]

    # --- the microphone's side

    def record(self, mp3: bytes) -> None:
        """Keep what was encoded, cut anywhere. Raises BadAudio where the server would."""
        if self._ending:
            raise ValueError("finish() was said: nothing more can be recorded")
        self.outbox.record(mp3)

    def lose(self, lost_ms: int) -> None:
        """The microphone itself lost `lost_ms` here (a device that vanished): media time moves on without sound."""
        if self._ending:
            raise ValueError("finish() was said: nothing more can be lost")
        self.outbox.lose(lost_ms)

    def finish(self) -> None:
        """The recording is over: when everything was sent, `finish` follows."""
        self._ending = True

    # --- the wire's side

    def connect(self) -> str:
        """A connection stands: the `hello` to send on it."""
        self.state = State.GREETING
        self.error = None
        begins = self.outbox.begin - self._base
        self.outbox.reached = max(self.outbox.reached, self.outbox.begin)
        return encode(
            StreamHello(
                token=self._token,
                stream=self.stream,
                buffered_from=begins if begins > 0 else None,
                format=self._format,
            )
        )

    def refresh(self, token: str) -> None:
        """The token was renewed."""
        self._token = token
        if self.state in (State.STREAMING, State.FINISHING):
            self._refresh = token

    def next_message(self) -> str | bytes | None:
        """What to send next: text, or audio; None when there is nothing to say yet."""
        if self.state not in (State.STREAMING, State.FINISHING):
            return None
        if (refresh := self._take_refresh()) is not None:
            return refresh
        if self.state is State.FINISHING:
            return None
        if self._retell is not None:
            told, self._retell = self._retell, None
            return self._gap(told)
        # Ahead of what is here, after an overflow: what lies between will never be sent.
        here = max(self._sent, self.outbox.begin)
        if here > self._sent or self.outbox.lost(here) > self._last_told(here).by_microphone:
            self._skip(self._sent, here)
            return self._gap(self._told[-1])
        data = self.outbox.read(self._sent, self._max_message_bytes)
        if data:
            self._sent += len(data)
            return data
        if self._ending:
            self.state = State.FINISHING
            return encode(Finish())
        return None

    def receive(self, text: str | bytes) -> ToCandidate:
        """One message arrived; returned when it was taken. Raises ServerFault, after which the shell reconnects."""
        try:
            message = decode_to_candidate(text)
        except BadMessage as error:
            raise ServerFault(str(error)) from error
        handler = _HANDLERS.get((self.state, type(message)))
        if handler is None:
            raise unexpected(message, self.state.name)
        handler(self, message)
        return message

    def closed(self, code: int, reason: str = "") -> AfterClose:
        """The connection ended: decided by the number alone."""
        self._retell = None
        if self.state is State.FINISHED:
            return AfterClose.OVER
        self.state = State.DISCONNECTED
        if code == FormatChanged.close:
            # `stored` has named the byte of the change: there the next stream begins.
            self.stream = None
            self._base = self.outbox.released
            self._lost_before_stream = self.outbox.lost(self._base)
            self._told.clear()
        return super().closed(code, reason)

    # --- inside

    def _take_ready(self, ready: StreamReady) -> None:
        offset, held = self._base + ready.offset, self._base + ready.held
        if self.stream is not None and ready.stream != self.stream:
            raise ServerFault(f"asked for stream {self.stream}, got stream {ready.stream}")
        # Less than was asked for is no fault: the outbox may have overflowed since `hello`.
        if not held <= offset <= self.outbox.end:
            recorded = self.outbox.end - self._base
            raise ServerFault(f"ready at byte {ready.offset}, held {ready.held}, but {recorded} bytes were recorded")
        self.state = State.STREAMING
        self.stream = ready.stream
        self._max_message_bytes = ready.max_message_bytes
        while self._told and self._told[-1].offset > held:
            self._told.pop()
        self._sent = offset
        if offset > held:
            self._skip(held, offset)
        # A gap just here may have got lost with the connection; saying it twice is harmless.
        if self._told and self._told[-1].offset == offset:
            self._retell = self._told[-1]

    def _take_stored(self, stored: Stored) -> None:
        offset = self._base + stored.offset
        if offset > self._sent:
            raise ServerFault(f"stored up to byte {stored.offset}, but {self._sent - self._base} were sent")
        self.outbox.let_go(offset)

    def _take_finished(self, finished: Finished) -> None:
        if not self._ending:
            raise ServerFault("finished, although `finish` was never said")
        if self._base + finished.offset > self.outbox.end:
            raise ServerFault(f"finished at byte {finished.offset}, beyond what was recorded")
        self.outbox.let_go(self._base + finished.offset)
        self.finished = finished
        self.state = State.FINISHED

    def _take_error(self, error: Error) -> None:
        self.error = error

    def _take_expiring(self, _: Expiring) -> None:
        """The shell renews the token."""

    def _last_told(self, offset: int) -> Told:
        start = Told(self._base, self._base, 0, self._lost_before_stream)
        return next((told for told in reversed(self._told) if told.offset <= offset), start)

    def _skip(self, held: int, offset: int) -> None:
        """The stream goes on at `offset` although the server has it only up to `held`, or the microphone lost sound."""
        last = self._last_told(held)
        dropped = self.outbox.sound(offset) - self.outbox.sound(held)
        by_microphone = self.outbox.lost(offset)
        lost = last.lost + dropped + by_microphone - last.by_microphone
        self._told.append(Told(held, offset, lost, by_microphone))
        self._sent = offset
        self.outbox.reached = max(self.outbox.reached, offset)

    def _gap(self, told: Told) -> str:
        return encode(Gap(offset=told.offset - self._base, lost_ms=to_ms(told.lost)))


# (state, message) → what is done; a pair that is not here is the server's fault.
_HANDLERS: Final[dict[tuple[State, type[Message]], Callable[[StreamSession, Any], None]]] = {
    (State.GREETING, StreamReady): StreamSession._take_ready,
    (State.GREETING, Finished): StreamSession._take_finished,
    (State.GREETING, Expiring): StreamSession._take_expiring,
    (State.STREAMING, Stored): StreamSession._take_stored,
    (State.STREAMING, Expiring): StreamSession._take_expiring,
    (State.FINISHING, Stored): StreamSession._take_stored,
    (State.FINISHING, Finished): StreamSession._take_finished,
    (State.FINISHING, Expiring): StreamSession._take_expiring,
    **{(state, Error): StreamSession._take_error for state in (State.GREETING, State.STREAMING, State.FINISHING)},
}
