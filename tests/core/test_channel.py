"""A proctor joins: who is asked, what is placed, merged and sent, and what is out of order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.proctors import ANA, ANOMALY, CLEO, EPOCH, REFRESH, event, fault, hello, review, said, watching
from undertone.core import messages
from undertone.core.channel import TAKES, TRANSPORT_HOLDS, Channel
from undertone.core.channel_actions import (
    Authenticate,
    Close,
    Locate,
    Recover,
    Send,
    TakeSnapshot,
)
from undertone.core.errors import (
    CLOSE_CODES,
    BadMessage,
    FellBehind,
    NotFound,
    RemoteFault,
    Revoked,
    Unauthorized,
    Unavailable,
)
from undertone.core.messages import ChannelReady, Tick

# --- joining


def test_a_newcomer_is_asked_for_places_itself_and_gets_the_state_then_what_follows() -> None:
    channel = Channel()
    (ask,) = channel.receive(hello(name="Ben"), 0)
    assert isinstance(ask, Authenticate)
    assert isinstance(ask.ask, messages.ChannelHello)
    assert (ask.ask.meeting, ask.ask.token, ask.ask.name) == ("m1", "t", "Ben")
    assert channel.accepted(ANA, 0) == (Locate("m1"),)
    assert channel.located(EPOCH, 7, 0, 0) == (TakeSnapshot("m1"),)
    actions = channel.snapshot(EPOCH, 8, [CLEO], [ANOMALY], 0)
    assert said(actions) == [
        ChannelReady(meeting="m1", epoch=EPOCH, recovered=False, last_id=8, candidates=[CLEO], anomalies=[ANOMALY])
    ]
    assert actions[1:] == (Recover("m1", 8),)
    assert channel.history(event(9)) == (event(9),)
    assert channel.history_ended() == ()
    assert channel.live([event(10)]) == [event(10)]


def test_a_large_snapshot_is_followed_by_a_tick_that_waits_for_it_to_leave() -> None:
    channel = Channel()
    channel.receive(hello(), 0)
    channel.accepted(ANA, 0)
    channel.located(EPOCH, 7, 0, 0)
    ready, tick, recover = channel.snapshot(EPOCH, 7, [CLEO] * 1_000, [], 0)
    assert isinstance(ready, Send)
    assert len(ready.text) > TRANSPORT_HOLDS
    assert said([tick]) == [Tick(last_id=7)]
    assert recover == Recover("m1", 7)


def test_a_known_cursor_is_recovered_without_a_snapshot() -> None:
    channel = Channel()
    channel.receive(hello(after={"epoch": EPOCH, "id": 5}), 0)
    channel.accepted(ANA, 0)
    ready, recover = channel.located(EPOCH, 7, 5, 0)
    assert said([ready]) == [ChannelReady(meeting="m1", epoch=EPOCH, recovered=True, last_id=7)]
    assert b"candidates" not in messages.encode(said([ready])[0]).encode()
    assert recover == Recover("m1", 5)
    assert [channel.history(event(6)), channel.history(event(7))] == [(event(6),), (event(7),)]
    assert channel.history_ended() == ()


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(None, id="no cursor"),
        pytest.param({"epoch": "older", "id": 6}, id="another epoch"),
        pytest.param({"epoch": EPOCH, "id": 3}, id="older than the oldest kept"),
        pytest.param({"epoch": EPOCH, "id": 8}, id="beyond the last"),
    ],
)
def test_a_cursor_that_can_not_be_continued_gets_a_snapshot(after: dict[str, Any] | None) -> None:
    channel = Channel()
    channel.receive(hello(**({"after": after} if after else {})), 0)
    channel.accepted(ANA, 0)
    assert channel.located(EPOCH, last_id=7, trimmed_to=4, now=0) == (TakeSnapshot("m1"),)


@pytest.mark.parametrize("at", [4, 7])
def test_the_oldest_and_the_newest_cursor_that_can_be_continued(at: int) -> None:
    channel = Channel()
    channel.receive(hello(after={"epoch": EPOCH, "id": at}), 0)
    channel.accepted(ANA, 0)
    actions = channel.located(EPOCH, last_id=7, trimmed_to=4, now=0)
    assert actions[1] == Recover("m1", at)


def test_events_that_happen_while_joining_are_merged_by_id() -> None:
    channel = Channel()
    channel.receive(hello(), 0)
    channel.accepted(ANA, 0)
    assert channel.live([event(4), event(5)]) == ()
    channel.located(EPOCH, 5, 0, 0)
    assert channel.live([event(6)]) == ()
    channel.snapshot(EPOCH, 5, [], [], 0)
    assert channel.live([event(8)]) == ()
    assert channel.history(event(6)) == (event(6),)
    assert channel.history(event(7)) == (event(7), event(8))
    assert channel.history(event(8)) == ()
    assert channel.history_ended() == ()
    assert channel.live([event(8), event(9)]) == [event(9)]


def test_a_live_event_after_a_hole_is_held_until_history_has_filled_it() -> None:
    channel = watching(last_id=3)
    assert channel.live([event(6)]) == (Recover("m1", 3),)
    assert channel.history(event(4)) == (event(4),)
    assert channel.history(event(5)) == (event(5), event(6))
    assert channel.history_ended() == ()


def test_events_that_retention_took_meanwhile_send_the_subscriber_to_a_snapshot() -> None:
    channel = watching(last_id=3)
    channel.live([event(9)])
    assert isinstance(fault(channel.history(event(8))), FellBehind)


@given(
    cursor=st.integers(0, 12) | st.none(),
    trimmed_to=st.integers(0, 6),
    last_id=st.integers(6, 12),
    written=st.lists(st.integers(1, 4), max_size=6),
)
@settings(max_examples=150)
def test_what_is_sent_is_exactly_what_ready_promised(
    cursor: int | None, trimmed_to: int, last_id: int, written: list[int]
) -> None:
    """Against a log that grows while history is read, three events a page."""
    channel = Channel()
    channel.receive(hello(**({} if cursor is None else {"after": {"epoch": EPOCH, "id": cursor}})), 0)
    channel.accepted(ANA, 0)
    actions = list(channel.located(EPOCH, last_id, trimmed_to, 0))
    if actions == [TakeSnapshot("m1")]:
        actions = list(channel.snapshot(EPOCH, last_id, [], [], 0))
    (ready,) = said(actions)
    assert ready.recovered == (cursor is not None and trimmed_to <= cursor <= last_id)
    begin: int = cursor if ready.recovered and cursor is not None else ready.last_id
    end, got = last_id, []
    while actions:
        action = actions.pop(0)
        if isinstance(action, Send) and action.id:
            got.append(action.id)
        elif isinstance(action, Recover):
            page = range(action.after + 1, min(end, action.after + 3) + 1)
            if written:
                more = written.pop()
                actions += channel.live([event(end + each) for each in range(1, more + 1)])
                end += more
            for number in page:
                actions += channel.history(event(number))
            actions += channel.history_ended()
    assert got == list(range(begin + 1, end + 1))


# --- what a state does not take


def states() -> dict[str, Channel]:
    authenticating, joining = Channel(), Channel()
    for channel in (authenticating, joining):
        channel.receive(hello(), 0)
    joining.accepted(ANA, 0)
    return {
        "awaiting_hello": Channel(),
        "authenticating": authenticating,
        "joining": joining,
        "watching": watching(),
    }


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("awaiting_hello", review()),
        ("awaiting_hello", REFRESH),
        *[(state, text) for state in ("authenticating", "joining") for text in (hello(), review(), REFRESH)],
        ("watching", hello()),
        *[(state, text) for state in TAKES for text in ("", "[]", "{}", '{"type":"gap"}', "\x00", '{"type":"tick"}')],
        *[(state, b"\xff\xfb\x90\x00") for state in TAKES],
    ],
)
def test_what_does_not_belong_is_named_and_closes(state: str, text: str | bytes) -> None:
    channel = states()[state]
    assert channel.state == state
    wrong = fault(channel.receive(text, 0))
    assert isinstance(wrong, BadMessage)
    assert wrong.detail
    assert channel.state == "closed"
    assert not channel.receive(hello(), 0)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [({"admin_id": "a"}, BadMessage), ({"token": None}, Unauthorized), ({"token": ""}, Unauthorized)],
)
def test_a_hello_carries_one_credential(fields: dict[str, Any], wrong: type[RemoteFault]) -> None:
    assert isinstance(fault(Channel().receive(hello(**fields), 0)), wrong)


@pytest.mark.parametrize("state", list(TAKES))
def test_after_the_end_late_answers_are_nobody_s(state: str) -> None:
    channel = states()[state]
    assert fault(channel.close(Revoked("gone"))).code == "revoked"
    assert not channel.close(NotFound("gone"))
    assert not channel.accepted(ANA, 0)
    assert not channel.located(EPOCH, 3, 0, 0)
    assert not channel.snapshot(EPOCH, 3, [], [], 0)
    assert not channel.history(event(1))
    assert not channel.history_ended()
    assert not channel.live([event(1)])
    assert not channel.reviewed(event(1), repeated=True)
    assert not channel.review_failed("k", Unavailable("away"))
    assert not channel.handle_time(10**9)
    assert channel.next_time() is None


@given(st.lists(st.text() | st.binary() | st.sampled_from([hello(), review(), REFRESH]), max_size=8))
def test_whatever_a_peer_sends_it_is_answered(received: list[str | bytes]) -> None:
    channel = Channel()
    for data in received:
        for action in channel.receive(data, 0):
            if isinstance(action, Close):
                assert action.fault.close in {each.close for each in CLOSE_CODES}
            elif isinstance(action, Authenticate) and channel.state == "authenticating":
                channel.accepted(ANA, 0)
                channel.located(EPOCH, 0, 0, 0)
                channel.snapshot(EPOCH, 0, [], [], 0)
                channel.history_ended()
