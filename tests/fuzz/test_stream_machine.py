"""A candidate's session and the server's receiver back to back, while everything around them breaks.

Hypothesis picks the order: sound, a wire cut anywhere or dead without a word, a store that is slow, away or mute about
what it wrote, a killed server, another tab, an outbox that overflows, tokens that end, a format that changes. In the
end all heals, and every frame must be in one window, at its time, or honestly said to be missing.
"""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.client.recording import FRAME_BYTES, PER_FRAME, RATE
from tests.fuzz.line import Answer, Line
from tests.fuzz.profiles import examples
from tests.fuzz.speech import FORMAT_LASTS, Speech, is_stereo, spoken
from tests.fuzz.store import CREATED_MS, Row, Store
from undertone.core.errors import Draining, FormatChanged, TakenOver
from undertone.core.messages import Expiring, Stored
from undertone_client.session import AfterClose, StreamSession

pytestmark = pytest.mark.slow

TOKEN_MS = 20 * 60_000
Answers = st.sampled_from(("well", "well", "well", "away", "mute"))


class CandidateMachine(RuleBasedStateMachine):
    """Everything there is of one candidate."""

    @initialize(keep_ms=st.sampled_from((900_000, 900_000, 100_000, 20_000)))
    def begin(self, keep_ms: int) -> None:
        self.now_ms = CREATED_MS
        self.store = Store()
        self.lines: list[Line] = []  # the server's, of which the newest may be the client's
        self.line: Line | None = None
        self.keep_ms = keep_ms
        self.spoken = 0
        self.new_tab()

    def new_tab(self) -> None:
        if self.spoken % FORMAT_LASTS == FORMAT_LASTS - 1:
            self.spoken += 1  # a lone header, before another format, is not yet taken for a stream
        self.speech = Speech(self.spoken)
        self.before = 0  # frames of the recording that came before the present stream's
        self.session = self.new_session()
        self.line = None
        self.released = 0
        self.ending = False
        # The hello of a tab that is gone, or of a connection given up, was on its way for longer, and took over.
        self.strayed = False
        self.say(2)  # a lone header is not yet taken for a stream

    def new_session(self) -> StreamSession:
        return StreamSession(self.token(), keep_ms=self.keep_ms)

    def token(self) -> str:
        self.expires_ms = self.now_ms + TOKEN_MS
        return str(self.expires_ms)

    def say(self, count: int) -> None:
        begin = self.session.outbox.begin
        if (self.spoken + count) % FORMAT_LASTS == 1:
            count += 1  # a lone header of another format is not yet taken for a change
        self.session.record(self.speech.speak(count))
        self.spoken += count
        if self.session.outbox.begin > begin:
            self.speech.dropped = self.session.outbox.begin // FRAME_BYTES - self.before

    # --- the candidate

    @precondition(lambda self: not self.ending)
    @rule(count=st.integers(1, 1500))
    def speak(self, count: int) -> None:
        self.say(count)

    @precondition(lambda self: not self.ending)
    @rule(lost_ms=st.integers(1, 5_000))
    def microphone_loses(self, lost_ms: int) -> None:
        self.session.lose(lost_ms)
        self.speech.lose(lost_ms)

    @rule(luck=st.integers(0, 3))
    def finish(self, luck: int) -> None:
        if luck == 0:
            self.ending = True
            self.session.finish()

    @precondition(lambda self: self.line is None)
    @rule()
    def connect(self) -> None:
        self.line = Line(self.store, self.speech, self.now_ms)
        self.lines.append(self.line)
        self.line.up.append(self.session.connect())

    @rule(shortly=st.integers(1, 3))
    def all_goes_well(self, shortly: int) -> None:
        """For a while, and with nothing held up on the way: most of a meeting is so."""
        for _ in range(shortly):
            if self.line is None:
                self.connect()
            assert self.line is not None
            self.send(20)
            self.arrive(0, 20)
            if self.line.hello:
                self.open("well", True)
            for _ in range(min(20, len(self.line.work))):
                self.line.write("well", self.now_ms)
            self.hear(20)
            self.time_passes(100)

    @precondition(lambda self: self.line)
    @rule(count=st.integers(1, 6))
    def send(self, count: int) -> None:
        assert self.line is not None
        for _ in range(count):
            message = self.session.next_message()
            if message is None:
                break
            self.line.up.append(message)

    @precondition(lambda self: self.line and self.line.down)
    @rule(count=st.integers(1, 6))
    def hear(self, count: int) -> None:
        for _ in range(count):
            line = self.line
            if line is None or not line.down:
                break
            said = line.down.popleft()
            if isinstance(said, int):
                self.closed(said)
                continue
            message = self.session.receive(said)
            if isinstance(message, Stored):
                self.check_stored()
            elif isinstance(message, Expiring):
                self.session.refresh(self.token())

    def closed(self, code: int) -> None:
        self.line, row = None, self.row
        after = self.session.closed(code)
        if after is AfterClose.RENEW:
            self.session.refresh(self.token())
        elif code == FormatChanged.close:
            place = self.session.outbox.released // FRAME_BYTES - self.before
            rest = self.speech.split(place)  # where a gap jumps over the change, the first frame behind the gap
            assert row is not None
            assert is_stereo(rest.base) != is_stereo(row.next_frame - 1), "the format does not change there"
            self.speech = rest
            self.before += place
        elif code == TakenOver.close:
            assert self.strayed, "taken over by nobody"
            self.new_tab()
        elif after is AfterClose.OVER:
            assert self.session.finished is not None, f"closed for good with {code}: {self.session.fault}"
            self.check_finished()
            self.new_tab()
        elif self.session.retry_after_ms:
            self.now_ms += self.session.retry_after_ms

    # --- the wire

    @precondition(lambda self: self.lines)
    @rule(which=st.integers(0, 2), count=st.integers(1, 8))
    def arrive(self, which: int, count: int) -> None:
        line = self.lines[-1 - which % len(self.lines)]
        for _ in range(min(count, len(line.up))):
            if line.up:
                line.arrive(self.now_ms)

    @precondition(lambda self: self.line)
    @rule(noticed=st.booleans())
    def cut(self, noticed: bool) -> None:
        """The candidate's end is gone; the server may notice it much later, and hear what was on its way till then."""
        assert self.line is not None
        if noticed:
            self.line.lost()
        self.line = None
        assert self.session.closed(1006) is not AfterClose.RENEW

    @precondition(lambda self: any(line is not self.line for line in self.lines))
    @rule()
    def notice(self) -> None:
        for line in self.lines:
            if line is not self.line:
                line.lost()

    # --- the server

    @precondition(lambda self: any(line.hello for line in self.lines))
    @rule(answer=Answers, waited=st.booleans())
    def open(self, answer: Answer, waited: bool) -> None:
        """A hello is let in, after the older connection was told, and has been waited for or not."""
        line = next(line for line in self.lines if line.hello)
        for older in self.lines:
            if older.generation == self.store.generation and not older.kept and self.store.owned:
                older.stop(TakenOver("a newer connection owns the candidate"), self.now_ms)
                while waited and older.work:
                    older.write("well", self.now_ms)
        self.strayed |= line is not self.line
        line.open(self.expires_ms, answer, self.now_ms)

    @precondition(lambda self: any(line.work for line in self.lines))
    @rule(which=st.integers(0, 2), answer=Answers, count=st.integers(1, 6), patient=st.booleans())
    def write(self, which: int, answer: Answer, count: int, patient: bool) -> None:
        busy = [line for line in self.lines if line.work]
        line = busy[which % len(busy)]
        for _ in range(count):
            if line.work:
                line.write(answer, self.now_ms, patient)

    @rule(what=st.sampled_from(("drain", "drain", "sweep", "sweep", "crash", "another_tab")))
    def accident(self, what: str) -> None:
        if what == "drain":
            for line in self.lines[-1:]:
                line.stop(Draining("this node goes away"), self.now_ms)
        elif what == "sweep":
            self.store.sweep()
        elif what == "crash":
            self.crash()
        else:
            self.new_tab()  # the page is loaded anew; what the old one had not delivered is gone with it

    def crash(self) -> None:
        """kill -9: nothing but the store remembers anything."""
        self.lines.clear()
        self.store.owned = False
        if self.line is not None:
            self.line = None
            self.session.closed(1006)

    @rule(ms=st.sampled_from((100, 2_100, 6_000, 61_000, 11 * 60_000)))
    def time_passes(self, ms: int) -> None:
        self.now_ms += ms
        for line in self.lines:
            line.tick(self.now_ms)

    # --- what must be so

    @property
    def row(self) -> Row | None:
        return self.store.rows[self.session.stream - 1] if self.session.stream else None

    def check_stored(self) -> None:
        """`stored` never goes back, and says no more than the store has."""
        outbox, row = self.session.outbox, self.row
        assert outbox.released >= self.released
        self.released = outbox.released
        assert row is not None
        assert self.released <= row.resume.offset + self.before * FRAME_BYTES
        end = self.speech.base + self.released // FRAME_BYTES - self.before
        if row.next_frame < end:
            self.speech.check_hole(row.next_frame, end)

    @invariant()
    def outbox_forgets_only_what_is_stored_or_overflowed(self) -> None:
        outbox, speech = self.session.outbox, self.speech
        assert outbox.begin <= max(outbox.released, (self.before + speech.dropped) * FRAME_BYTES)
        first = outbox.begin // FRAME_BYTES - self.before
        assert outbox.end == (self.before + speech.count) * FRAME_BYTES
        assert outbox.begin % FRAME_BYTES == 0
        assert outbox._data == spoken(speech.base + first, speech.count - first)
        assert outbox.kept_ms <= self.keep_ms + 1_500 * PER_FRAME * 1000 // RATE

    def check_finished(self) -> None:
        assert self.row is not None
        assert self.session.finished is not None
        self.row.check_finished(self.speech, self.session.finished)

    def teardown(self) -> None:
        """All heals: what was recorded is delivered to the end."""
        if not hasattr(self, "session"):
            return
        self.ending = True
        self.session.finish()
        session = self.session
        for _ in range(200):
            if session.finished is not None and self.line is None:
                return
            if self.line is None:
                self.notice()
                self.connect()
            self.send(100)
            self.arrive(0, 1000)
            for line in self.lines:
                while line.work:
                    line.write("well", self.now_ms)
            if any(line.hello for line in self.lines):
                self.open("well", True)
            if session is self.session:
                self.hear(1000)
            if session is not self.session:
                return  # finished, and checked when it was
            self.time_passes(100)
        raise AssertionError("never finished")


CandidateMachine.TestCase.settings = examples(250, steps=60)
TestCandidate = CandidateMachine.TestCase
