"""The command line as a process, and what the tests of a server do first."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator

import asyncpg
import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.serving import ROOT, Server, clean_environment
from undertone.core.messages import ChannelHello, decode_to_proctor, encode


def undertone(*arguments: str, **said: str) -> subprocess.CompletedProcess[str]:
    """Runs a command that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "undertone", *arguments],
        cwd=ROOT,
        env=clean_environment(said),
        capture_output=True,
        text=True,
        timeout=60,
    )


def create(server: Server, title: str = "Algebra", *, api_key: str | None = None) -> dict[str, str]:
    """A meeting, by the API key where the server needs one: id, admin_id, join_secret."""
    headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
    response = httpx.post(f"{server.url}/meetings", json={"title": title}, headers=headers, trust_env=False)
    assert response.status_code == 201, response.text
    body = response.json()
    return {"id": body["data"]["id"], "admin_id": body["admin_id"], "join_secret": body["join_secret"]}


@contextlib.contextmanager
def watch(server: Server, meeting: dict[str, str]) -> Iterator[ClientConnection]:
    """A proctor's socket that has been let in."""
    with connect(f"{server.websocket_url}/channel", proxy=None) as line:
        line.send(encode(ChannelHello(meeting=meeting["id"], admin_id=meeting["admin_id"])))
        decode_to_proctor(line.recv(10))
        yield line


def close_code(line: ClientConnection) -> int | None:
    """Reads until the other side closes; with what code it did."""
    with contextlib.suppress(ConnectionClosed):
        for _ in line:
            pass
    return line.close_code


def execute(database_url: str, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run())
