"""The server's side of a candidate's socket, without the socket: messages and time in, actions out.

A shell feeds it (`receive_text`, `receive_audio`, `handle_timer`, `lost`), does what `actions()` says in that order,
and reports what became of it (`opened`, `refreshed`, `window_stored`, `stream_finished`, `part_left`). Nothing here
waits or knows a clock: `now_ms` is the wall clock in Unix milliseconds, by the database's clock.
"""

from __future__ import annotations

from undertone.core import messages
from undertone.core.errors import (
    FormatChanged,
    HelloTimeout,
    MeetingEnded,
    RemoteFault,
    TokenExpired,
    Unavailable,
)
from undertone.core.messages import (
    EXPIRING_BEFORE_MS,
    HELLO_WITHIN_MS,
    MAX_MESSAGE_BYTES,
    Expiring,
    Finished,
    FromCandidate,
    Gap,
    Message,
    Refresh,
    Stored,
    StreamHello,
    StreamReady,
)
from undertone.core.pace import TextLimit
from undertone.core.recording import Kept, Recording
from undertone.core.stream_actions import (
    Action,
    CheckToken,
    End,
    FinishStream,
    MarkDegraded,
    MarkStreaming,
    Open,
    Opening,
    Send,
    StoreWindow,
)
from undertone.core.stream_bounds import (
    CONGESTED_BYTES,
    DEGRADED_AFTER_MS,
    MAX_PENDING_BYTES,
    PART_WITHIN_MS,
    STORE_AWAY_RETRY_MS,
    STORED_WITHIN_MS,
)
from undertone.core.stream_states import ALLOWED, State, check_audio, check_message
from undertone.core.times import rfc3339_ms
from undertone.core.window import WINDOW_MS, WindowClosed


