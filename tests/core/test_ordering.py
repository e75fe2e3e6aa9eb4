"""Events from history and live, in any disorder, leave in the order of their ids, once each."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertone.core.channel_actions import Send
from undertone.core.errors import FellBehind
from undertone.core.ordering import MAX_AHEAD, Ordering


def event(number: int, size: int = 2) -> Send:
    return Send(f"{number:0{size}}", number)


def events(first: int, last: int, size: int = 2) -> list[Send]:
    return [event(number, size) for number in range(first, last + 1)]


def ids(handed: object) -> list[int]:
    assert isinstance(handed, (list, tuple))
    return [each.id for each in handed]


@dataclass
class Meeting:
    """The model: a log of numbered events, readers of it, and a subscriber that must get each once."""

    ordering: Ordering = field(default_factory=Ordering)
    written: int = 0
    page: list[Send] = field(default_factory=list)
    reading: bool = False
    got: list[int] = field(default_factory=list)

    def hand_on(self, handed: object) -> None:
        self.got += ids(handed)

    def start(self, last: int) -> None:
        self.read(self.ordering.start(last, self.written))

    def read(self, after: int) -> None:
        """The page as the database has it at this moment; it arrives later."""
        assert not self.reading, "two pages asked for at once"
        self.reading = True
        self.page = events(after + 1, min(self.written, after + 3))

    def live(self, first: int, last: int) -> None:
        self.hand_on(self.ordering.live(events(first, last)))
        self.ask()

    def history(self) -> None:
        if self.page:
            self.hand_on(self.ordering.history(self.page.pop(0)))
        elif self.reading:
            self.reading = False
            self.hand_on(self.ordering.page_ended())
            self.ask()

    def ask(self) -> None:
        missing = self.ordering.missing()
        if missing is not None:
            self.read(missing)


Step = tuple[str, int, int]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 8), st.just(0)),
        st.tuples(st.just("history"), st.just(0), st.just(0)),
        # A live notice of whatever part of what is written: late, early, doubled, with holes before it.
        st.tuples(st.just("live"), st.integers(0, 12), st.integers(0, 6)),
    ),
    max_size=40,
)


@given(before=st.integers(0, 10), started_at=st.integers(0, 10), early=STEPS, steps=STEPS)
@settings(max_examples=150)
def test_every_event_leaves_once_and_in_order(
    before: int, started_at: int, early: list[Step], steps: list[Step]
) -> None:
    meeting = Meeting(written=before)

    def run(step: Step) -> None:
        kind, a, b = step
        if kind == "write":
            meeting.written += a
        elif kind == "live" and meeting.written:
            first = max(1, meeting.written - a)
            meeting.live(first, min(meeting.written, first + b))
        elif kind == "history":
            meeting.history()

    for step in early:  # live events may come before the place is found
        run(step)
    assert meeting.got == []
    cursor = min(started_at, meeting.written)
    meeting.start(cursor)
    for step in steps:
        run(step)
        assert meeting.got == list(range(cursor + 1, cursor + 1 + len(meeting.got)))
    # The hub's comparison with the database: the newest event is told again; then nothing may be left out.
    if meeting.written:
        meeting.live(meeting.written, meeting.written)
    while meeting.reading:
        meeting.history()
    assert meeting.got == list(range(cursor + 1, meeting.written + 1))
    assert meeting.ordering.missing() is None


def test_a_subscriber_that_is_up_to_date_gets_the_same_objects_without_a_copy() -> None:
    ordering = Ordering()
    ordering.start(4, 4)
    ordering.page_ended()
    batch = events(5, 7)
    assert ordering.live(batch) is batch
    assert ordering.last == ordering.known == 7


def test_a_hole_within_what_comes_live_is_seen() -> None:
    ordering = Ordering()
    ordering.start(4, 4)
    ordering.page_ended()
    assert ids(ordering.live([event(5), event(7)])) == [5]
    assert ordering.missing() == 5
    assert ids(ordering.history(event(6))) == [6, 7]


def test_what_is_kept_while_history_is_read_is_bounded_and_the_rest_is_read() -> None:
    ordering = Ordering()
    assert ordering.start(0, 1) == 0
    size = MAX_AHEAD // 4
    assert not ordering.live(events(2, 20, size))
    handed = ids(ordering.history(event(1)))
    assert handed == [1, 2, 3, 4, 5]
    assert not ordering.page_ended()
    assert ordering.missing() == 5
    for number in range(6, 21):
        handed += ids(ordering.history(event(number)))
    ordering.page_ended()
    assert handed == list(range(1, 21))
    assert ordering.missing() is None


def test_the_bound_counts_what_is_kept_now_not_all_that_ever_was() -> None:
    ordering = Ordering()
    ordering.start(0, 0)
    ordering.page_ended()
    size = MAX_AHEAD // 2
    for first in range(1, 40, 2):
        assert not ordering.live([event(first + 1, size)])
        assert ordering.missing() == first - 1
        assert ids(ordering.history(event(first))) == [first, first + 1]
        ordering.page_ended()
        assert ordering.missing() is None


def test_a_page_with_a_hole_means_that_events_are_gone() -> None:
    ordering = Ordering()
    ordering.start(3, 9)
    with pytest.raises(FellBehind, match="after 3"):
        ordering.history(event(5))


def test_an_empty_page_where_events_must_be_means_that_they_are_gone() -> None:
    ordering = Ordering()
    ordering.start(3, 9)
    with pytest.raises(FellBehind, match="after 3"):
        ordering.page_ended()


def test_an_empty_page_read_before_the_event_was_written_is_read_again() -> None:
    ordering = Ordering()
    ordering.start(3, 3)
    assert not ordering.live([event(5)])
    assert not ordering.page_ended()
    assert ordering.missing() == 3
    assert ids(ordering.history(event(4))) == [4, 5]
