"""Credentials that don't open, calls that are none, and crowds."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Final
from unittest import mock
from urllib.parse import urlsplit

import asyncpg
import httpx

from tests.core.frames import frames
from tests.end_to_end.conftest import Nodes
from tests.end_to_end.rubbish.room import (
    HANDSHAKE,
    SECRET,
    SENDERS,
    TOKENS,
    House,
    Sender,
    ended,
    finished,
    first,
    from_address,
    raw,
    sends,
    signed,
)
from tests.end_to_end.test_close_codes import fell_behind
from tests.end_to_end.wire import Room, Socket, stream
from tests.serving import running_server
from undertone.core.errors import Overloaded
from undertone.core.messages import HELLO_WITHIN_MS
from undertone.process import raise_open_files
from undertone.web.links import LINK_SECONDS, Links

SOON = 600
NOBODY: Final = {"type": "hello", "token": ""}
DEEP = '{"title":' + "[" * 30_000 + "]" * 30_000 + "}"
POST: Final = b"POST /meetings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def _unsigned(house: House, algorithm: str, signature: str = "") -> str:
    parts = [{"alg": algorithm, "typ": "JWT"}, house.claims(exp=int(time.time()) + SOON)]
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*coded, signature])


def _rewritten(token: str, **claims: object) -> str:
    """With its old signature."""
    head, body, signature = token.split(".")
    old = json.loads(base64.urlsafe_b64decode(body + "=="))
    new = base64.urlsafe_b64encode(json.dumps({**old, **claims}).encode()).decode().rstrip("=")
    return f"{head}.{new}.{signature}"


TO_STREAM: Final[dict[str, Callable[[House], str]]] = {
    "no_token": lambda house: "",
    "other_secret": lambda house: signed(house.claims(exp=int(time.time()) + SOON), "s" * 40),
    "alg_none": lambda house: _unsigned(house, "none"),
    "alg_rs256": lambda house: _unsigned(house, "RS256", signed(house.claims()).rpartition(".")[2]),
    "expired": lambda house: house.token(ttl_s=-5),
    "no_exp": lambda house: signed(house.claims()),
    "proctor_streams": lambda house: house.token("proctor"),
    "rewritten": lambda house: _rewritten(house.token(), meeting=Room.create(house.server).id),
    "unknown_meeting": lambda house: house.token(meeting="nowhere"),
}
TO_CHANNEL: Final[dict[str, Callable[[House], dict[str, str]]]] = {
    "no_credential": lambda house: {},
    "both_credentials": lambda house: {"admin_id": house.room.admin_id, "token": house.token("proctor")},
    "candidate_watches": lambda house: {"token": house.token()},
    "other_meeting": lambda house: {"token": house.token("proctor", Room.create(house.server).id)},
}


def _to_stream(key: str) -> Sender:
    return lambda house: first(house, "/stream", {"type": "hello", "token": TO_STREAM[key](house)})


def _to_channel(key: str) -> Sender:
    return lambda house: first(house, "/channel", {"type": "hello", "meeting": house.room.id, **TO_CHANNEL[key](house)})


SENDERS.update({key: _to_stream(key) for key in TO_STREAM} | {key: _to_channel(key) for key in TO_CHANNEL})


@sends("revoked")
async def revoked(house: House) -> int:
    token = house.token()
    opened, _ = await stream(house.server, token)
    who = TOKENS.verify(token).sub
    assert (await house.call("PATCH", f"/participants/{who}", json={"revoked": True})).is_success
    assert await ended(opened) == 4508
    return await first(house, "/stream", {"type": "hello", "token": token})


@sends("bad_tokens")
async def bad_tokens(house: House) -> int:
    told = set()
    for _ in range(15):
        hellos = [first(house, "/stream", {"type": "hello", "token": f"a.b.{n}"}) for n in range(20)]
        told |= set(await asyncio.gather(*hellos))
    [code] = told
    return code


@sends("subprotocol")
async def subprotocol(house: House) -> int:
    return await ended(await Socket.open(house.server, "/stream", subprotocols=["undertone.stream.v9"]))


@sends("origin")
async def origin(house: House) -> int:
    return await ended(await Socket.open(house.server, "/channel", origin="https://evil.example"))


@sends("elsewhere")
async def elsewhere(house: House) -> int:
    return await raw(house, HANDSHAKE % b"/meetings")


@sends("silent_crowd")
async def silent_crowd(house: House) -> int:
    """Each is told one of two things; a newcomer from another address is let in while they stand there."""
    crowd = [await Socket.open(house.server, "/stream", sock=from_address(house, "127.0.0.2")) for _ in range(300)]
    assert await finished(await house.streaming()) == 1000
    told = await asyncio.gather(*[ended(opened) for opened in crowd])
    assert set(told) <= {4004, 4005}  # the 64 that were let in say nothing in time
    return max(set(told), key=told.count)


@sends("silent_city")
async def silent_city(house: House) -> int:
    """As many as one address may have, from each of 17; again where a busy machine let the first go before the last."""
    raise_open_files()
    for _ in range(10):
        code = await _behind_a_city(house)
        if code == Overloaded.close:
            break
        await asyncio.sleep(HELLO_WITHIN_MS / 1000)  # after which all are gone
    return code


async def _behind_a_city(house: House) -> int:
    """What a newcomer gets; nobody else is refused because of the city once it returns."""
    with ExitStack() as crowd:
        for n in range(17 * 64):
            silent = crowd.enter_context(from_address(house, f"127.0.1.{n // 64 + 1}"))
            silent.sendall(HANDSHAKE % b"/stream")
        for _ in range(5):  # not all handshakes may be taken in yet
            code = await first(house, "/stream", NOBODY)
            if code == Overloaded.close:
                break
    while await first(house, "/stream", NOBODY) == Overloaded.close:
        await asyncio.sleep(0.1)
    return code


@sends("full")
async def full(house: House) -> int:
    env = {"UNDERTONE_SECRET": SECRET, "UNDERTONE_MAX_SOCKETS": "2"}
    with running_server(house.folder, database_url=house.database_url, env=env, log="full.log") as server:
        node = replace(house, server=server)
        inside = [await node.streaming() for _ in range(2)]
        code = await first(node, "/stream", {"type": "hello", "token": house.token()})
        assert [await finished(each) for each in inside] == [1000, 1000]
        return code


@sends("never_reads")
async def never_reads(house: House) -> int:
    # In a meeting of its own: the bystanders would have to read 6 MB as fast as they come.
    room = Room.create(house.server)
    return (await fell_behind(Nodes(house.server, house.server, house.database_url, house.folder, room)))[0]


# --- HTTP


@sends("large_body")
async def large_body(house: House) -> int:
    return (await house.call("POST", "/meetings", json={"title": "A" * 1_000_000})).status_code


@sends("endless_body")
async def endless_body(house: House) -> int:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield bytes(1000)

    answer = await house.call("POST", "/meetings", content=chunks(), headers={"Content-Type": "application/json"})
    return answer.status_code


@sends("slow_body")
async def slow_body(house: House) -> int:
    return await raw(house, POST + b'Content-Length: 20\r\n\r\n{"title"')


@sends("form")
async def form(house: House) -> int:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.post(house.server.url + "/meetings", data={"title": "Algebra"})).status_code


@sends("deep_body")
async def deep_body(house: House) -> int:
    json_type = {"Content-Type": "application/json"}
    return (await house.call("POST", "/meetings", content=DEEP, headers=json_type)).status_code


@sends("nul_title")
async def nul_title(house: House) -> int:
    return (await house.call("POST", "/meetings", json={"title": "A\0"})).status_code


@sends("sql")
async def sql(house: House) -> int:
    name = "'); drop table meetings; --<script>alert(1)</script>"
    answer = await house.call("POST", "/participants", json={"name": name})
    assert answer.json()["data"]["name"] == name
    return answer.status_code


@sends("sql_id")
async def sql_id(house: House) -> int:
    return (await house.call("GET", "/meetings/' or 1=1 --/anomalies")).status_code


@sends("traversal")
async def traversal(house: House) -> int:
    return (await house.call("GET", "/clips/..%2F..%2Fetc%2Fpasswd")).status_code


@sends("method")
async def method(house: House) -> int:
    return (await house.call("PUT", "/meetings")).status_code


@sends("bad_cursor")
async def bad_cursor(house: House) -> int:
    return (await house.call("GET", "/events?after=-1")).status_code


async def clip(house: House) -> str:
    """The id of a real one."""
    token = house.token()
    opened, _ = await stream(house.server, token)
    await opened.audio(frames(50))
    assert await finished(opened) == 1000
    connection = await asyncpg.connect(house.database_url)
    try:
        of = "select clip from windows where meeting = $1 and participant = $2"
        found: str = await connection.fetchval(of, house.room.id, TOKENS.verify(token).sub)
    finally:
        await connection.close()
    return found


@sends("forged_link")
async def forged_link(house: House) -> int:
    path, _ = Links(["s" * 40]).sign(house.room.id, await clip(house), "admin")
    return (await house.call("GET", path)).status_code


@sends("expired_link")
async def expired_link(house: House) -> int:
    """Signed by the server's own secret, for five minutes that are over."""
    with mock.patch("undertone.web.links.time.time", return_value=time.time() - LINK_SECONDS - 1):
        link, _ = Links([SECRET]).sign(house.room.id, await clip(house), "admin")
    parts = urlsplit(link)
    return (await house.call("GET", f"/clips/{parts.path.rpartition('/')[2]}?{parts.query}")).status_code


@sends("bad_range")
async def bad_range(house: House) -> int:
    range_ = {"Range": "bytes=9-1,-,a-b"}
    return (await house.call("GET", f"/clips/{await clip(house)}", headers=range_)).status_code


@sends("range_beyond")
async def range_beyond(house: House) -> int:
    range_ = {"Range": "bytes=99999999-"}
    return (await house.call("GET", f"/clips/{await clip(house)}", headers=range_)).status_code
