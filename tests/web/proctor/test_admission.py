"""Who may watch, for how long, and what a peer may say at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import asyncpg
import pytest

from tests.web.here import end_of, hear
from tests.web.watched import Watched, ids, review, say, watched
from undertone.core import channel
from undertone.web import proctor as proctor_module
from undertone.web.hub import Hub, Subscriber
from undertone.web.proctor import Subscription

pytestmark = pytest.mark.anyio


async def test_a_token_of_another_meeting_is_forbidden(house: Watched) -> None:
    async with house.dial() as client:
        await house.hello(client, token=house.token(meeting="elsewhere"))
        assert (await end_of(client))[1:] == (4502, "forbidden")


async def test_a_candidate_s_token_opens_nothing_here(house: Watched) -> None:
    async with house.dial() as client:
        await house.hello(client, token=house.token(role="candidate"))
        assert (await end_of(client))[1:] == (4502, "forbidden")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"admin_id": "guessed"}, 4501),
        ({"token": "a.b.c"}, 4501),
        ({"meeting": "unknown", "admin_id": "x"}, 4509),
        ({"meeting": "not well formed \x00", "admin_id": "x"}, 4509),
        ({"admin_id": "x", "token": "y"}, 4500),
    ],
)
async def test_a_credential_that_is_none(house: Watched, fields: dict[str, Any], code: int) -> None:
    async with house.dial() as client:
        await house.hello(client, **fields)
        error, closed, reason = await end_of(client)
        assert (closed, reason) == (code, error["code"])
        assert error["detail"]


async def test_an_admin_id_that_is_good_for_something_else(database_url: str, tmp_path: Path) -> None:
    """As over HTTP."""
    api_key = "the.api-key.of-these-tests"
    async with watched(database_url, tmp_path, api_key=api_key) as house:
        for secret in (house.join_secret, api_key):
            async with house.dial() as client:
                await house.hello(client, admin_id=secret)
                assert (await end_of(client))[1:] == (4502, "forbidden")


async def test_an_expired_token_is_to_be_renewed_first(house: Watched) -> None:
    async with house.dial() as client:
        await house.hello(client, token=house.token(ttl_s=-5))
        error, code, _ = await end_of(client)
        assert (error["code"], code) == ("token_expired", 4006)


async def test_a_proctor_that_was_revoked_before_does_not_come_in(house: Watched) -> None:
    await revoke(house, "ana")
    async with house.dial() as client:
        await house.hello(client, token=house.token())
        assert (await end_of(client))[1:] == (4508, "revoked")


async def revoke(house: Watched, who: str) -> None:
    await house.database.execute(
        "insert into proctors (meeting, proctor, name, revoked_at) values (:meeting, :who, 'Ana', now())",
        {"meeting": house.meeting, "who": who},
    )


async def test_a_proctor_that_is_revoked_while_watching_is_told_and_no_other(house: Watched) -> None:
    async with (
        house.watching(token=house.token("ana")) as (ana, _),
        house.watching(token=house.token("ben")) as (ben, _),
    ):
        # Ana has no row: her token is the platform's.
        assert await patch(house, "ana", True) == {"id": "ana", "name": "ana", "revoked": True}
        assert (await end_of(ana))[1:] == (4508, "revoked")
        house.notifier.revoked(house.meeting, "ben")  # a participant of the same id
        await house.write()
        assert await ids(ben, 1) == [1]


async def patch(house: Watched, who: str, revoked: bool) -> Any:
    answer = await house.http.patch(
        f"/meetings/{house.meeting}/proctors/{who}",
        json={"revoked": revoked},
        headers={"Authorization": f"Bearer {house.admin_id}"},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_who_is_admitted_again_comes_in(house: Watched) -> None:
    await patch(house, "ana", True)
    async with house.dial() as client:
        await house.hello(client, token=house.token("ana"))
        assert (await end_of(client))[1:] == (4508, "revoked")
    assert (await patch(house, "ana", False))["revoked"] is False
    async with house.watching(token=house.token("ana")) as (_, ready):
        assert ready["type"] == "ready"


async def test_a_revocation_while_a_proctor_comes_in_is_not_missed(
    own_house: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its notice comes when the hello was answered and the hub does not know the socket yet."""
    subscribe = Hub.subscribe

    def late(hub: Hub, meeting: str, subscriber: Subscriber) -> None:
        hub.revoked(meeting, "ana")
        subscribe(hub, meeting, subscriber)

    locate = Subscription._locate

    async def revoked_before(subscription: Subscription, meeting: str) -> None:
        await revoke(own_house, "ana")
        await locate(subscription, meeting)

    monkeypatch.setattr(Hub, "subscribe", late)
    monkeypatch.setattr(Subscription, "_locate", revoked_before)
    async with own_house.dial() as client:
        await own_house.hello(client, token=own_house.token("ana"))
        assert (await end_of(client))[1:] == (4508, "revoked")


