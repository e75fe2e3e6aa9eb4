"""A candidate's connection without a socket, and with a store that does what it is told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from undertone.core import messages
from undertone.core.errors import RemoteFault
from undertone.core.messages import Message, Stored, StreamHello, StreamReady
from undertone.core.stream import StreamReceiver
from undertone.core.stream_actions import (
    CheckToken,
    End,
    FinishStream,
    KeepAnchor,
    KeepGap,
    LeavePart,
    MarkDegraded,
    MarkStreaming,
    Open,
    Opening,
    ReportMissing,
    Send,
    StoreWindow,
)
from undertone.core.window import Resume, WindowClosed

T0 = 1_700_000_000_000
HOUR_MS = 3_600_000
START = Opening(
    stream=1,
    resume=Resume.START,
    part=b"",
    anchor_ms=None,
    created_ms=T0 - 1000,
    credit_ms=None,
    credit_at_ms=T0,
    expires_ms=T0 + HOUR_MS,
)


@dataclass
class Line:
    """One connection with a store that does at once what it is asked, unless `store_away`."""

    opening: Opening = START
    hello: StreamHello = field(default_factory=lambda: StreamHello(token="t"))
    max_speed: float = 0
    now: int = T0
    store_away: bool = False
    said: list[Message] = field(default_factory=list)
    windows: list[WindowClosed] = field(default_factory=list)
    missing: list[ReportMissing] = field(default_factory=list)
    marks: list[type] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    part: LeavePart | None = None
    ended: list[RemoteFault | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.receiver = StreamReceiver(self.now, max_speed=self.max_speed)

    def begin(self) -> Line:
        self.text(self.hello)
        return self

    def text(self, message: Message | str) -> None:
        self.receiver.receive_text(message if isinstance(message, str) else messages.encode(message), self.now)
        self.do()

    def audio(self, data: bytes, each: int = 60_000) -> Line:
        for at in range(0, len(data), each):
            self.receiver.receive_audio(data[at : at + each], self.now)
            self.do()
        return self

    def later(self, ms: int) -> None:
        self.now += ms
        self.receiver.handle_timer(self.now)
        self.do()

    def stop(self, fault: RemoteFault) -> None:
        self.receiver.stop(fault, self.now)
        self.do()

    def lost(self) -> None:
        self.receiver.lost()
        self.do()

    def do(self) -> None:
        while actions := self.receiver.actions():
            for action in actions:
                self._do(action)

    def _do(self, action: object) -> None:
        match action:
            case Open():
                self.receiver.opened(self.opening, self.now)
            case Send(message):
                assert not self.ended, "nothing is said after the end"
                self.said.append(message)
            case End(fault):
                self.ended.append(fault)
            case KeepAnchor():
                self.missing.append(action.missing)
            case MarkDegraded() | MarkStreaming():
                self.marks.append(type(action))
            case CheckToken(token):
                self.tokens.append(token)
            case KeepGap():
                self.missing += [action.missing] if action.missing else []
            case StoreWindow(window) if not self.store_away:
                self.windows.append(window)
                self.missing += [action.missing] if action.missing else []
                self.receiver.window_stored()
            case FinishStream() if not self.store_away:
                self.receiver.stream_finished(len(self.windows))
            case LeavePart() if not self.store_away:
                self.part = action
                self.receiver.part_left()
            case _:
                assert self.store_away

    def resumed(self, **changes: object) -> Line:
        """The next connection of the same stream."""
        assert self.part is not None
        opening = replace(self.opening, resume=self.part.resume, part=self.part.data, anchor_ms=self.part.anchor_ms)
        line = Line(opening=opening, hello=StreamHello(token="t", stream=1), now=self.now, max_speed=self.max_speed)
        line.windows = self.windows
        for name, value in changes.items():
            setattr(line, name, value)
        return line.begin()

    @property
    def ready(self) -> StreamReady:
        return next(message for message in self.said if isinstance(message, StreamReady))

    @property
    def stored(self) -> list[Stored]:
        return [message for message in self.said if isinstance(message, Stored)]

    @property
    def fault(self) -> RemoteFault | None:
        assert len(self.ended) == 1
        return self.ended[0]
