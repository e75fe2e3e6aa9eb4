"""Every row of the close-code table, caused from outside through a real socket."""

from __future__ import annotations

import asyncio
import signal
import socket as sockets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from tests.core.frames import frames, other_format
from tests.end_to_end.conftest import Nodes
from tests.end_to_end.wire import Message, Room, Socket, channel, stream
from tests.serving import Server, running_server
from undertone.core.errors import CLOSE_CODES, FIRST_FINAL

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

Told = tuple[int, Message]
Cause = Callable[[Nodes], Awaitable[Told]]
CAUSES: dict[int, Cause] = {}
# These need a server of their own: told to go, told to be small, or its database taken away.
OWN_SERVER = {4000, 4001, 4002, 4006}


def cause(code: int) -> Callable[[Cause], Cause]:
    def name(told: Cause) -> Cause:
        CAUSES[code] = told
        return told

    return name


async def say(server: Server, path: str, first: Message | str | bytes, **arguments: object) -> Told:
    """What a socket is told that begins with `first`."""
    opened = await Socket.open(server, path, **arguments)
    await opened.say(first)
    return await opened.fault()


@cause(4000)
async def draining(nodes: Nodes) -> Told:
    socket, _ = await stream(nodes.first, nodes.room.join()["token"])
    nodes.first.signal(signal.SIGTERM)
    return await socket.fault()


@cause(4001)
async def overloaded(nodes: Nodes) -> Told:
    for _ in range(3):
        await channel(nodes.first, nodes.room)
    opened = await Socket.open(nodes.first, "/channel")
    return await opened.fault()


@cause(4002)
async def unavailable(nodes: Nodes) -> Told:
    token = nodes.room.join()["token"]
    name = nodes.database_url.partition("?")[0].rpartition("/")[2]
    elsewhere = nodes.database_url.replace(f"/{name}", "/postgres", 1)
    connection = await asyncpg.connect(elsewhere)
    await connection.execute(f"alter database {name} allow_connections false")
    await connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
    try:
        return await say(nodes.first, "/stream", {"type": "hello", "token": token})
    finally:
        await connection.execute(f"alter database {name} allow_connections true")
        await connection.close()


@cause(4003)
async def fell_behind(nodes: Nodes) -> Told:
    """A proctor who reads nothing, while more is said than the line and the queue can hold."""
    small = sockets.socket()
    small.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    small.connect(("127.0.0.1", nodes.first.port))
    asleep = await Socket.open(nodes.first, "/channel", sock=small, max_queue=1)
    await asleep.say({"type": "hello", "meeting": nodes.room.id, "admin_id": nodes.room.admin_id})
    await asleep.hear()
    candidate = nodes.room.join("A" * 200)
    connection = await asyncpg.connect(nodes.database_url)
    for _ in range(60):  # 100 KB each
        await connection.execute(
            "with m as (update meetings set last_event = last_event + 1 where meeting = $1 returning last_event) "
            "insert into events (meeting, id, kind, participant, name, body) select $1, last_event, 'candidate_lost', "
            "$2, 'A', jsonb_build_object('reason', repeat('x', 100000)) from m",
            nodes.room.id,
            candidate["id"],
        )
    await connection.close()
    nodes.room.call("PATCH", f"/participants/{candidate['id']}", json={"expected_voices": 2})
    await asyncio.sleep(3)
    return await asleep.fault(60)


@cause(4004)
async def rate_limited(nodes: Nodes) -> Told:
    async with AsyncExitStack() as silent:
        for _ in range(64):
            opened = await Socket.open(nodes.first, "/stream")
            silent.push_async_callback(opened.close)
        opened = await Socket.open(nodes.first, "/stream")
        return await opened.fault()


@cause(4005)
async def hello_timeout(nodes: Nodes) -> Told:
    opened = await Socket.open(nodes.first, "/channel")
    return await opened.fault()


@cause(4006)
async def token_expired(nodes: Nodes) -> Told:
    joined = nodes.room.join()
    socket, _ = await stream(nodes.first, joined["token"])
    assert (await socket.hear())["type"] == "expiring"
    return await socket.fault()


@cause(4007)
async def format_changed(nodes: Nodes) -> Told:
    socket, _ = await stream(nodes.first, nodes.room.join()["token"])
    await socket.audio(frames(20) + other_format(5))
    return await socket.fault()


