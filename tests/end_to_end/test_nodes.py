"""Two servers and two workers on one PostgreSQL, as in a data centre, and what happens to them there."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import asyncpg
import pytest

import undertone_client
from tests.core.frames import WINDOW_FRAMES, frames
from tests.end_to_end.balancer import balancing
from tests.end_to_end.cast import Cast, playing
from tests.end_to_end.conftest import fresh_database
from tests.serving import Server, prepared_server, running_server, running_worker
from tests.store.silent_line import silent_line
from undertone.store.embedded import EmbeddedPostgres

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SAMPLES = Path(undertone_client.__file__).parent / "samples"
ENV: Final = {"UNDERTONE_MAX_SPEED": "0"}
AT_ONCE: Final = timedelta(0)

SOCKETS: Final = 200

NOTICE_LINES: Final = """
select count(*) from pg_stat_activity
where datname = current_database() and application_name = 'undertone notices'
"""
END_NOTICES: Final = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and application_name = 'undertone notices'
"""


@dataclass
class Fleet:
    """All processes, and what they share."""

    nodes: tuple[Server, Server]
    workers: tuple[Server, Server]
    database_url: str
    data: Path


@pytest.fixture(scope="module")
def fleet(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    data = tmp_path_factory.mktemp("fleet")
    with (
        fresh_database(postgres) as url,
        running_server(data, database_url=url, env=ENV, log="first.log") as first,
        running_server(data, database_url=url, env=ENV, log="second.log") as second,
        running_worker(data, database_url=url, log="third.log") as third,
        running_worker(data, database_url=url, log="fourth.log") as fourth,
    ):
        yield Fleet((first, second), (third, fourth), url, data)


def kinds(cast: Cast, watcher: int = 0) -> list[str]:
    return [event.kind for event in cast.watchers[watcher].events]


async def told(cast: Cast, kind: str, count: int = 1, within_s: float = 30) -> None:
    """Until every proctor was told so often."""
    async with asyncio.timeout(within_s):
        while any(kinds(cast, each).count(kind) < count for each in range(len(cast.watchers))):
            await asyncio.sleep(0.02)


async def test_candidates_who_move_from_node_to_node_lose_nothing(fleet: Fleet) -> None:
    """Cut in mid-window again and again, each time taken by the other node; one of them is not alone."""
    async with balancing(fleet.nodes) as balancer, playing(balancer.url, fleet.database_url, fleet.data) as cast:
        for node in fleet.nodes:
            await cast.watch(node.url)
        recordings = [(SAMPLES / "two-voices.mp3").read_bytes(), *[frames(2 * WINDOW_FRAMES + 700)] * 4]
        async with asyncio.TaskGroup() as tasks:
            speaking = [tasks.create_task(cast.speak(await cast.join(), each, over_s=5)) for each in recordings]
            while not all(each.done() for each in speaking):
                await asyncio.sleep(1.2)
                for line in [*balancer.lines]:
                    line.cut()
        assert all(len(each.troubles) > 1 for each in cast.candidates)
        await told(cast, "anomaly_opened")
        assert not await cast.audited(AT_ONCE)
        assert all("judged in" in worker.log() for worker in fleet.workers)


async def test_lines_between_nodes_that_are_cut_cost_no_event(fleet: Fleet) -> None:
    async with playing(fleet.nodes[0].url, fleet.database_url, fleet.data) as cast:
        await cast.watch(fleet.nodes[1].url)
        connection = await asyncpg.connect(fleet.database_url)
        for count in range(1, 3):
            async with asyncio.timeout(20):
                while await connection.fetchval(NOTICE_LINES) < 8:  # one to tell and one to hear, for each process
                    await asyncio.sleep(0.02)
            await connection.execute(END_NOTICES)
            await cast.join()
            await told(cast, "candidate_joined", count)
        await connection.close()
        assert not await cast.audited()


async def test_a_node_that_stands_still_and_comes_back_overwrites_nothing(fleet: Fleet) -> None:
    first, second = fleet.nodes
    async with balancing([first]) as balancer, playing(balancer.url, fleet.database_url, fleet.data) as cast:
        await cast.watch(second.url)
        recordings = [frames(2 * WINDOW_FRAMES + 700 + number) for number in range(5)]
        async with asyncio.TaskGroup() as tasks:
            for recording in recordings:
                tasks.create_task(cast.speak(await cast.join(), recording, over_s=8))
            await told(cast, "window_stored", 2)
            first.signal(signal.SIGSTOP)
            balancer.nodes = [second]
            for line in [*balancer.lines]:
                line.cut()
            await told(cast, "window_stored", 8)
            first.signal(signal.SIGCONT)
        assert not await cast.audited()
        assert all(each.troubles for each in cast.candidates)


async def test_a_node_that_dies_or_is_cut_off_takes_nobody_with_it(fleet: Fleet) -> None:
    """Side by side, as most of it is waiting."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(die(fleet))
        tasks.create_task(fall_silent(fleet))


async def die(fleet: Fleet) -> None:
    """Who does not come back is lost, by the other node's sweeper; who comes back later streams again."""
    first, second = fleet.nodes
    async with balancing([first]) as balancer, playing(balancer.url, fleet.database_url, fleet.data) as cast:
        await cast.watch(second.url)
        recording = frames(2 * WINDOW_FRAMES + 700)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(cast.speak(await cast.join("Ada"), recording, over_s=3))
            await asyncio.sleep(1.5)
            first.kill()
            await told(cast, "candidate_lost")
            began = kinds(cast).count("candidate_streaming")
            balancer.nodes = [second]
            await told(cast, "candidate_streaming", began + 1)
        assert not await cast.audited()
        first.start()


async def fall_silent(fleet: Fleet) -> None:
    """A node catches up whose lines to the database a firewall forgot: what reads, what writes and what listens."""
    second = fleet.nodes[1]
    async with silent_line(fleet.database_url) as line, AsyncExitStack() as ends:
        third = prepared_server(fleet.data, database_url=line.url, env=ENV, log="silent.log")
        ends.push_async_callback(asyncio.to_thread, third.end)
        await asyncio.to_thread(third.start)
        async with playing(second.url, fleet.database_url, fleet.data) as cast:
            await cast.watch(third.url)
            recording = frames(2 * WINDOW_FRAMES + 700)
            async with asyncio.TaskGroup() as tasks:
                for node in (third, second):
                    tasks.create_task(cast.speak(await cast.join(), recording, over_s=4, url=node.url))
                await told(cast, "candidate_streaming", 2)
                line.forget()
            assert not await cast.audited(AT_ONCE)


async def test_a_node_that_drains_sends_two_hundred_elsewhere_without_a_storm(fleet: Fleet) -> None:
    first, second = fleet.nodes
    async with balancing([first]) as balancer, playing(balancer.url, fleet.database_url, fleet.data) as cast:
        await cast.watch(second.url)
        recording = frames(400)
        candidates = [await cast.join() for _ in range(SOCKETS)]
        all_sent_away = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for already, candidate in enumerate(candidates):
                if already % 50 == 0:  # of one address no more than 64 come in at once
                    await told(cast, "candidate_streaming", already)
                tasks.create_task(cast.speak(candidate, recording, until=all_sent_away))
            await told(cast, "candidate_streaming", SOCKETS)
            balancer.nodes = [second]
            assert await asyncio.to_thread(first.stop) == 0
            all_sent_away.set()
        first.start()
        assert not await cast.audited(AT_ONCE)
    assert [each.troubles for each in candidates] == [["4000 draining"]] * SOCKETS
    waits = sorted(each.errors[0].retry_after_ms or 0 for each in candidates)
    assert len(set(waits)) > SOCKETS / 2
    assert waits[0] < 500
    assert 4_500 < waits[-1] <= 5_000
    came = [at for node, at in balancer.taken if node is second]
    assert came[-1] - came[0] > 3  # told over half of 14 s, and each comes back at a moment of its own
