"""A candidate's session back to back with the server's own state machine, over a wire that breaks anywhere."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.client.recording import FRAME_BYTES, PER_FRAME, RATE, Connection, Server, frames, numbers_in
from undertone.core.messages import Finished
from undertone_client.session import AfterClose, StreamSession
from undertone_client.session.outbox import TICKS_PER_S


class Candidate:
    """A session, its microphone, and the wire to whichever connection it has."""

    def __init__(self, keep_ms: int = 900_000) -> None:
        self.server = Server()
        self.session = StreamSession("token", keep_ms=keep_ms)
        self.connection: Connection | None = None
        self.up: list[str | bytes] = []
        self.down: list[str] = []
        self.recorded = 0  # frames
        self.truth: list[int] = []  # per frame: media time of its first sample, in ticks, losses included
        self.lost_ms = 0
        self.dropped: set[int] = set()  # frames that the outbox had no room for

    def record(self, count: int, cuts: int = 1) -> None:
        data = frames(self.recorded, count)
        for _ in range(count):
            self.truth.append(self.recorded * PER_FRAME * TICKS_PER_S // RATE + self.lost_ms * TICKS_PER_S // 1000)
            self.recorded += 1
        outbox = self.session.outbox
        step = -(-len(data) // cuts)
        for at in range(0, len(data), step):
            before = outbox.begin
            self.session.record(data[at : at + step])
            self.dropped.update(range(before // FRAME_BYTES, outbox.begin // FRAME_BYTES))

    def lose(self, lost_ms: int) -> None:
        self.lost_ms += lost_ms
        self.session.lose(lost_ms)

    def connect(self) -> None:
        self.up, self.down = [], []
        self.connection = Connection(self.server)
        self.connection.receive(self.session.connect())

    def exchange(self, up: int, down: int) -> None:
        """Carry at most so many messages each way."""
        if self.connection is None:
            self.connect()
        assert self.connection is not None
        while len(self.up) < up and (message := self.session.next_message()) is not None:
            self.up.append(message)
        for _ in range(min(up, len(self.up))):
            self.connection.receive(self.up.pop(0))
        self.down += self.connection.outgoing
        self.connection.outgoing.clear()
        for _ in range(min(down, len(self.down))):
            self.session.receive(self.down.pop(0))

    def store(self, count: int) -> None:
        if self.connection is not None:
            for _ in range(count):
                self.connection.store()

    def send_all(self) -> None:
        self.exchange(0, 1)
        self.exchange(100, 0)

    def cut(self, crash: bool) -> None:
        """The line breaks, what is on its way is gone; in a crash also what the server had in memory."""
        if self.connection is not None:
            self.session.closed(1006)
            if crash:
                self.server.crash()
            self.connection = None

    def finish(self) -> Finished:
        self.session.finish()
        for _ in range(10_000):
            self.exchange(100, 100)
            self.store(100)
            self.exchange(0, 100)
            if self.session.finished is not None:
                return self.session.finished
            assert self.connection is not None
            if self.connection.close_code is not None:
                assert self.session.closed(self.connection.close_code) is AfterClose.RETRY
                self.connection = None
        raise AssertionError("never finished")

    def told_lost_ms(self) -> int:
        """In all, as the proctors of the newest stream were told."""
        return sum(lost_ms for _, lost_ms in self.server.streams[-1].missing)

    def check_against_truth(self) -> None:
        """Every frame arrived once, at its media time; but those that were dropped, and their time was said lost."""
        found: dict[int, int] = {}
        for stream in self.server.streams:
            end_ms = 0
            for number, window in enumerate(stream.windows):
                assert window.window == number
                assert window.start_ms >= end_ms
                end_ms = window.start_ms + window.duration_ms
                for place, known in enumerate(numbers_in(window)):
                    assert known not in found
                    found[known] = (window.start + place * PER_FRAME) * TICKS_PER_S // RATE
        assert set(range(self.recorded)) - set(found) <= self.dropped
        for known, ticks in found.items():
            assert abs(ticks - self.truth[known]) <= TICKS_PER_S // 1000


Step = st.one_of(
    st.tuples(st.just("record"), st.integers(1, 1500), st.integers(1, 9)),
    st.tuples(st.just("exchange"), st.integers(0, 6), st.integers(0, 6)),
    st.tuples(st.just("store"), st.integers(1, 4)),
    st.tuples(st.just("cut"), st.booleans()),
)


def play(candidate: Candidate, steps: list[tuple]) -> None:  # type: ignore[type-arg]
    for name, *arguments in steps:
        getattr(candidate, name)(*arguments)