@pytest.mark.slow
async def test_a_revocation_whose_notice_was_lost_is_found_when_the_line_is_back(
    own_house: Watched, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proctor_module, "CHECK_WITHIN_S", 0.05)
    async with own_house.watching(token=own_house.token("ana")) as (ana, _), own_house.watching() as (admin, _):
        await revoke(own_house, "ana")
        await own_house.write(notify=False)
        await cut(database_url, "listen")
        assert (await end_of(ana))[1:] == (4508, "revoked")
        assert await ids(admin, 1) == [1]


async def cut(database_url: str, word: str = "") -> None:
    """End the server's lines to the database: those whose last statement holds the word."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            f"where datname = current_database() and pid <> pg_backend_pid() and query ilike '%{word}%'"
        )
    finally:
        await connection.close()


async def test_a_deleted_meeting_is_told(house: Watched) -> None:
    async with house.watching() as (client, _):
        answer = await house.http.delete(
            f"/meetings/{house.meeting}", headers={"Authorization": f"Bearer {house.admin_id}"}
        )
        assert answer.status_code == 204
        error, code, _ = await end_of(client)
        assert (error["code"], error["detail"], code) == ("not_found", "the meeting was deleted", 4509)


async def test_an_ended_meeting_can_still_be_read(house: Watched) -> None:
    async with house.watching() as (client, _):
        headers = {"Authorization": f"Bearer {house.admin_id}"}
        assert (await house.http.post(f"/meetings/{house.meeting}/end", headers=headers)).status_code == 204
        assert (await hear(client))["kind"] == "meeting_ended"
    async with house.watching() as (_, ready):
        assert ready["last_id"] == 1


@pytest.mark.slow
async def test_a_token_s_end_is_announced_and_then_comes(looked_often: None, house: Watched) -> None:
    token, ends = house.tokens.mint("ana", house.meeting, "proctor", "Ana", 2)
    async with house.watching(token=token) as (client, _):
        expiring = await hear(client)
        assert expiring["type"] == "expiring"
        assert expiring["at"].startswith(f"{ends:%Y-%m-%dT%H:%M:%S}")
        error, code, _ = await end_of(client)
        assert (error["code"], code) == ("token_expired", 4006)


@pytest.mark.slow
async def test_a_refreshed_token_goes_on(looked_often: None, house: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "TICK_EVERY_MS", 2_500)
    async with house.watching(token=house.token(ttl_s=2)) as (client, _):
        assert (await hear(client))["type"] == "expiring"
        await say(client, "refresh", token=house.token(ttl_s=3600))
        assert await hear(client) == {"type": "tick", "last_id": 0}  # past the end of the first one
        await house.write()
        assert await ids(client, 1) == [1]


@pytest.mark.slow
async def test_a_refreshed_token_that_ends_sooner_ends_in_time(
    looked_often: None, house: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not with the next tick."""
    monkeypatch.setattr(channel, "EXPIRING_BEFORE_MS", 1_000)
    async with house.watching(token=house.token(ttl_s=3600)) as (client, _):
        await say(client, "refresh", token=house.token(ttl_s=3))
        with anyio.fail_after(6):
            assert (await hear(client))["type"] == "expiring"
            assert (await end_of(client))[1] == 4006


@pytest.mark.parametrize(
    ("sub", "ttl_s", "claims", "code"),
    [
        ("ben", 3600, {}, 4502),
        ("ana", 3600, {"meeting": "elsewhere"}, 4502),
        ("ana", 3600, {"role": "candidate"}, 4502),
        ("ana", -1, {}, 4006),
    ],
)
async def test_a_refresh_with_something_else_closes(
    house: Watched, sub: str, ttl_s: int, claims: dict[str, Any], code: int
) -> None:
    async with house.watching(token=house.token()) as (client, _):
        await say(client, "refresh", token=house.token(sub, ttl_s=ttl_s, **claims))
        assert (await end_of(client))[1] == code


async def test_ticks_tell_the_last_id(looked_often: None, house: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "TICK_EVERY_MS", 100)
    await house.write(3)
    async with house.watching() as (client, _):
        for _ in range(3):
            assert await hear(client) == {"type": "tick", "last_id": 3}


@pytest.mark.parametrize("first", ['{"type":"review"}', "not json", "[]", '{"type":"refresh","token":"x"}', "{}", ""])
async def test_the_first_message_is_hello(house: Watched, first: str) -> None:
    async with house.dial() as client:
        await client.send(first)
        assert (await end_of(client))[1:] == (4500, "bad_message")


@pytest.mark.parametrize("message", [b"\xff\xfb\x90\x00", '{"type":"hello","meeting":"m","token":"t"}', "{", "null"])
async def test_what_does_not_belong_closes_one_and_no_other(house: Watched, message: str | bytes) -> None:
    async with house.watching() as (good, _), house.watching() as (bad, _):
        await bad.send(message)
        assert (await end_of(bad))[1:] == (4500, "bad_message")
        await house.write()
        assert await ids(good, 1) == [1]


async def test_a_review_before_ready_is_out_of_order(house: Watched) -> None:
    async with house.dial() as client:
        await house.hello(client)
        await say(client, "review", **review())
        assert (await end_of(client))[1:] == (4500, "bad_message")