class StreamReceiver:
    """One connection of one candidate."""

    def __init__(self, now_ms: int, *, max_speed: float) -> None:
        self.state = State.AWAITING_HELLO
        self.stream = 0
        self.degraded = False
        self.pending_bytes = 0  # of clips that are not yet stored
        self._max_speed = max_speed
        self._actions: list[Action] = []
        self._hello: StreamHello | None = None
        self._recording: Recording | None = None
        self._pending: list[WindowClosed] = []
        self._expires_ms: int | None = None
        self._expiring_said = self._released = False
        self._audio_at_ms = now_ms
        self._texts = TextLimit(now_ms)
        self._deadline_ms: int | None = now_ms + HELLO_WITHIN_MS
        self._fault: RemoteFault | None = None  # why the socket is being closed
        self._stored_to = -1  # as this connection was told

    # --- what the shell asks

    def actions(self) -> list[Action]:
        """What is to be done now, in order; each action is handed out once."""
        done, self._actions = self._actions, []
        return done

    @property
    def congested(self) -> bool:
        """Whether the shell should read more slowly until the store has caught up."""
        return self.pending_bytes > CONGESTED_BYTES

    @property
    def held_bytes(self) -> int:
        """Audio held in memory."""
        return self.pending_bytes + (self._recording.held_bytes if self._recording else 0)

    # --- from the socket

    def receive_text(self, text: str, now_ms: int) -> None:
        """One text message."""
        try:
            if self.state not in ALLOWED:
                return
            self._texts.count(now_ms)
            message = messages.decode_from_candidate(text)
            check_message(self.state, message)
            self._take(message, now_ms)
        except RemoteFault as fault:
            self._fail(fault)

    def receive_audio(self, data: bytes, now_ms: int) -> None:
        """One binary message."""
        try:
            if self.state in ALLOWED:
                check_audio(self.state)
                self._audio(data, now_ms)
        except MeetingEnded as ended:
            self.stop(ended, now_ms)
        except RemoteFault as fault:
            self._fail(fault)

    def lost(self) -> None:
        """The socket is gone, whoever closed it."""
        self.state = State.CLOSED
        self._deadline_ms = None
        self._release()

    # --- from the store

    def opened(self, opening: Opening, now_ms: int) -> None:
        """The stream is ours: replay what an earlier connection left, and say where to go on."""
        if self.state is not State.OPENING or self._hello is None:
            self._give_back(opening)
            return
        self.stream = opening.stream
        self._deadline_ms, self._expires_ms = None, opening.expires_ms
        self._recording = Recording(opening, max_speed=self._max_speed, now_ms=now_ms)
        held = self._recording.position
        offset = max(held, self._hello.buffered_from or 0)
        self.state = State.AWAITING_GAP if offset > held else State.STREAMING
        self._audio_at_ms = now_ms
        self._send(
            StreamReady(
                stream=self.stream, offset=offset, held=held, window_ms=WINDOW_MS, max_message_bytes=MAX_MESSAGE_BYTES
            )
        )
        self._keep(self._recording.bring)

    def already_finished(self, total_bytes: int, windows: int) -> None:
        """The stream was finished before, and its answer was lost: give it again."""
        self._send(Finished(offset=total_bytes, windows=windows))
        self._end()

    def refreshed(self, expires_ms: int) -> None:
        """A renewed token was checked."""
        self._expires_ms = expires_ms
        self._expiring_said = False

    def window_stored(self) -> None:
        """The oldest pending window is durable."""
        window = self._pending.pop(0)
        self.pending_bytes -= len(window.clip)
        self._stored_to = window.resume.offset
        self._send(Stored(offset=self._stored_to, window=window.window))

    def stream_finished(self, windows: int) -> None:
        """Everything is durable."""
        self._send(Finished(offset=self._sound.position, windows=windows))
        self._end()

    def part_left(self) -> None:
        """All is written, and the stream given up."""
        if self.state is State.CLOSING:
            change = self._sound.format_changed
            if change is not None and change.offset > self._stored_to:  # a gap leads there, and no window
                self._send(Stored(offset=change.offset, window=self._sound.windows - 1))
            self._end()

    def given_up(self) -> None:
        """Something can't be written: what waited for it is the next connection's."""
        if self.state is State.CLOSING:
            if isinstance(self._fault, FormatChanged):
                detail = "the store is away, and the window before the change waits"
                self._fault = Unavailable(detail, STORE_AWAY_RETRY_MS)
            self._end()

    def stop(self, fault: RemoteFault, now_ms: int) -> None:
        """The server ends this connection: taken over, draining, revoked, meeting ended, store away."""
        if self.state in (State.CLOSING, State.CLOSED):
            return
        if self.state not in (State.STREAMING, State.AWAITING_GAP):
            self._fail(fault)
            return
        if isinstance(fault, MeetingEnded):
            self._keep(self._sound.flush())
        self._close_when_kept(fault, now_ms)

    def handle_timer(self, now_ms: int) -> None:
        """Time has passed; call about once a second."""
        if self._deadline_ms is not None and now_ms >= self._deadline_ms:
            if self.state is State.AWAITING_HELLO:
                self._fail(HelloTimeout(f"no hello within {HELLO_WITHIN_MS // 1000} s"))
            self.given_up()  # what a close waits for, if one does
        if self.state is State.CLOSED or self._expires_ms is None:
            return
        if now_ms >= self._expires_ms:
            self.stop(TokenExpired("the token has ended: renew it, then say hello again"), now_ms)
        elif not self._expiring_said and now_ms >= self._expires_ms - EXPIRING_BEFORE_MS:
            self._expiring_said = True
            self._send(Expiring(at=rfc3339_ms(self._expires_ms)))
        if self.state is State.STREAMING and not self.degraded and now_ms - self._audio_at_ms >= DEGRADED_AFTER_MS:
            self.degraded = True
            self._actions.append(MarkDegraded())

    # --- inside

    def _take(self, message: FromCandidate, now_ms: int) -> None:
        if isinstance(message, StreamHello):
            self._hello = message
            self.state = State.OPENING
            self._deadline_ms = None
            self._actions.append(Open(message))
        elif isinstance(message, Refresh):
            self._actions.append(CheckToken(message.token))
        elif self.state is not State.FINISHING and isinstance(message, Gap):
            self._gap(message, now_ms)
        elif self.state is not State.FINISHING:
            self.state = State.FINISHING
            self._released = True  # finishing gives the stream up
            self._keep(self._sound.flush())
            self._actions.append(FinishStream(self._sound.position))

    def _audio(self, data: bytes, now_ms: int) -> None:
        kept, sounded = self._sound.audio(data, now_ms)
        if sounded:
            self._audio_at_ms = now_ms
        if sounded and self.degraded:
            self.degraded = False
            self._actions.append(MarkStreaming())
        self._keep(kept)
        self._sound.check()
        change = self._sound.format_changed
        if change is not None:
            fault = FormatChanged(f"{change}: say hello without `stream`; the next stream begins at that byte")
            self._close_when_kept(fault, now_ms)
        elif self.pending_bytes > MAX_PENDING_BYTES:
            raise Unavailable("the store is away, and the buffer for what waits for it is full", STORE_AWAY_RETRY_MS)

    def _gap(self, gap: Gap, now_ms: int) -> None:
        assert self._hello is not None
        owed_from = self._hello.buffered_from if self.state is State.AWAITING_GAP else None
        self._keep(self._sound.gap(gap, owed_from, now_ms))
        self.state, self._audio_at_ms = State.STREAMING, now_ms

    def _keep(self, kept: list[Kept]) -> None:
        for action in kept:
            if isinstance(action, StoreWindow):
                self._pending.append(action.window)
                self.pending_bytes += len(action.window.clip)
            self._actions.append(action)

    def _close_when_kept(self, fault: RemoteFault, now_ms: int) -> None:
        """Close once the windows and the part are written, or have had their time."""
        self.state, self._fault = State.CLOSING, fault
        within_ms = STORED_WITHIN_MS if isinstance(fault, (FormatChanged, MeetingEnded)) else PART_WITHIN_MS
        self._deadline_ms = now_ms + within_ms
        self._release()

    def _fail(self, fault: RemoteFault) -> None:
        """The peer is at fault, or can't be helped: it is told at once, and what it sent is kept."""
        self._fault = fault
        self._end()

    def _end(self) -> None:
        if self.state is not State.CLOSED:
            self.state = State.CLOSED
            self._deadline_ms = None
            self._actions.append(End(self._fault))

    @property
    def _sound(self) -> Recording:
        assert self._recording is not None, "nothing comes before the stream was opened"
        return self._recording

    def _release(self) -> None:
        """Give the stream up, once, and keep what its open window holds."""
        if not self._released and self._recording is not None:
            self._released = True
            self._actions.append(self._recording.part())

    def _give_back(self, opening: Opening) -> None:
        """The socket was lost while the stream was being opened: leave it as it was found."""
        self._released = True
        recording = Recording(opening, max_speed=self._max_speed, now_ms=opening.created_ms)
        self._actions.append(recording.part())

    def _send(self, message: Message) -> None:
        if self.state is not State.CLOSED:
            self._actions.append(Send(message))
