"""The server's side of a proctor's socket, driven without one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertone.core import messages
from undertone.core.channel import ASKS_AT_ONCE, MAX_REFUSED, MS_PER_ASK, TAKES, TRANSPORT_HOLDS, Channel
from undertone.core.channel_actions import (
    Action,
    Authenticate,
    Close,
    Credential,
    GiveReview,
    Locate,
    Recover,
    Send,
    TakeSnapshot,
)
from undertone.core.errors import (
    CLOSE_CODES,
    BadMessage,
    FellBehind,
    Forbidden,
    NotFound,
    RateLimited,
    RemoteFault,
    Revoked,
    TokenExpired,
    Unavailable,
)
from undertone.core.events import Anomaly, Person
from undertone.core.messages import Candidate, ChannelReady, Error, Expiring, Tick

EPOCH = "e1"
ANA = Credential("p-ana", "Ana", ends=1_000_000, ends_at="2026-01-01T00:16:40.000Z")
ADMIN = Credential("admin", "Ben")
ANOMALY = Anomaly(
    id="a1",
    kind="multiple_voices",
    state="open",
    participant=Person("c1", "Cleo"),
    opened_at="2026-01-01T00:00:00.000Z",
    last_at="2026-01-01T00:01:00.000Z",
    count=1,
    summary="another voice",
    evidence=[],
)
CLEO = Candidate(id="c1", name="Cleo", state="streaming", expected_voices=1, anomalies=1, windows=[])


def hello(**fields: Any) -> str:
    return msgspec.json.encode({"type": "hello", "meeting": "m1", "token": "t", **fields}).decode()


def review(key: str = "k1", **fields: Any) -> str:
    body = {"type": "review", "key": key, "anomaly": "a1", "decision": "confirmed", **fields}
    return msgspec.json.encode(body).decode()


REFRESH = '{"type":"refresh","token":"t2"}'


def event(number: int) -> Send:
    return Send(f'{{"type":"event","id":{number}}}', number)


def fault(actions: Sequence[Action]) -> RemoteFault:
    """The fault that ended it; nothing else may be done then."""
    (close,) = actions
    assert isinstance(close, Close)
    return close.fault


def said(actions: Sequence[Action]) -> list[Any]:
    """The messages sent, decoded."""
    return [messages.decode_to_proctor(action.text) for action in actions if isinstance(action, Send)]


def watching(credential: Credential = ANA, last_id: int = 0, now: int = 0, **fields: Any) -> Channel:
    """A channel that has its snapshot and is up to date."""
    channel = Channel()
    channel.receive(hello(**fields), now)
    channel.accepted(credential, now)
    channel.located(EPOCH, last_id, 0, now)
    channel.snapshot(EPOCH, last_id, [], [], now)
    channel.history_ended()
    assert channel.state == "watching"
    return channel


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


@pytest.mark.parametrize("fields", [{"admin_id": "a"}, {"token": None}])
def test_a_hello_carries_one_credential(fields: dict[str, Any]) -> None:
    assert isinstance(fault(Channel().receive(hello(**fields), 0)), BadMessage)


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


# --- reviews


def test_a_review_is_stored_under_the_proctor_s_name() -> None:
    channel = watching()
    (give,) = channel.receive(review(note="heard it"), 0)
    assert isinstance(give, GiveReview)
    assert (give.by, give.review.key, give.review.note) == ("Ana", "k1", "heard it")


def test_a_first_review_is_answered_by_its_event_alone() -> None:
    channel = watching(last_id=4)
    assert not channel.reviewed(event(5), repeated=False)
    assert channel.live([event(5)]) == [event(5)]
    assert not channel.reviewed(event(5), repeated=False)


def test_a_repeated_review_gets_its_first_event_again() -> None:
    channel = watching(last_id=4)
    assert channel.reviewed(event(3), repeated=True) == (event(3),)


def test_a_repeat_whose_event_this_peer_has_not_reached_yet_does_not_jump_the_queue() -> None:
    channel = watching(last_id=4)
    assert not channel.reviewed(event(6), repeated=True)
    assert channel.live([event(5), event(6)]) == [event(5), event(6)]


def test_a_review_that_fails_is_answered_and_closes_nothing() -> None:
    channel = watching()
    (error,) = said(channel.review_failed("k1", Unavailable("the database is away", 500)))
    assert error == Error(code="unavailable", detail="review k1: the database is away", retry_after_ms=500)
    assert channel.state == "watching"


@pytest.mark.parametrize("anomaly", ["", "a\x00", "a b", "x" * 200 + "\n"])
def test_an_anomaly_that_can_not_exist_is_not_looked_for(anomaly: str) -> None:
    channel = watching()
    actions = channel.receive(review(anomaly=anomaly), 0)
    if channel.state == "watching":
        (error,) = said(actions)
        assert error.code == "not_found"
    else:
        assert len(anomaly) > 200


def test_reviews_are_limited_and_the_limit_says_when() -> None:
    channel = watching(now=5_000)
    for number in range(ASKS_AT_ONCE):
        assert isinstance(channel.receive(review(f"k{number}"), 5_000)[0], GiveReview)
    (error,) = said(channel.receive(review("more"), 5_000))
    assert error.code == "rate_limited"
    assert "review more" in error.detail
    assert channel.state == "watching"
    # At the time it names, it goes.
    assert isinstance(channel.receive(review("more"), 5_000 + error.retry_after_ms)[0], GiveReview)
    (again,) = said(channel.receive(review("another"), 5_000 + error.retry_after_ms))
    assert again.retry_after_ms == error.retry_after_ms == 2 * MS_PER_ASK


def test_who_never_pauses_is_closed() -> None:
    channel = watching()
    for _ in range(ASKS_AT_ONCE + MAX_REFUSED):
        assert not isinstance(channel.receive(review(), 0)[0], Close)
    assert isinstance(fault(channel.receive(review(), 0)), RateLimited)


def test_a_quiet_proctor_saves_up_no_more_than_the_burst() -> None:
    channel = watching()
    granted = [channel.receive(review(), 10_000_00 - 70_000)[0] for _ in range(ASKS_AT_ONCE + 1)]
    assert [isinstance(each, GiveReview) for each in granted] == [True] * ASKS_AT_ONCE + [False]


# --- time


def test_a_tick_every_15_s_tells_the_last_id() -> None:
    channel = watching(ADMIN, last_id=3, now=100)
    assert channel.next_time() == 15_100
    assert not channel.handle_time(15_099)
    assert said(channel.handle_time(15_100)) == [Tick(last_id=3)]
    channel.live([event(4)])
    assert said(channel.handle_time(channel.next_time() or 0)) == [Tick(last_id=4)]


def test_a_tick_tells_what_is_known_even_while_it_is_still_being_read() -> None:
    channel = watching(ADMIN, last_id=3)
    channel.live([event(9)])
    assert said(channel.handle_time(15_000)) == [Tick(last_id=9)]


def test_expiring_comes_once_a_minute_before_the_end_and_the_end_closes() -> None:
    channel = watching(ANA)
    assert said(channel.handle_time(939_999)) == [Tick(last_id=0)]
    assert channel.next_time() == 940_000
    assert said(channel.handle_time(940_000)) == [Expiring(at="2026-01-01T00:16:40.000Z")]
    assert Expiring not in {type(each) for each in said(channel.handle_time(999_999))}
    ended = fault(channel.handle_time(1_000_000))
    assert isinstance(ended, TokenExpired)


def test_a_token_that_ends_within_a_minute_is_said_right_after_ready() -> None:
    channel = Channel()
    channel.receive(hello(), 950_000)
    channel.accepted(ANA, 950_000)
    channel.located(EPOCH, 0, 0, 950_000)
    ready, expiring = said(channel.snapshot(EPOCH, 0, [], [], 950_000))
    assert isinstance(ready, ChannelReady)
    assert isinstance(expiring, Expiring)


def test_a_refreshed_token_lives_on() -> None:
    channel = watching(ANA)
    channel.handle_time(940_000)
    (ask,) = channel.receive(REFRESH, 941_000)
    assert ask == Authenticate(messages.Refresh(token="t2"))
    renewed = Credential(ANA.id, ANA.name, ends=2_000_000, ends_at="2026-01-01T00:33:20.000Z")
    assert not channel.accepted(renewed, 941_000)
    assert said(channel.handle_time(1_000_000)) == [Tick(last_id=0)]
    assert said(channel.handle_time(1_940_000))[0] == Expiring(at="2026-01-01T00:33:20.000Z")


@pytest.mark.parametrize("other", [Credential("p-bob", "Ana", ends=2_000_000, ends_at="x"), ADMIN])
def test_a_token_of_somebody_else_s_is_forbidden(other: Credential) -> None:
    channel = watching(ANA)
    channel.receive(REFRESH, 0)
    assert isinstance(fault(channel.accepted(other, 0)), Forbidden)


def test_a_refresh_with_a_token_that_has_ended_closes() -> None:
    channel = watching(ANA)
    channel.receive(REFRESH, 10_000)
    stale = Credential(ANA.id, ANA.name, ends=9_000, ends_at="x")
    assert isinstance(fault(channel.accepted(stale, 10_000)), TokenExpired)


def test_an_admin_has_nothing_to_refresh() -> None:
    channel = watching(ADMIN)
    assert channel.next_time() == 15_000
    assert isinstance(fault(channel.receive(REFRESH, 0)), BadMessage)
