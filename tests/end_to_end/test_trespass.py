"""What strangers ask for over HTTP: a real server refuses all of it, and one that gives anything is found out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from tests.end_to_end.conftest import Nodes
from tests.end_to_end.wire import Room
from undertone.core.requests import MeetingCreated, MeetingData
from undertone_client.simulate import trespass
from undertone_client.simulate.service import Service

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


def created(room: Room) -> MeetingCreated:
    data = MeetingData(id=room.id, title="Algebra", created_at="")
    return MeetingCreated(data=data, admin_id=room.admin_id, join_secret=room.join_secret)


async def test_everything_is_refused_by_a_real_server(nodes: Nodes) -> None:
    async with Service([nodes.first.url, nodes.second.url], None, seed=1) as service:
        answers = await trespass.read(service, created(nodes.room), None, Random(1))
    assert [answer.fault(struck=False) for answer in answers] == [None] * len(answers)
    assert len({answer.sort.name for answer in answers}) == len(answers) == 23
    assert {answer.code for answer in answers} == {401, 403, 404}


@pytest.fixture
async def generous() -> AsyncIterator[str]:
    """A server that asks nobody who they are."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nclips")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    listener.close()


async def test_a_server_that_gives_to_anybody_is_found_out(nodes: Nodes, generous: str) -> None:
    async with Service([nodes.first.url], None, seed=1) as service:
        service.servers = (generous,)
        answers = await trespass.read(service, created(nodes.room), "c", Random(1))
    for answer in answers:
        # Not even where a process was struck meanwhile.
        assert answer.fault(struck=True) == f"{answer.sort.name}: was told 5 bytes: b'clips'"


async def test_no_answer_is_excused_by_a_strike_alone(nodes: Nodes) -> None:
    async with Service([nodes.first.url], None, seed=1) as service:
        service.servers = ("http://127.0.0.1:9",)
        answer = (await trespass.read(service, created(nodes.room), "c", Random(1)))[0]
    assert answer.fault(struck=True) is None
    assert (answer.fault(struck=False) or "").startswith("the events for nobody: answered by 1006")
