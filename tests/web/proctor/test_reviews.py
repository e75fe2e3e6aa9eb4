"""Decisions through the proctor's socket: stored once, answered to everybody, limited."""

from __future__ import annotations

import contextlib

import anyio
import pytest
from websockets.exceptions import ConnectionClosed

from tests.web.here import end_of, hear
from tests.web.watched import Watched, ids, review, say
from undertone.core.asks import ASKS_AT_ONCE, MAX_REFUSED

pytestmark = pytest.mark.anyio


async def test_a_review_is_answered_by_its_event_to_everybody(house: Watched) -> None:
    await house.anomaly()
    async with house.watching(token=house.token()) as (ana, _), house.watching(name="Ben") as (ben, _):
        await say(ana, "review", **review(note="heard it"))
        for client in (ana, ben):
            event = await hear(client)
            assert (event["id"], event["kind"]) == (1, "anomaly_reviewed")
            assert event["anomaly"]["state"] == "confirmed"
            given = event["anomaly"]["review"]
            assert (given["by"], given["note"], given["decision"]) == ("Ana", "heard it", "confirmed")


async def test_the_admin_reviews_under_the_name_of_the_hello(house: Watched) -> None:
    await house.anomaly()
    async with house.watching(name="Ben") as (client, _):
        await say(client, "review", **review())
        assert (await hear(client))["anomaly"]["review"]["by"] == "Ben"


async def test_a_repeated_review_gets_its_event_again_alone_and_changes_nothing(house: Watched) -> None:
    await house.anomaly()
    first = review(decision="dismissed")
    async with house.watching(token=house.token()) as (ana, _), house.watching() as (ben, _):
        await say(ana, "review", **first)
        answer = await hear(ana)
        await say(ana, "review", **review(decision="confirmed"))
        assert (await hear(ana))["id"] == 2
        await say(ana, "review", **first)
        assert await hear(ana) == answer
        await house.write()
        assert await ids(ben, 3) == [1, 2, 3]
        assert (await hear(ana))["id"] == 3


async def test_reviews_are_stored_in_the_order_they_were_sent(house: Watched) -> None:
    await house.anomaly()
    decisions = ["confirmed", "dismissed", "open"] * 8
    async with house.watching() as (client, _):
        for decision in decisions:
            await say(client, "review", **review(decision=decision))
        got = [(await hear(client))["anomaly"]["review"]["decision"] for _ in decisions]
        assert got == decisions


async def test_a_review_of_nothing_is_an_error_that_closes_nothing(house: Watched) -> None:
    async with house.watching() as (client, _):
        for anomaly in ("unknown", "not\x00possible"):
            asked = review(anomaly)
            await say(client, "review", **asked)
            error = await hear(client)
            assert (error["type"], error["code"]) == ("error", "not_found")
            assert asked["key"] in error["detail"]
        await house.write()
        assert await ids(client, 1) == [1]


async def test_reviews_faster_than_people_are_refused_without_closing(house: Watched) -> None:
    await house.anomaly()
    async with house.watching() as (client, _):
        for _ in range(ASKS_AT_ONCE + 5):
            await say(client, "review", **review())
        answers = [await hear(client) for _ in range(ASKS_AT_ONCE + 5)]
        refused = [answer for answer in answers if answer["type"] == "error"]
        assert 1 <= len(refused) <= 5
        assert {answer["code"] for answer in refused} == {"rate_limited"}
        assert all(answer["retry_after_ms"] > 0 for answer in refused)


async def test_a_flood_is_closed_with_the_limit_s_name(house: Watched) -> None:
    async with house.watching() as (client, _):
        with contextlib.suppress(ConnectionClosed):
            for _ in range(ASKS_AT_ONCE + 2 * MAX_REFUSED):
                await say(client, "review", **review())
                await anyio.sleep(0)
        error, code, _ = await end_of(client)
        assert code == 4004
        assert error["code"] == "rate_limited"
        assert "a second" in error["detail"]
