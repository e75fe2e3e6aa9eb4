"""A recording whose every frame says which one it is, and a server of real state machines that keeps it in memory.

The frames are valid MPEG-2.5 Layer III headers with a number where the sound would be, so a test can tell from a clip
which of them arrived, and from the window at what media time. At 11.025 kHz neither a frame nor a window is a whole
number of the other, or of milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from undertone.core.errors import TakenOver
from undertone.core.messages import Message, encode
from undertone.core.stream import StreamReceiver
from undertone.core.stream_actions import (
    End,
    FinishStream,
    KeepAnchor,
    KeepGap,
    LeavePart,
    Open,
    Opening,
    ReportMissing,
    Send,
    StoreWindow,
)
from undertone.core.window import Resume, WindowClosed

NOW_MS = 1_800_000_000_000
RATE = 11_025
PER_FRAME = 576
FRAME_BYTES = 52  # 8 kbit/s, without padding; a window has 1,148 or 1,149 frames
OTHER_RATE = 12_000
OTHER_FRAME_BYTES = 48

_HEADER = bytes([0xFF, 0xE3, 0x10, 0xC0])
OTHER_FORMAT = bytes([0xFF, 0xE3, 0x14, 0xC0])
_SIDE_INFO = bytes(9)  # its main data begins in the frame itself


def frame(number: int, header: bytes = _HEADER) -> bytes:
    """The frame with this number; digits, so that nothing in it looks like a header."""
    size = FRAME_BYTES if header == _HEADER else OTHER_FRAME_BYTES
    return (header + _SIDE_INFO + b"%08d" % number).ljust(size, b"\x00")


@cache
def _thousand(number: int) -> bytes:
    return b"".join(map(frame, range(1000 * number, 1000 * number + 1000)))


def frames(first: int, count: int) -> bytes:
    """So many frames, numbered from `first` on."""
    thousands = b"".join(map(_thousand, range(first // 1000, (first + count) // 1000 + 1)))
    return thousands[first % 1000 * FRAME_BYTES :][: count * FRAME_BYTES]


def numbers_in(window: WindowClosed) -> list[int]:
    """The numbers of the window's own frames, in order."""
    size = OTHER_FRAME_BYTES if window.clip.startswith(OTHER_FORMAT) else FRAME_BYTES
    assert len(window.clip) % size == 0
    numbers = [int(window.clip[at + 13 : at + 21]) for at in range(0, len(window.clip), size)]
    return numbers[window.lead_in_samples // PER_FRAME :]


@dataclass
class StoredStream:
    """What a database and a clip store keep of one stream."""

    resume: Resume = Resume.START
    part: bytes = b""
    anchor_ms: int | None = None
    windows: list[WindowClosed] = field(default_factory=list)
    missing: list[tuple[int, int]] = field(default_factory=list)
    finished_at: int | None = None


class Connection:
    """The server's side of one socket: what the store has yet to do waits in `work`."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.receiver = StreamReceiver(NOW_MS, max_speed=0)
        self.work: list[StoreWindow | KeepGap | KeepAnchor | FinishStream | LeavePart] = []
        self.outgoing: list[str] = []
        self.close_code: int | None = None

    @property
    def row(self) -> StoredStream:
        return self.server.streams[self.receiver.stream - 1]

    def receive(self, message: str | bytes) -> None:
        if isinstance(message, str):
            self.receiver.receive_text(message, NOW_MS)
        else:
            self.receiver.receive_audio(message, NOW_MS)
        self._act()

    def store(self) -> bool:
        """Do one thing that waits; False if nothing does."""
        if not self.work:
            return False
        match self.work.pop(0):
            case StoreWindow(window, anchor_ms, missing=missing):
                self.row.windows.append(window)
                self.row.resume, self.row.part, self.row.anchor_ms = window.resume, b"", anchor_ms
                self._note(missing)
                self.receiver.window_stored()
            case KeepGap(resume, anchor_ms, missing=missing):
                self.row.resume, self.row.part, self.row.anchor_ms = resume, b"", anchor_ms
                self._note(missing)
            case KeepAnchor(anchor_ms, missing):
                self.row.anchor_ms = anchor_ms
                self._note(missing)
            case FinishStream(total_bytes):
                self.row.finished_at = total_bytes
                self.receiver.stream_finished(len(self.row.windows))
            case LeavePart(resume, data, anchor_ms):
                self.row.resume, self.row.part, self.row.anchor_ms = resume, data, anchor_ms
                self.receiver.part_left()
        self._act()
        return True

    def _note(self, missing: ReportMissing | None) -> None:
        if missing is not None:
            self.row.missing.append((missing.start_ms, missing.lost_ms))

    def lost(self) -> None:
        """The socket is gone: everything that waits is done, and the part is left."""
        self.receiver.lost()
        self._act()
        while self.store():
            pass

    def _act(self) -> None:
        for action in self.receiver.actions():
            match action:
                case Open(hello):
                    self._open(hello.stream)
                case Send(message):
                    self._send(message)
                case End(fault):
                    self.close_code = 1000 if fault is None else fault.close
                case StoreWindow() | KeepGap() | KeepAnchor() | FinishStream() | LeavePart():
                    self.work.append(action)

    def _open(self, stream: int | None) -> None:
        self.server.take_over(self)
        if stream is None:
            self.server.streams.append(StoredStream())
            stream = len(self.server.streams)
        if stream != len(self.server.streams):
            self.receiver.stop(TakenOver("a newer stream has begun"), NOW_MS)
            return self._act()
        row = self.server.streams[stream - 1]
        if row.finished_at is not None:
            self.receiver.already_finished(row.finished_at, len(row.windows))
            return self._act()
        opening = Opening(
            stream=stream,
            resume=row.resume,
            part=row.part,
            anchor_ms=row.anchor_ms,
            created_ms=0,
            credit_ms=None,
            credit_at_ms=NOW_MS,
            expires_ms=NOW_MS + 3_600_000,
        )
        self.receiver.opened(opening, NOW_MS)
        return self._act()

    def _send(self, message: Message) -> None:
        self.outgoing.append(encode(message))


class Server:
    """One participant's streams, durable; and the connection that owns them, which a crash takes away."""

    def __init__(self) -> None:
        self.streams: list[StoredStream] = []
        self.owner: Connection | None = None

    def take_over(self, connection: Connection) -> None:
        if self.owner is not None:
            self.owner.lost()
        self.owner = connection

    def crash(self) -> None:
        """kill -9: what only memory held is gone."""
        self.owner = None
