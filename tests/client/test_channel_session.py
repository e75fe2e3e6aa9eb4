"""The proctor's session against the server's own state machine, back to back over a wire that breaks anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client.watching import Meeting, event
from undertone.core.errors import FellBehind, Forbidden
from undertone.core.events import Anomaly, Event, Person
from undertone.core.messages import Cursor, Review
from undertone_client.session import AfterClose, ChannelSession, ServerFault, Snapshot
from undertone_client.session.channel import Happening, ReviewGiven, ReviewRefused

PERSON = Person(id="p1", name="Ada")


class Proctor:
    """A session, what it handed on, and the wire to the meeting."""

    def __init__(self, after: Cursor | None = None) -> None:
        self.meeting = Meeting()
        self.session = ChannelSession("m1", admin_id="secret", after=after)
        self.happened: list[Happening] = []
        self.connected = False
        self.down: list[str] = []

    def exchange(self, up: int, down: int) -> None:
        if not self.connected:
            self.connected = True
            self.down = []
            self.meeting.open()
            self.meeting.receive(self.session.connect())
        for _ in range(up):
            if (text := self.session.next_message()) is not None:
                self.meeting.receive(text)
        self.down += self.meeting.outgoing
        self.meeting.outgoing.clear()
        for _ in range(min(down, len(self.down))):
            self.happened += self.session.receive(self.down.pop(0))

    def cut(self) -> None:
        if self.connected:
            assert self.session.closed(1006) is AfterClose.RETRY
            self.connected = False
            self.meeting.channel = None

    def happen(self, count: int) -> None:
        self.meeting.happen(count)

    def pass_time(self, ms: int) -> None:
        self.meeting.pass_time(ms)

    def restore(self, back: int) -> None:
        """An older backup, and the new epoch that goes with it: events after it never were."""
        self.cut()
        keep = max(0, len(self.meeting.events) - back)
        del self.meeting.events[keep:]
        self.meeting.trimmed_to = min(self.meeting.trimmed_to, keep)
        self.meeting.epoch += "'"

    def trim(self, count: int) -> None:
        self.meeting.trimmed_to = min(len(self.meeting.events), self.meeting.trimmed_to + count)

    def review(self, key: str, name: str) -> None:
        self.session.review(Review(key=key, anomaly=name, decision="confirmed", note=None))

    def check(self) -> None:
        """Every event once and in order, without a hole that a snapshot has not covered."""
        for _ in range(3):
            self.exchange(50, 10_000)
        last: int | None = None
        for happened in self.happened:
            if isinstance(happened, Snapshot):
                last = happened.last_id
            elif isinstance(happened, Event):
                assert last is not None
                assert happened.id == last + 1
                last = happened.id
        assert last == len(self.meeting.events)
        assert self.session.cursor == Cursor(epoch=self.meeting.epoch, id=last)


Step = st.one_of(
    st.tuples(st.just("happen"), st.integers(1, 8)),
    st.tuples(st.just("exchange"), st.integers(0, 3), st.integers(0, 12)),
    st.tuples(st.just("cut")),
    st.tuples(st.just("pass_time"), st.integers(0, 20_000)),
    st.tuples(st.just("trim"), st.integers(0, 10)),
    st.tuples(st.just("restore"), st.integers(0, 10)),
)


@given(st.lists(Step, max_size=40))
def test_every_event_comes_once_in_order_or_a_snapshot_says_so(steps: list[tuple]) -> None:  # type: ignore[type-arg]
    proctor = Proctor()
    for name, *arguments in steps:
        getattr(proctor, name)(*arguments)
    proctor.check()


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("happen"), st.integers(1, 3)),
            st.tuples(st.just("exchange"), st.integers(0, 3), st.integers(0, 12)),
            st.tuples(st.just("cut")),
        ),
        max_size=30,
    )
)
def test_a_review_counts_once_and_is_answered_once(steps: list[tuple]) -> None:  # type: ignore[type-arg]
    proctor = Proctor()
    proctor.review("key-1", "a1")
    proctor.review("key-2", "nowhere")
    for name, *arguments in steps:
        getattr(proctor, name)(*arguments)
    proctor.check()
    answers = [h for h in proctor.happened if isinstance(h, (ReviewGiven, ReviewRefused))]
    assert sorted(answer.key for answer in answers) == ["key-1", "key-2"]
    assert {answer.key: type(answer) for answer in answers} == {"key-1": ReviewGiven, "key-2": ReviewRefused}
    reviewed = [h for h in proctor.happened if isinstance(h, Event) and h.kind == "anomaly_reviewed"]
    assert len(reviewed) == len(proctor.meeting.reviews) == 1


def live_session() -> ChannelSession:
    session = ChannelSession("m1", admin_id="secret")
    session.connect()
    session.receive('{"type":"ready","meeting":"m1","epoch":"e","recovered":false,"last_id":5}')
    return session


def test_a_hole_is_no_event_but_a_fault() -> None:
    session = live_session()
    with pytest.raises(ServerFault, match="missing"):
        session.receive(event(7).text)
    assert session.cursor == Cursor(epoch="e", id=5)


def test_an_event_that_was_had_is_dropped() -> None:
    session = live_session()
    assert len(session.receive(event(6).text)) == 1
    assert session.receive(event(6).text) == []
    assert session.receive(event(2).text) == []


def test_a_tick_may_pass_an_event_but_not_twice() -> None:
    session = live_session()
    session.receive('{"type":"tick","last_id":8}')
    session.receive(event(6).text)
    session.receive('{"type":"tick","last_id":8}')  # slow, but it moves
    with pytest.raises(ServerFault, match="announced"):
        session.receive('{"type":"tick","last_id":8}')


def test_a_kind_of_tomorrow_is_handed_on_without_a_body() -> None:
    [happened] = live_session().receive(event(6, "candidate_levitated", height_mm=20).text)
    assert isinstance(happened, Event)
    assert (happened.kind, happened.body, happened.participant) == ("candidate_levitated", None, PERSON)


def test_an_error_before_a_close_does_not_answer_a_review() -> None:
    session = live_session()
    session.review(Review(key="k", anomaly="a1", decision="dismissed"))
    assert session.next_message() is not None
    session.receive('{"type":"error","code":"draining","detail":"bye","retry_after_ms":5}')
    assert session.closed(4000) is AfterClose.RETRY
    assert session.retry_after_ms == 5
    session.connect()
    session.receive('{"type":"ready","meeting":"m1","epoch":"e","recovered":true,"last_id":5}')
    assert session.next_message() == '{"type":"review","key":"k","anomaly":"a1","decision":"dismissed"}'


def test_an_error_that_no_close_follows_answers_the_oldest_review() -> None:
    session = live_session()
    for key in ("k1", "k2"):
        session.review(Review(key=key, anomaly="a1", decision="dismissed"))
        assert session.next_message() is not None
    session.receive('{"type":"error","code":"unavailable","detail":"the database is away"}')
    assert session.in_doubt
    [refused] = session.settle()
    assert isinstance(refused, ReviewRefused)
    assert (refused.key, refused.error.code) == ("k1", "unavailable")
    assert session.settle() == []


def test_a_withdrawn_review_is_not_said_again() -> None:
    session = ChannelSession("m1", admin_id="secret")
    session.review(Review(key="k", anomaly="a1", decision="dismissed"))
    session.withdraw("k")
    session.connect()
    session.receive('{"type":"ready","meeting":"m1","epoch":"e","recovered":false,"last_id":0}')
    assert session.next_message() is None


def test_recovered_without_a_cursor_is_a_fault() -> None:
    session = ChannelSession("m1", admin_id="secret")
    session.connect()
    with pytest.raises(ServerFault, match="cursor"):
        session.receive('{"type":"ready","meeting":"m1","epoch":"e","recovered":true,"last_id":0}')


def test_a_renewed_token_is_told_at_once_and_kept() -> None:
    session = ChannelSession("m1", token="old")
    session.connect()
    session.receive('{"type":"ready","meeting":"m1","epoch":"e","recovered":false,"last_id":0}')
    session.refresh("new")
    assert session.next_message() == '{"type":"refresh","token":"new"}'
    session.closed(1006)
    assert '"token":"new"' in session.connect()


def test_one_credential_and_one_only() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        ChannelSession("m1")
    with pytest.raises(ValueError, match="exactly one"):
        ChannelSession("m1", admin_id="a", token="b")


def test_the_number_decides_for_proctors_too() -> None:
    session = live_session()
    assert session.closed(FellBehind.close) is AfterClose.RETRY
    session.connect()
    session.receive('{"type":"error","code":"forbidden","detail":"not your meeting"}')
    assert session.closed(Forbidden.close) is AfterClose.OVER
    assert isinstance(session.fault, Forbidden)


def test_the_answer_carries_the_anomaly() -> None:
    proctor = Proctor()
    proctor.review("k", "a1")
    proctor.exchange(5, 50)
    proctor.exchange(5, 50)
    [given_] = [happened for happened in proctor.happened if isinstance(happened, ReviewGiven)]
    assert isinstance(given_.anomaly, Anomaly)
    assert given_.anomaly.state == "confirmed"
