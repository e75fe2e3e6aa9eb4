"""The proctor's socket from outside: a whole node, a real port, a real PostgreSQL, a real client."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import asyncpg
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.web.here import end_of, hear, rest_of
from tests.web.watched import Watched, review, say, watched
from undertone.core import channel
from undertone.core.channel import ASKS_AT_ONCE, MAX_REFUSED
from undertone.core.errors import RemoteFault
from undertone.store.embedded import EmbeddedPostgres
from undertone.web import hub as hub_module
from undertone.web import proctor as proctor_module
from undertone.web.outbox import QUEUE_BYTES

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that serves."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="module")
async def node(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute("create database proctors template with_schema strategy file_copy")
    await connection.close()
    async with watched(postgres.url("proctors"), tmp_path_factory.mktemp("proctors")) as house:
        yield house


@pytest.fixture
async def house(node: Watched) -> Watched:
    """A meeting of the test's own, on a node that all share."""
    await node.create()
    return node


@pytest.fixture
async def own_house(database_url: str, tmp_path: Path) -> AsyncIterator[Watched]:
    """A node of the test's own, for what others would notice."""
    async with watched(database_url, tmp_path) as house:
        yield house


async def ids(client: ClientConnection, last: int) -> list[int]:
    """The ids of the events that come, up to this one."""
    got: list[int] = []
    while not got or got[-1] < last:
        message = await hear(client)
        if message["type"] == "event":
            got.append(message["id"])
    return got


# --- joining and recovering


async def test_a_newcomer_gets_the_state_and_then_what_happens(house: Watched) -> None:
    await house.anomaly()
    await house.write(3)
    async with house.watching(name="Ben") as (client, ready):
        assert ready["type"] == "ready"
        assert (ready["meeting"], ready["recovered"], ready["last_id"]) == (house.meeting, False, 3)
        assert [each["id"] for each in ready["candidates"]] == ["cleo"]
        assert [each["id"] for each in ready["anomalies"]] == ["a1"]
        await house.write(reason="no audio for 5 s")
        event = await hear(client)
        assert event.pop("at").endswith("Z")
        assert event == {
            "type": "event",
            "id": 4,
            "kind": "candidate_degraded",
            "participant": {"id": "cleo", "name": "Cleo"},
            "stream": 1,
            "reason": "no audio for 5 s",
        }


async def test_a_cursor_is_continued_without_a_hole(house: Watched) -> None:
    await house.write(450)  # more than two pages
    async with house.watching() as (client, ready):
        epoch = ready["epoch"]
    async with house.watching(token=house.token(), after={"epoch": epoch, "id": 7}) as (client, ready):
        assert (ready["recovered"], ready["last_id"]) == (True, 450)
        assert "candidates" not in ready
        assert "anomalies" not in ready
        await house.write(5)
        assert await ids(client, 455) == list(range(8, 456))


@pytest.mark.parametrize("after", [{"epoch": "another", "id": 2}, {"id": 1}, {"id": 6}])
async def test_a_cursor_that_is_worth_nothing_is_told_so(house: Watched, after: dict[str, Any]) -> None:
    await house.write(5)
    await house.database.execute("delete from events where meeting = :meeting and id <= 2", {"meeting": house.meeting})
    await house.database.execute(
        "update meetings set trimmed_to = 2 where meeting = :meeting", {"meeting": house.meeting}
    )
    async with house.watching() as (_, ready):
        cursor = {"epoch": ready["epoch"], **after}
    async with house.watching(after=cursor) as (client, ready):
        assert (ready["recovered"], ready["last_id"], ready["candidates"]) == (False, 5, [])
        await house.write()
        assert await ids(client, 6) == [6]


@pytest.mark.slow
async def test_everybody_gets_everything_once_while_some_come_and_go(house: Watched) -> None:
    rounds, each = 30, 4
    async with house.watching() as (_, ready):
        epoch = ready["epoch"]
    got: dict[int, list[int]] = {}

    async def come_back_again_and_again(who: int) -> None:
        """A line that drops after every few events."""
        mine = got.setdefault(who, [])
        while not mine or mine[-1] < rounds * each:
            after = {"epoch": epoch, "id": mine[-1] if mine else 0}
            async with house.watching(after=after) as (client, ready):
                assert ready["recovered"]
                for _ in range(7 + who):
                    if mine and mine[-1] == rounds * each:
                        break
                    message = await hear(client)
                    if message["type"] == "event":
                        mine.append(message["id"])

    async with anyio.create_task_group() as tasks:
        for who in range(6):
            tasks.start_soon(come_back_again_and_again, who)
        for number in range(rounds):
            await house.write(each, notify=number % 3 != 0)
            await anyio.sleep(0.005)
        await anyio.sleep(0.05)
        house.notifier.moved(house.meeting)
    assert set(map(tuple, got.values())) == {tuple(range(1, rounds * each + 1))}


@pytest.mark.slow
async def test_a_slow_line_gets_a_long_history_without_falling_behind(house: Watched) -> None:
    size = 4_000
    events = 3 * QUEUE_BYTES // size
    await house.write(events, reason="x" * size)
    async with house.watching() as (_, ready):
        epoch = ready["epoch"]
    async with house.dial(sock=narrow_line(house), max_queue=1) as client:
        await house.hello(client, after={"epoch": epoch, "id": 0})
        await anyio.sleep(0.3)  # reads nothing, while more happens
        last = await house.write(events, reason="x" * size)
        await anyio.sleep(0.1)
        assert (await hear(client))["recovered"]
        assert await ids(client, last) == list(range(1, last + 1))


