"""A candidate of the load: it speaks by the clock, keeps what is not stored, and resumes where the server says."""

from __future__ import annotations

import time
from random import Random
from typing import Final

from tests.bench.load.line import Line, Socket
from tests.bench.load.plan import Attempt, CandidateSeen
from tests.bench.load.speech import Speech
from tests.bench.websocket import BINARY, PING, frame
from undertone.core.errors import BadMessage
from undertone.core.messages import (
    Error,
    Finish,
    Finished,
    Stored,
    StreamHello,
    StreamReady,
    decode_to_candidate,
    encode,
)

PING_EVERY: Final = 60  # messages, 15 s: as often as our clients do
PINGED: Final = frame(PING, b"")
FINISH: Final = encode(Finish())


class Candidate(Line):
    """`speak` is called whenever its microphone has another message; everything else happens by itself."""

    path = "/stream"
    who = "candidate"

    def __init__(self, port: int, token: str, speech: Speech, attempts: list[Attempt], random: Random) -> None:
        super().__init__(port, attempts, random)
        self.began = 0.0  # when it began to speak
        self.spoken = 0  # messages
        self.stored: dict[int, float] = {}
        self.finished = False
        self.caught_up_at: list[float] = []
        self._token = token
        self._speech = speech
        self._stream: int | None = None
        self._kept_from = 0  # everything before is stored, and forgotten
        self._next_window: int | None = 0  # the one to be told next; None: the first that a new connection tells
        self._sent = 0  # up to this byte, on this connection
        self._largest = 0  # of one message
        self._finishing = False
        self.current = False  # whether everything spoken so far is sent

    @property
    def silent(self) -> bool:
        """Whether it has said everything."""
        return self.spoken == len(self._speech.frames)

    def speak(self) -> None:
        """Another message is recorded."""
        number = self.spoken
        self.spoken = number + 1
        if self.current:  # which almost always it is
            assert self.socket is not None
            self._sent = self._speech.ends[number + 1]
            self.socket.write(self._speech.frames[number])
            if self.socket.congested:
                self.current = False
            if number % PING_EVERY == 0:
                self.socket.write(PINGED)
        if self.silent or not self.current:
            self._catch_up()

    def seen(self) -> CandidateSeen:
        return CandidateSeen(
            ready_at=self.ready_at,
            caught_up_at=self.caught_up_at,
            stored=self.stored,
            began=self.began,
            finished=self.finished,
            closes=self.closes,
            wrong=self.wrong,
        )

    # --- the line's side

    def hello(self) -> str:
        begins = self._kept_from if self._stream is not None and self._kept_from else None
        return encode(StreamHello(token=self._token, stream=self._stream, buffered_from=begins))

    def text(self, socket: Socket, payload: bytes) -> None:
        try:
            message = decode_to_candidate(payload)
        except BadMessage as error:
            self.wrong.append(str(error))
            return
        match message:
            case StreamReady():
                self._take_ready(socket, message)
            case Stored():
                self._take_stored(message)
            case Finished(offset, windows):
                self.finished = True
                if (offset, windows) != (len(self._speech.data), len(self._speech.windows)):
                    self.wrong.append(f"finished at byte {offset} with {windows} windows")
            case Error():
                self.told(message)

    def relieved(self) -> None:
        if self.socket is not None:
            self._catch_up()

    def closed(self) -> None:
        self.current = self._finishing = False

    def is_done(self) -> bool:
        return self.finished

    # --- inside

    def _take_ready(self, socket: Socket, ready: StreamReady) -> None:
        if ready.offset < self._kept_from:
            self.wrong.append(f"ready at byte {ready.offset}, although {self._kept_from} bytes were stored")
        if ready.offset > ready.held or (self._stream is not None and ready.stream != self._stream):
            self.wrong.append(f"asked for stream {self._stream}: {ready}")
        if self._stream is not None:
            self._next_window = None
        self._stream, self._largest, self._sent = ready.stream, ready.max_message_bytes, ready.offset
        self.is_ready(socket)
        self._catch_up()

    def _take_stored(self, stored: Stored) -> None:
        self._kept_from = stored.offset
        windows = self._speech.windows
        if self._next_window not in (None, stored.window):
            self.wrong.append(f"stored window {stored.window} instead of {self._next_window}")
        elif stored.window in self.stored or stored.window >= len(windows):
            self.wrong.append(f"stored window {stored.window} again, or although it can't be")
        elif stored.offset != windows[stored.window].resume:
            self.wrong.append(f"stored window {stored.window} at byte {stored.offset}")
        self._next_window = stored.window + 1
        self.stored[stored.window] = time.monotonic()

    def _catch_up(self) -> None:
        """Send what was spoken and is not sent, as much as the line takes."""
        socket, end = self.socket, self._speech.ends[self.spoken]
        if socket is None or self._finishing:
            return
        while self._sent < end and not socket.congested:
            upto = min(self._sent + self._largest, end)
            socket.write(frame(BINARY, self._speech.data[self._sent : upto]))
            self._sent = upto
        if self._sent == end and not self.current:
            self.current = True
            if len(self.caught_up_at) < len(self.ready_at):
                self.caught_up_at.append(time.monotonic())
        if self._sent == end and self.silent:
            self._finishing = True
            socket.say(FINISH)
