"""A run that can't go on says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from undertone.core.requests import CredentialData, CredentialIssued, MeetingCreated, MeetingData
from undertone_client import harness
from undertone_client.simulate import run as running
from undertone_client.simulate.run import NobodyLetIn

pytestmark = pytest.mark.anyio

CREATED = MeetingCreated(
    data=MeetingData(id="m", title="", created_at="2026-01-01T00:00:00.000Z"), admin_id="a" * 32, join_secret="j" * 32
)
ISSUED = CredentialIssued(
    data=CredentialData(id="p", name="Proctor 1", token="t", expires_at="2030-01-01T00:00:00.000Z")
)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that creates meetings and mints tokens, and takes no socket."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    if head.startswith("POST"):
        body = msgspec.json.encode(ISSUED if "/proctors " in head else CREATED)
        writer.write(b"HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    await writer.drain()
    writer.close()


@pytest.fixture
async def server() -> AsyncIterator[str]:
    listener = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    listener.close()


async def test_proctors_that_are_not_let_in_are_not_waited_for_for_ever(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "ENTERED_WITHIN_S", 1.0)
    async with asyncio.timeout(30):
        with pytest.raises(NobodyLetIn, match=r"3 of 3 proctors were not let in within 1 s: 1006 can't connect"):
            await harness.simulate(server, candidates=1, proctors=3)