@cause(4500)
async def bad_message(nodes: Nodes) -> Told:
    return await say(nodes.first, "/stream", "this is no JSON")


@cause(4501)
async def unauthorized(nodes: Nodes) -> Told:
    return await say(nodes.first, "/stream", {"type": "hello", "token": "forged"})


@cause(4502)
async def forbidden(nodes: Nodes) -> Told:
    candidate = nodes.room.join()["token"]
    return await say(nodes.first, "/channel", {"type": "hello", "meeting": nodes.room.id, "token": candidate})


@cause(4503)
async def unsupported_version(nodes: Nodes) -> Told:
    opened = await Socket.open(nodes.first, "/stream", subprotocols=["undertone.stream.v9"])
    assert opened.subprotocol == "undertone.stream.v9"  # by echo: a browser sees no refused handshake
    return await opened.fault()


@cause(4504)
async def bad_audio(nodes: Nodes) -> Told:
    socket, _ = await stream(nodes.first, nodes.room.join()["token"])
    await socket.audio(bytes(66_000))
    return await socket.fault()


@cause(4506)
async def taken_over(nodes: Nodes) -> Told:
    token = nodes.room.join()["token"]
    older, _ = await stream(nodes.first, token)
    await stream(nodes.first, token)
    return await older.fault()


@cause(4507)
async def meeting_ended(nodes: Nodes) -> Told:
    socket, _ = await stream(nodes.first, nodes.room.join()["token"])
    nodes.room.call("POST", "/end")
    return await socket.fault()


@cause(4508)
async def revoked(nodes: Nodes) -> Told:
    joined = nodes.room.join()
    socket, _ = await stream(nodes.first, joined["token"])
    nodes.room.call("PATCH", f"/participants/{joined['id']}", json={"revoked": True})
    return await socket.fault()


@cause(4509)
async def not_found(nodes: Nodes) -> Told:
    return await say(nodes.first, "/channel", {"type": "hello", "meeting": "nowhere", "admin_id": nodes.room.admin_id})


def told_rightly(code: int, told: Told) -> None:
    [fault] = [fault for fault in CLOSE_CODES if fault.close == code]
    closed, error = told
    assert (closed, error["code"]) == (code, fault.code)
    assert error["detail"]
    assert code >= FIRST_FINAL or "retry_after_ms" not in error or error["retry_after_ms"] >= 0


def test_every_row_has_a_cause() -> None:
    assert set(CAUSES) == {fault.close for fault in CLOSE_CODES}


@pytest.mark.parametrize("code", sorted(set(CAUSES) - OWN_SERVER))
async def test_it_is_told_and_no_other_peer_notices(nodes: Nodes, code: int) -> None:
    bystander, _ = await stream(nodes.first, nodes.room.join("Bystander")["token"])
    told_rightly(code, await CAUSES[code](nodes))
    if code != 4507:  # which concerns everybody in the meeting
        await bystander.audio(frames(100))
        await bystander.say({"type": "finish"})
        assert (await bystander.hear_until("finished"))[-1]["windows"] == 1


async def test_a_proctor_who_is_revoked_is_told_on_every_node(nodes: Nodes) -> None:
    grace = nodes.room.call("POST", "/proctors", json={"name": "Grace"}).json()["data"]
    sockets = [(await channel(node, nodes.room, token=grace["token"]))[0] for node in (nodes.first, nodes.second)]
    bystander, _ = await channel(nodes.second, nodes.room)
    nodes.room.call("PATCH", f"/proctors/{grace['id']}", json={"revoked": True})
    for socket in sockets:
        told_rightly(4508, await socket.fault())
    nodes.room.join()
    assert (await bystander.hear())["kind"] == "candidate_joined"


@pytest.mark.parametrize(
    ("code", "env"),
    [
        (4000, {}),
        (4001, {"UNDERTONE_MAX_SOCKETS": "3"}),
        (4002, {}),
        (4006, {"UNDERTONE_CANDIDATE_TOKEN_SECONDS": "5"}),
    ],
)
async def test_it_is_told_by_a_server_in_that_state(
    database_url: str, tmp_path: Path, code: int, env: dict[str, str]
) -> None:
    with running_server(tmp_path, database_url=database_url, env=env) as server:
        told_rightly(code, await CAUSES[code](Nodes(server, server, database_url, tmp_path, Room.create(server))))
