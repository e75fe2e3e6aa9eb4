"""Proctors that do not read their snapshot, on real sockets: nobody else waits for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import anyio
import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.asyncio.client import ClientConnection

from tests.web.here import end_of, hear, read_slowly
from tests.web.watched import Watched, ids, narrow_line
from undertone.web import places as places_module
from undertone.web import sockets
from undertone.web.places import PLACES, PLACES_A_MEETING, Places
from undertone.web.proctor import ProctorSockets

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

# 20,000 candidates are 5 MB: more than the kernel buffers for a line.
CANDIDATES = """
insert into participants (meeting, participant, name)
select :meeting, 'c' || n, repeat('x', 200) from generate_series(1, 20000) n
"""


def places_of(house: Watched) -> Places:
    assert isinstance(house.node.app, Starlette)
    for route in house.node.app.routes:
        if isinstance(route, WebSocketRoute) and isinstance(route.endpoint, ProctorSockets):
            return route.endpoint.places
    raise AssertionError("no channel")


@asynccontextmanager
async def sleeping(house: Watched, count: int, line_bytes: int = 256 * 1024) -> AsyncIterator[list[ClientConnection]]:
    """So many who say hello and read nothing; all places that one meeting may have are taken."""
    await house.database.execute(CANDIDATES, {"meeting": house.meeting})
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(count):
            line = narrow_line(house, line_bytes)  # slept through, but read in no time once awake
            clients.append(await stack.enter_async_context(house.dial(sock=line)))
            clients[-1].transport.pause_reading()
            await house.hello(clients[-1])
        with anyio.fail_after(20):
            while places_of(house).held < PLACES_A_MEETING:
                await anyio.sleep(0.01)
        try:
            yield clients
        finally:
            for client in clients:
                client.transport.abort()


async def test_another_meeting_notices_nothing(own_house: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "PATIENCE_S", 600.0)
    async with sleeping(own_house, PLACES + 1):
        await own_house.create()
        async with own_house.watching() as (client, ready):
            assert ready["candidates"] == []
            await own_house.write()
            assert await ids(client, 1) == [1]
        assert places_of(own_house).held == PLACES_A_MEETING


async def test_who_sleeps_on_is_cut_off_for_those_of_its_meeting_who_wait(
    own_house: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places_module, "PATIENCE_S", 0.3)
    monkeypatch.setattr(sockets, "CLOSE_WITHIN_S", 0.3)
    async with sleeping(own_house, PLACES_A_MEETING) as sleepers:
        async with own_house.watching() as (client, ready):
            assert len(ready["candidates"]) == 20_000
            await own_house.write()
            assert await ids(client, 1) == [1]
        await anyio.sleep(0.3)
        ends = []
        for sleeper in sleepers:
            sleeper.transport.resume_reading()
            with anyio.move_on_after(1):
                await sleeper.wait_closed()
            ends.append((sleeper.close_code, len(sleeper.recv_messages.frames) > 0))
        # What the first had not read was not kept for it; the others watch on.
        assert sorted(ends, key=str, reverse=True) == [(None, True)] * 3 + [(1006, False)]


async def test_who_wakes_soon_is_told_why(own_house: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "PATIENCE_S", 0.3)
    async with sleeping(own_house, PLACES_A_MEETING) as sleepers, own_house.dial() as client:
        await own_house.hello(client)
        with anyio.fail_after(10):
            while not any(place.evicted for place in places_of(own_house)._held):
                await anyio.sleep(0.01)
        async with anyio.create_task_group() as tasks:

            async def wake(sleeper: ClientConnection) -> None:
                sleeper.transport.resume_reading()
                error, code, _ = await end_of(sleeper)
                assert (error["code"], code) == ("fell_behind", 4003)
                assert "others wait" in error["detail"]
                tasks.cancel_scope.cancel()

            for sleeper in sleepers:
                tasks.start_soon(wake, sleeper)
        assert len((await hear(client))["candidates"]) == 20_000


async def test_whoever_reads_slowly_but_steadily_gets_its_snapshot(
    own_house: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places_module, "PATIENCE_S", 0.3)
    async with sleeping(own_house, 2 * PLACES_A_MEETING, 32 * 1024) as readers:
        async with anyio.create_task_group() as tasks:

            async def read(reader: ClientConnection) -> None:
                """What the line holds, each time: in all longer than anybody's patience."""
                with anyio.fail_after(100):
                    await read_slowly(reader, 0.05)
                assert len((await hear(reader))["candidates"]) == 20_000

            for reader in readers:
                tasks.start_soon(read, reader)
        assert places_of(own_house).held == 0
        await own_house.write()
        for reader in readers:  # nobody was told to leave meanwhile
            assert await ids(reader, 1) == [1]