@pytest.mark.slow
async def test_a_large_snapshot_on_a_slow_line_is_not_falling_behind(house: Watched) -> None:
    await house.database.execute(
        "insert into participants (meeting, participant, name) "
        "select :meeting, 'c' || n, repeat('x', 200) from generate_series(1, 20000) n",
        {"meeting": house.meeting},
    )
    async with house.dial(sock=narrow_line(house), max_queue=1) as client:
        client.transport.pause_reading()
        await house.hello(client)
        await anyio.sleep(1)  # the snapshot fills the line
        last = await house.write(2 * QUEUE_BYTES // 4_000, reason="x" * 4_000)
        await anyio.sleep(0.3)
        client.transport.resume_reading()
        ready = await hear(client)
        assert len(ready["candidates"]) == 20_000
        assert await ids(client, last) == list(range(ready["last_id"] + 1, last + 1))


def narrow_line(house: Watched) -> socket.socket:
    """A connection whose receiver buffers next to nothing."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024)
    host, port = house.url.removeprefix("ws://").split(":")
    line.connect((host, int(port)))
    return line


@pytest.mark.slow
async def test_who_falls_behind_live_is_closed_and_resumes_by_id(house: Watched) -> None:
    async with house.dial(sock=narrow_line(house), max_queue=1) as slow, house.watching() as (quick, ready):
        await house.hello(slow)
        await hear(slow)
        got: list[int] = []
        last = 0
        for _ in range(12):  # 12 MB: more than kernel, transport and queue hold
            last = await house.write(20, reason="x" * 50_000)
            got += await ids(quick, last)
        assert got == list(range(1, last + 1))  # the other one notices nothing
        seen = [message["id"] for message in await rest_of(slow) if message["type"] == "event"]
        assert (slow.close_code, slow.close_reason) == (4003, "fell_behind")
        assert seen == list(range(1, len(seen) + 1))
        assert len(seen) < last
    async with house.watching(after={"epoch": ready["epoch"], "id": len(seen)}) as (client, again):
        assert again["recovered"]
        assert seen + await ids(client, last) == list(range(1, last + 1))


# --- who may watch


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
        await revoke(house, "ana")
        house.notifier.revoked(house.meeting, "ana")
        assert (await end_of(ana))[1:] == (4508, "revoked")
        await house.write()
        assert await ids(ben, 1) == [1]


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


# --- tokens that end


@pytest.fixture
def looked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the clock: ask for it before the house."""
    monkeypatch.setattr(hub_module, "LOOK_EVERY_S", 0.02)


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


# --- reviews


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


# --- what does not belong


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


# --- the database away


@asynccontextmanager
async def away(postgres: EmbeddedPostgres, database_url: str) -> AsyncIterator[None]:
    """All lines cut, and none taken, while the block runs."""
    name = urlsplit(database_url).path.strip("/")
    connection = await asyncpg.connect(postgres.dsn)
    try:
        await connection.execute(f"alter database {name} allow_connections false")
        await connection.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")
        yield
        await connection.execute(f"alter database {name} allow_connections true")
    finally:
        await connection.close()


@pytest.mark.slow
async def test_subscribers_stay_while_the_database_is_away_and_miss_nothing(
    own_house: Watched, postgres: EmbeddedPostgres, database_url: str
) -> None:
    async with own_house.watching() as (client, _):
        await own_house.write(2)
        assert await ids(client, 2) == [1, 2]
        async with away(postgres, database_url):
            with pytest.raises(RemoteFault):
                await own_house.write()
            own_house.notifier.moved(own_house.meeting)  # a notice that waits
            await anyio.sleep(0.3)
        with anyio.fail_after(10):
            while True:
                try:
                    last = await own_house.write(2)
                    break
                except RemoteFault:
                    await anyio.sleep(0.05)
        assert await ids(client, last) == list(range(3, last + 1))


@pytest.mark.slow
async def test_who_comes_while_the_database_is_away_is_told_to_try_again(
    own_house: Watched, postgres: EmbeddedPostgres, database_url: str
) -> None:
    async with own_house.watching() as (watching, _):
        async with away(postgres, database_url):
            async with own_house.dial() as client:
                await own_house.hello(client)
                error, code, _ = await end_of(client)
                assert (error["code"], code) == ("unavailable", 4002)
                assert error["retry_after_ms"] >= 0
            await say(watching, "review", **review())
            error = await hear(watching)
            assert (error["type"], error["code"]) == ("error", "unavailable")
        with anyio.fail_after(10):
            while True:
                with contextlib.suppress(RemoteFault):
                    await own_house.write()
                    break
                await anyio.sleep(0.05)
        assert await ids(watching, 1) == [1]


@pytest.mark.slow
async def test_leaving_frees_the_place(own_house: Watched) -> None:
    for _ in range(5):
        async with own_house.watching():
            pass
    async with own_house.dial() as client:  # leaves in the middle of joining
        await own_house.hello(client)
    with anyio.fail_after(5):
        while own_house.node.entrance.open:
            await anyio.sleep(0.01)


@pytest.mark.slow
async def test_draining_sends_proctors_elsewhere(own_house: Watched) -> None:
    async with own_house.watching() as (client, _):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(own_house.node.drain)
            error, code, _ = await end_of(client)
        assert (error["code"], code) == ("draining", 4000)
