"""Joining, recovering and keeping up, from outside: every event once and in order, whatever the line does."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from tests.web.here import hear, rest_of
from tests.web.watched import Watched, ids, narrow_line
from undertone.web.outbox import QUEUE_BYTES

pytestmark = pytest.mark.anyio


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
