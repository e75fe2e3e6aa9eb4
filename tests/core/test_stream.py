"""The server's side of a candidate's stream, driven without a socket."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.frames import FRAME_BYTES, FRAME_MS, WINDOW_BYTES, WINDOW_FRAMES, frames, other_format
from undertone.core import messages
from undertone.core.errors import (
    BadAudio,
    BadMessage,
    Draining,
    FormatChanged,
    HelloTimeout,
    MeetingEnded,
    RateLimited,
    RemoteFault,
    TakenOver,
    TokenExpired,
    Unavailable,
)
from undertone.core.messages import Expiring, Finish, Finished, Gap, Message, Refresh, Stored, StreamHello, StreamReady
from undertone.core.pace import CREDIT_MS, TEXT_BURST
from undertone.core.stream import StreamReceiver
from undertone.core.stream_actions import (
    CheckToken,
    End,
    FinishStream,
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
from undertone.core.stream_bounds import DEGRADED_AFTER_MS, MAX_PENDING_BYTES, PART_WITHIN_MS, STORED_WITHIN_MS
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
            case ReportMissing():
                self.missing.append(action)
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


def test_a_new_stream_begins_at_byte_0() -> None:
    line = Line().begin()
    assert line.said == [StreamReady(stream=1, offset=0, held=0, window_ms=60_000, max_message_bytes=65536)]


def test_a_window_is_stored_once_and_acknowledged_short_of_its_end_by_the_lead_in() -> None:
    line = Line().begin().audio(frames(2 * WINDOW_FRAMES + 1))
    assert [(w.window, w.start_ms, w.duration_ms) for w in line.windows] == [(0, 0, 60_000), (1, 60_000, 60_000)]
    assert [s.window for s in line.stored] == [0, 1]
    for stored, end in zip(line.stored, (WINDOW_BYTES, 2 * WINDOW_BYTES), strict=True):
        assert end - 10 * FRAME_BYTES <= stored.offset <= end - 2 * FRAME_BYTES
        assert stored.offset % FRAME_BYTES == 0


def test_finishing_flushes_the_last_window_and_says_so_after_it_is_stored() -> None:
    line = Line().begin().audio(frames(100))
    line.text(Finish())
    assert [w.duration_ms for w in line.windows] == [100 * FRAME_MS]
    assert line.said[-2:] == [line.stored[-1], Finished(offset=100 * FRAME_BYTES, windows=1)]
    assert line.fault is None


def test_finish_and_gaps_said_once_more_while_finishing_are_harmless() -> None:
    line = Line().begin().audio(frames(100))
    line.store_away = True
    for message in (Finish(), Finish(), Gap(offset=100 * FRAME_BYTES, lost_ms=0)):
        line.text(message)
    assert not line.ended


def test_an_empty_recording_finishes_with_no_window() -> None:
    line = Line().begin()
    line.text(Finish())
    assert line.said[-1] == Finished(offset=0, windows=0)


def test_a_finished_stream_is_told_so_again() -> None:
    line = Line(store_away=True)
    line.receiver.receive_text(messages.encode(StreamHello(token="t", stream=1)), T0)
    assert isinstance(line.receiver.actions()[0], Open)
    line.receiver.already_finished(1234, 5)
    line.do()
    assert line.said == [Finished(offset=1234, windows=5)]
    assert line.fault is None


def test_a_broken_line_leaves_a_part_and_the_next_one_goes_on_after_it() -> None:
    whole = frames(WINDOW_FRAMES + 100)
    line = Line().begin().audio(whole[: 1000 * FRAME_BYTES + 50])
    line.lost()
    assert line.part is not None
    assert line.part.data == whole[: 1000 * FRAME_BYTES]  # up to the last whole frame
    line = line.resumed()
    assert line.ready.offset == line.ready.held == 1000 * FRAME_BYTES
    line.audio(whole[line.ready.offset :])
    uncut = Line().begin().audio(whole)
    assert line.windows == uncut.windows


def test_a_socket_lost_while_its_stream_is_opened_gives_it_back_untouched() -> None:
    line = Line(opening=replace(START, part=frames(3)), store_away=True)
    line.receiver.receive_text(messages.encode(StreamHello(token="t", stream=1)), T0)
    line.receiver.actions()
    line.receiver.lost()
    line.receiver.opened(line.opening, T0)
    assert [a.data for a in line.receiver.actions() if isinstance(a, LeavePart)] == [frames(3)]


@pytest.mark.parametrize(
    ("state", "sent"),
    [
        ("new", "nonsense"),
        ("new", "{}"),
        ("new", '{"type":"finish"}'),
        ("new", '{"type":"gap","offset":0,"lost_ms":0}'),
        ("new", '{"type":"refresh","token":"t"}'),
        ("new", b"\xff\xfb"),
        ("open", '{"type":"hello","token":"t"}'),
        ("open", '{"type":"stored","offset":0,"window":0}'),
        ("open", '{"type":"gap","offset":-1,"lost_ms":0}'),
        ("open", '{"type":"gap","offset":0,"lost_ms":700000000}'),
        ("open", '{"type":"gap","offset":0.5,"lost_ms":0}'),
        ("finishing", b"\xff\xfb"),
        ("finishing", '{"type":"hello","token":"t"}'),
        ("awaiting gap", b"\xff\xfb"),
        ("awaiting gap", '{"type":"finish"}'),
        ("awaiting gap", '{"type":"gap","offset":999,"lost_ms":10}'),
    ],
)
def test_what_does_not_belong_is_a_bad_message(state: str, sent: str | bytes) -> None:
    line = Line()
    if state == "awaiting gap":
        line.hello = StreamHello(token="t", buffered_from=1000)
    if state != "new":
        line.begin()
    if state == "finishing":
        line.audio(frames(50))
        line.store_away = True
        line.text(Finish())
    if isinstance(sent, bytes):
        line.audio(sent)
    else:
        line.text(sent)
    assert isinstance(line.fault, BadMessage)
    assert line.fault.detail


class TestGaps:
    def test_a_gap_closes_the_window_short_and_media_time_moves_on(self) -> None:
        line = Line().begin().audio(frames(100))
        line.text(Gap(offset=100 * FRAME_BYTES + 5000, lost_ms=7000))
        line.audio(frames(WINDOW_FRAMES + 1))
        assert [(w.window, w.start_ms, w.duration_ms) for w in line.windows] == [(0, 0, 2400), (1, 9400, 60_000)]
        assert line.stored[0].offset == 100 * FRAME_BYTES + 5000
        assert line.missing == [ReportMissing(start_ms=2400, lost_ms=7000)]
        assert line.windows[1].lead_in_samples == 0

    def test_the_same_gap_twice_is_harmless(self) -> None:
        line = Line().begin().audio(frames(100))
        gap = Gap(offset=100 * FRAME_BYTES, lost_ms=7000)
        for _ in range(3):
            line.text(gap)
        line.audio(frames(100))
        line.text(gap)
        assert len(line.missing) == 1
        assert not line.ended

    def test_a_gap_that_lost_nothing_changes_nothing(self) -> None:
        line = Line().begin().audio(frames(100))
        line.text(Gap(offset=100 * FRAME_BYTES, lost_ms=0))
        assert not line.windows
        assert not line.missing

    @pytest.mark.parametrize(("offset", "lost_ms"), [(50 * FRAME_BYTES, 8000), (0, 8000), (100 * FRAME_BYTES, 6999)])
    def test_one_that_goes_back_and_was_not_known_is_refused(self, offset: int, lost_ms: int) -> None:
        line = Line().begin().audio(frames(99))
        line.text(Gap(offset=99 * FRAME_BYTES, lost_ms=7000))
        line.audio(frames(1))
        line.text(Gap(offset=offset, lost_ms=lost_ms))
        assert isinstance(line.fault, BadMessage)

    def test_a_buffer_that_begins_beyond_what_is_held_owes_its_gap_first(self) -> None:
        line = Line().begin().audio(frames(100))
        line.lost()
        begins = 500 * FRAME_BYTES
        line = line.resumed(hello=StreamHello(token="t", stream=1, buffered_from=begins))
        assert (line.ready.offset, line.ready.held) == (begins, 100 * FRAME_BYTES)
        line.text(Gap(offset=begins, lost_ms=400 * FRAME_MS))
        line.audio(frames(WINDOW_FRAMES + 1))
        assert [(w.start_ms, w.duration_ms) for w in line.windows] == [(0, 2400), (12_000, 60_000)]

    def test_a_buffer_that_begins_before_it_owes_nothing(self) -> None:
        line = Line().begin().audio(frames(100))
        line.lost()
        line = line.resumed(hello=StreamHello(token="t", stream=1, buffered_from=50 * FRAME_BYTES))
        assert line.ready.offset == line.ready.held == 100 * FRAME_BYTES
        assert not line.audio(frames(5)).ended

    def test_what_was_lost_before_a_broken_line_is_not_forgotten(self) -> None:
        line = Line().begin().audio(frames(100))
        line.text(Gap(offset=100 * FRAME_BYTES, lost_ms=5000))
        line.lost()  # the new window is still empty: nothing but the row can remember
        line = line.resumed()
        line.text(Gap(offset=100 * FRAME_BYTES, lost_ms=5000))
        assert not line.missing
        line.audio(frames(WINDOW_FRAMES + 1))
        assert [(w.start_ms, w.duration_ms) for w in line.windows] == [(0, 2400), (7400, 60_000)]


class TestEnds:
    @pytest.mark.parametrize("fault", [TakenOver("x"), Draining("x")])
    def test_the_part_is_written_before_the_close(self, fault: RemoteFault) -> None:
        line = Line().begin().audio(frames(10))
        line.store_away = True
        line.stop(fault)
        assert not line.ended
        line.receiver.part_left()
        line.do()
        assert line.fault is fault

    def test_but_is_not_waited_for_for_ever(self) -> None:
        line = Line().begin().audio(frames(10))
        line.store_away = True
        line.stop(TakenOver("x"))
        line.later(PART_WITHIN_MS)
        assert isinstance(line.fault, TakenOver)

    def test_a_meeting_that_ends_flushes_the_window_first(self) -> None:
        line = Line().begin().audio(frames(100))
        line.stop(MeetingEnded("x"))
        assert [w.duration_ms for w in line.windows] == [2400]
        assert len(line.stored) == 1
        assert isinstance(line.fault, MeetingEnded)

    def test_a_change_of_format_is_told_after_everything_before_it_is_stored(self) -> None:
        line = Line().begin().audio(frames(100) + other_format(5))
        assert [w.duration_ms for w in line.windows] == [2400]
        assert line.stored[-1].offset == 100 * FRAME_BYTES
        assert isinstance(line.fault, FormatChanged)

    def test_a_change_of_format_that_cannot_be_stored_is_no_reason_to_forget(self) -> None:
        line = Line().begin()
        line.store_away = True
        line.audio(frames(100) + other_format(5))
        line.later(STORED_WITHIN_MS)
        assert isinstance(line.fault, Unavailable)

    def test_64_kib_without_a_frame_are_bad_audio_and_what_came_before_is_kept(self) -> None:
        line = Line().begin().audio(frames(100) + bytes(70_000))
        assert isinstance(line.fault, BadAudio)
        line.lost()
        assert line.part is not None
        assert line.part.data == frames(100)

    def test_a_window_that_ends_just_before_the_bad_audio_is_stored(self) -> None:
        line = Line().begin().audio(frames(WINDOW_FRAMES + 1) + bytes(70_000), each=WINDOW_BYTES + 100_000)
        assert [w.duration_ms for w in line.windows] == [60_000]
        assert isinstance(line.fault, BadAudio)

    def test_no_hello_in_time(self) -> None:
        line = Line()
        line.later(4_999)
        assert not line.ended
        line.later(1)
        assert isinstance(line.fault, HelloTimeout)

    def test_a_store_that_stays_away_fills_a_bounded_buffer(self) -> None:
        line = Line().begin()
        line.store_away = True
        most = 0
        for _ in range(40):
            if not line.ended:
                line.audio(frames(WINDOW_FRAMES))
            most = max(most, line.receiver.held_bytes)
        assert isinstance(line.fault, Unavailable)
        assert most < MAX_PENDING_BYTES + 2 * WINDOW_BYTES


class TestTokens:
    def test_expiring_is_said_a_minute_before_and_a_refresh_moves_it(self) -> None:
        line = Line().begin()
        line.later(HOUR_MS - 60_001)
        assert not any(isinstance(message, Expiring) for message in line.said)
        line.later(1)
        line.later(1000)
        assert line.said[1:] == [Expiring(at="2023-11-14T23:13:20.000Z")]
        line.text(Refresh(token="new"))
        assert line.tokens == ["new"]
        line.receiver.refreshed(T0 + 2 * HOUR_MS)
        line.later(HOUR_MS)
        assert not line.ended

    def test_a_token_that_ends_ends_the_socket(self) -> None:
        line = Line().begin().audio(frames(10))
        line.later(HOUR_MS)
        assert isinstance(line.fault, TokenExpired)
        assert line.part is not None


class TestPace:
    def test_more_than_twenty_minutes_at_once_are_refused_before_they_are_taken_in(self) -> None:
        line = Line(max_speed=4).begin()
        taken = 0
        while not line.ended:
            line.audio(frames(WINDOW_FRAMES))
            taken += 1
        assert isinstance(line.fault, RateLimited)
        assert line.fault.retry_after_ms
        assert taken * 60_000 <= CREDIT_MS + 60_000

    def test_a_broken_line_does_not_give_new_credit(self) -> None:
        line = Line(max_speed=4).begin().audio(frames(19 * WINDOW_FRAMES))
        line.lost()
        assert line.part is not None
        assert line.part.credit_ms == 60_000

    def test_a_flood_of_text_is_limited(self) -> None:
        line = Line().begin()
        for _ in range(TEXT_BURST + 1):
            if not line.ended:
                line.text(Refresh(token="t"))
        assert isinstance(line.fault, RateLimited)


class TestPresence:
    def test_five_seconds_without_whole_frames_are_degraded_until_audio_comes(self) -> None:
        line = Line().begin().audio(frames(10))
        line.later(DEGRADED_AFTER_MS - 1)
        line.audio(b"\0")  # a byte is no sound
        line.later(1)
        line.later(1000)
        assert line.marks == [MarkDegraded]
        line.audio(frames(2))
        assert line.marks == [MarkDegraded, MarkStreaming]

    def test_a_stream_that_falls_silent_without_a_gap_is_anchored_anew_and_reported(self) -> None:
        line = Line().begin()
        for second in range(200):
            if second == 20:
                line.now += 30_000  # the device slept
            line.now += 24 * 42
            line.audio(frames(42, first=second))
        assert [round(m.lost_ms, -3) for m in line.missing] == [30_000]


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.tuples(st.integers(1, 300_000), st.booleans()), max_size=12),
    chunk=st.integers(1, 65_536),
    total=st.integers(1, 6000),
)
def test_however_the_line_breaks_the_windows_are_those_of_an_unbroken_one(
    cuts: list[tuple[int, bool]], chunk: int, total: int
) -> None:
    """After each break the part is kept or, as when a process is killed, lost; the sender goes on at `ready.offset`."""
    whole = frames(total)
    chunk = max(chunk, len(whole) // 500)
    uncut = Line().begin().audio(whole)
    uncut.text(Finish())
    line = Line().begin()
    kept = START
    for length, killed in cuts:
        offset = line.ready.offset
        line.audio(whole[offset : offset + length], each=chunk)
        if line.stored:
            kept = replace(START, resume=line.windows[-1].resume, anchor_ms=T0)
        line.lost()
        if killed:
            line = line.resumed(opening=kept)
        else:
            assert line.part is not None
            kept = replace(START, resume=line.part.resume, part=line.part.data, anchor_ms=line.part.anchor_ms)
            line = line.resumed()
    line.audio(whole[line.ready.offset :], each=chunk)
    line.text(Finish())
    assert line.windows == uncut.windows
    assert line.said[-1] == uncut.said[-1]
