"""A proctor watches: reviews and their limit, ticks, and tokens that end."""

from __future__ import annotations

import msgspec
import pytest

from tests.core.proctors import ADMIN, ANA, EPOCH, REFRESH, event, fault, hello, review, said, watching
from undertone.core import messages
from undertone.core.asks import ASKS_AT_ONCE, MAX_REFUSED, MS_PER_ASK
from undertone.core.channel import Channel
from undertone.core.channel_actions import (
    Authenticate,
    Close,
    Credential,
    GiveReview,
)
from undertone.core.errors import (
    BadMessage,
    Forbidden,
    RateLimited,
    TokenExpired,
    Unavailable,
)
from undertone.core.messages import ChannelReady, Error, Expiring, Tick

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


@pytest.mark.parametrize("anomaly", ["", "a\x00", "a b"])
def test_an_anomaly_that_can_not_exist_is_not_looked_for(anomaly: str) -> None:
    channel = watching()
    (error,) = said(channel.receive(review(anomaly=anomaly), 0))
    assert error.code == "not_found"
    assert channel.state == "watching"


@pytest.mark.parametrize("wrong", [{"anomaly": "x" * 201}, {"decision": "maybe"}, {"note": "x" * 2001}, {"key": 5}])
def test_a_review_that_is_wrong_is_answered_and_closes_nothing(wrong: dict[str, object]) -> None:
    channel = watching()
    text = msgspec.json.encode({**msgspec.json.decode(review()), **wrong}).decode()
    (error,) = said(channel.receive(text, 0))
    assert error.code == "bad_message"
    assert channel.state == "watching"


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
