"""The server's side of a candidate's socket, without the socket: messages and time in, actions out.

A shell feeds it (`receive_text`, `receive_audio`, `handle_timer`, `lost`), does what `actions()` says in that order,
and reports what became of it (`opened`, `refreshed`, `window_stored`, `stream_finished`, `part_left`). Nothing here
waits or knows a clock: `now_ms` is the wall clock in Unix milliseconds, by the database's clock.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from undertone.core import messages
from undertone.core.errors import (
    BadMessage,
    FormatChanged,
    HelloTimeout,
    MeetingEnded,
    RateLimited,
    RemoteFault,
    TokenExpired,
    Unavailable,
)
from undertone.core.messages import (
    EXPIRING_BEFORE_MS,
    HELLO_WITHIN_MS,
    MAX_MESSAGE_BYTES,
    Expiring,
    Finish,
    Finished,
    FromCandidate,
    Gap,
    Message,
    Refresh,
    Stored,
    StreamHello,
    StreamReady,
)
from undertone.core.pace import Anchor, Credit
from undertone.core.stream_actions import (
    Action,
    CheckToken,
    End,
    FinishStream,
    LeavePart,
    MarkDegraded,
    MarkStreaming,
    Open,
    Opening,
    ReportMissing,
    Send,
    StoreWindow,
)
from undertone.core.times import rfc3339_ms
from undertone.core.window import Resume, WindowClosed, WindowCutter

WINDOW_MS: Final = 60_000
# Without audio for so long, a candidate shows as degraded.
DEGRADED_AFTER_MS: Final = 5_000
# Clips that wait for the store: the 15 minutes that a sender resends in one go, at 64 kbit/s, and a little more.
MAX_PENDING_BYTES: Final = 8 * 1024 * 1024
# Above this the shell reads more slowly: a resent backlog then comes at the speed of the store.
CONGESTED_BYTES: Final = 1024 * 1024
# A close that the server began waits so long for the part to be written.
PART_WITHIN_MS: Final = 2_000
# At a change of format and at the meeting's end the last window must be stored before the candidate is told.
STORED_WITHIN_MS: Final = 10_000
STORE_AWAY_RETRY_MS: Final = 5_000
# Text messages that a candidate may send: far more than any device needs, far fewer than would be felt. Each `gap` is
# an event that every proctor reads.
TEXT_BURST: Final = 60
TEXT_PER_S: Final = 1


class State(Enum):
    AWAITING_HELLO = auto()
    OPENING = auto()
    AWAITING_GAP = auto()  # the sender's buffer overflowed: its first message says how much
    STREAMING = auto()
    FINISHING = auto()  # `finish` was said; the last windows are being stored
    CLOSING = auto()  # waits for a part or a window before the close
    CLOSED = auto()


# Which text messages each state takes; anything else is a named error. Audio: only while STREAMING.
_ALLOWED: Final[dict[State, tuple[type[Message], ...]]] = {
    State.AWAITING_HELLO: (StreamHello,),
    State.OPENING: (Refresh,),
    State.AWAITING_GAP: (Gap, Refresh),
    State.STREAMING: (Gap, Finish, Refresh),
    State.FINISHING: (Refresh,),
}
_EXPECTED: Final = {
    State.AWAITING_HELLO: "the first message is `hello`",
    State.OPENING: "wait for `ready`",
    State.AWAITING_GAP: "the buffer begins beyond what is held: the first message is its `gap`",
    State.STREAMING: "`hello` was said; send audio, `gap`, `finish` or `refresh`",
    State.FINISHING: "`finish` was said; wait for `finished`",
}


class StreamReceiver:
    """One connection of one candidate."""

    def __init__(self, now_ms: int, *, max_speed: float, window_ms: int = WINDOW_MS) -> None:
        self.state = State.AWAITING_HELLO
        self.stream = 0
        self.degraded = False
        self.pending_bytes = 0  # of clips that are not yet stored
        self._max_speed = max_speed
        self._window_ms = window_ms
        self._actions: list[Action] = []
        self._hello: StreamHello | None = None
        self._cutter = WindowCutter(Resume.START, window_ms)
        self._pending: list[WindowClosed] = []
        self._gaps: list[tuple[int, int]] = []  # (offset, lost_ms) known in this connection
        self._first_offset = 0
        self._anchor = Anchor(None, 0)
        self._credit = Credit(max_speed)
        self._expires_ms: int | None = None
        self._expiring_said = False
        self._audio_at_ms = now_ms
        self._text_at_ms = now_ms
        self._texts = 0.0  # a leaky bucket
        self._deadline_ms: int | None = now_ms + HELLO_WITHIN_MS
        self._fault: RemoteFault | None = None  # why the socket is being closed
        self._released = False

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
        return self._cutter.held_bytes + self.pending_bytes

    # --- from the socket

    def receive_text(self, text: str, now_ms: int) -> None:
        """One text message."""
        try:
            if self.state not in _ALLOWED:
                return
            self._count_text(now_ms)
            message = messages.decode_from_candidate(text)
            if not isinstance(message, _ALLOWED[self.state]):
                raise BadMessage(f"`{_type(message)}` was not expected here: {_EXPECTED[self.state]}")
            self._take(message, now_ms)
        except RemoteFault as fault:
            self._fail(fault)

    def receive_audio(self, data: bytes, now_ms: int) -> None:
        """One binary message."""
        try:
            if self.state is not State.STREAMING:
                if self.state in _ALLOWED:
                    raise BadMessage(f"audio was not expected here: {_EXPECTED[self.state]}")
                return
            self._audio(data, now_ms)
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
        self._deadline_ms = None
        self._expires_ms = opening.expires_ms
        self._anchor = Anchor(opening.anchor_ms, opening.created_ms)
        credit_ms = opening.credit_ms
        self._credit = Credit(self._max_speed, at_ms=opening.credit_at_ms)
        if credit_ms is not None:
            self._credit.left_ms = credit_ms
        self._cutter = WindowCutter(opening.resume, self._window_ms)
        closed = self._cutter.feed(opening.part)
        if opening.part and opening.anchor_ms is None:
            self._anchor.arrived(self._cutter.media_ms, now_ms)
        held = self._first_offset = self._cutter.position
        offset = max(held, self._hello.buffered_from or 0)
        self.state = State.AWAITING_GAP if offset > held else State.STREAMING
        self._audio_at_ms = now_ms
        self._send(
            StreamReady(
                stream=self.stream,
                offset=offset,
                held=held,
                window_ms=self._window_ms,
                max_message_bytes=MAX_MESSAGE_BYTES,
            )
        )
        self._closed(closed)

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
        self._send(Stored(offset=window.resume.offset, window=window.window))

    def stream_finished(self, windows: int) -> None:
        """Everything is durable."""
        self._send(Finished(offset=self._cutter.position, windows=windows))
        self._end()

    def part_left(self) -> None:
        """The part is written and the stream given up."""
        if self.state is State.CLOSING:
            self._end()

    # --- from outside

    def stop(self, fault: RemoteFault, now_ms: int) -> None:
        """The server ends this connection: taken over, draining, revoked, meeting ended, store away."""
        if self.state in (State.CLOSING, State.CLOSED):
            return
        if self.state not in (State.STREAMING, State.AWAITING_GAP):
            self._fail(fault)
            return
        if isinstance(fault, MeetingEnded):
            self._flush()
        self._close_when_kept(fault, now_ms)

    def handle_timer(self, now_ms: int) -> None:
        """Time has passed; call about once a second."""
        if self._deadline_ms is not None and now_ms >= self._deadline_ms:
            self._overdue()
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

    def _count_text(self, now_ms: int) -> None:
        self._texts = max(0.0, self._texts - (now_ms - self._text_at_ms) / 1000 * TEXT_PER_S) + 1
        self._text_at_ms = now_ms
        if self._texts > TEXT_BURST:
            raise RateLimited(f"more than {TEXT_BURST} text messages at once", 1000 * TEXT_BURST // TEXT_PER_S)

    def _take(self, message: FromCandidate, now_ms: int) -> None:
        if isinstance(message, StreamHello):
            self._hello = message
            self.state = State.OPENING
            self._deadline_ms = None
            self._actions.append(Open(message))
        elif isinstance(message, Refresh):
            self._actions.append(CheckToken(message.token))
        elif isinstance(message, Gap):
            self._gap(message, now_ms)
        else:
            self.state = State.FINISHING
            self._released = True  # finishing gives the stream up
            self._flush()
            self._actions.append(FinishStream(self._cutter.position))

    def _audio(self, data: bytes, now_ms: int) -> None:
        wait_ms = self._credit.wait_ms(now_ms)
        if wait_ms:
            raise RateLimited(
                f"a stream may bring 20 minutes of sound at once, then {self._max_speed:g} times real time", wait_ms
            )
        before_ms = self._cutter.media_ms
        closed = self._cutter.feed(data)
        media_ms = self._cutter.media_ms
        late_ms = None
        if media_ms > before_ms:  # whole frames came, not just bytes
            self._credit.spend(media_ms - before_ms)
            self._audio_at_ms = now_ms
            late_ms = self._anchor.arrived(media_ms, now_ms)
            if self.degraded:
                self.degraded = False
                self._actions.append(MarkStreaming())
        self._closed(closed)
        if late_ms is not None:
            self._actions.append(ReportMissing(media_ms, late_ms))
        if self._cutter.bad_audio is not None:
            raise self._cutter.bad_audio
        change = self._cutter.format_changed
        if change is not None:
            fault = FormatChanged(f"{change}: say hello without `stream`; the next stream begins at that byte")
            self._close_when_kept(fault, now_ms)
        elif self.pending_bytes > MAX_PENDING_BYTES:
            raise Unavailable("the store is away, and the buffer for what waits for it is full", STORE_AWAY_RETRY_MS)

    def _gap(self, gap: Gap, now_ms: int) -> None:
        known = (gap.offset, gap.lost_ms) in self._gaps or (
            gap.offset <= self._first_offset and gap.lost_ms <= self._cutter.lost_ms
        )
        if self.state is State.AWAITING_GAP:
            assert self._hello is not None
            if gap.offset < (self._hello.buffered_from or 0):
                raise BadMessage(f"this gap ends before byte {self._hello.buffered_from}, where the buffer begins")
        elif known and gap.offset <= self._cutter.position:
            return
        elif gap.offset < self._cutter.position:
            raise BadMessage(f"a gap at byte {gap.offset}, behind byte {self._cutter.position} and not known")
        lost_before_ms = self._cutter.lost_ms
        if gap.lost_ms < lost_before_ms:
            raise BadMessage(f"lost_ms counts all that was lost: {gap.lost_ms} is less than {lost_before_ms}")
        if gap.offset == self._cutter.position and gap.lost_ms == lost_before_ms:
            return  # says that nothing was lost
        self.state = State.STREAMING
        start_ms = self._cutter.media_ms
        closed = self._cutter.gap(gap.offset, gap.lost_ms)
        self._gaps = [*self._gaps[-63:], (gap.offset, gap.lost_ms)]
        self._audio_at_ms = now_ms
        self._closed([closed] if closed else [])
        if gap.lost_ms > lost_before_ms:
            self._actions.append(ReportMissing(start_ms, gap.lost_ms - lost_before_ms))

    def _closed(self, closed: list[WindowClosed]) -> None:
        for window in closed:
            assert self._anchor.at_ms is not None  # a window holds a frame that arrived
            self._pending.append(window)
            self.pending_bytes += len(window.clip)
            self._actions.append(StoreWindow(window, self._anchor.at_ms, int(self._credit.left_ms), self._credit.at_ms))

    def _flush(self) -> None:
        closed = self._cutter.flush()
        self._closed([closed] if closed else [])

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

    def _overdue(self) -> None:
        self._deadline_ms = None
        if self.state is State.AWAITING_HELLO:
            self._fail(HelloTimeout(f"no hello within {HELLO_WITHIN_MS // 1000} s"))
        elif isinstance(self._fault, FormatChanged):
            self._fail(Unavailable("the store is away, and the window before the change waits", STORE_AWAY_RETRY_MS))
        elif self.state is State.CLOSING:
            self._end()

    def _release(self) -> None:
        """Give the stream up, once, and keep what its open window holds."""
        if self._released or not self.stream:
            return
        self._released = True
        resume, data = self._cutter.part()
        self._actions.append(LeavePart(resume, data, self._anchor.at_ms, int(self._credit.left_ms), self._credit.at_ms))

    def _give_back(self, opening: Opening) -> None:
        """The socket was lost while the stream was being opened: leave it as it was found."""
        self._released = True
        self._actions.append(
            LeavePart(
                opening.resume,
                opening.part,
                opening.anchor_ms,
                int(self._credit.left_ms) if opening.credit_ms is None else opening.credit_ms,
                opening.credit_at_ms,
            )
        )

    def _send(self, message: Message) -> None:
        if self.state is not State.CLOSED:
            self._actions.append(Send(message))


def _type(message: Message) -> str:
    return str(message.__struct_config__.tag)
