"""A whole node on a real port of this process and a real PostgreSQL, and what a proctor's test does with it."""

from __future__ import annotations

import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio
import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect

from tests.web.here import dial, hear, serving
from undertone.app import Node, composed
from undertone.config import Settings
from undertone.core.events import CandidateMoved, Person
from undertone.core.messages import CHANNEL_PROTOCOL
from undertone.store.database import Database
from undertone.store.events import NewEvent, append
from undertone.store.notify import Notifier
from undertone.web.tokens import Tokens

SECRET: Final = "a secret of the tests, long enough"
CLEO: Final = Person(id="cleo", name="Cleo")

PARTICIPANT: Final = """
insert into participants (meeting, participant, name) values (:meeting, 'cleo', 'Cleo') on conflict do nothing
"""
ANOMALY: Final = """
insert into anomalies (meeting, anomaly, participant, kind, opened_at, last_at, count, summary, evidence)
values (:meeting, :anomaly, 'cleo', 'multiple_voices', now(), now(), 1, 'another voice', '[]')
"""


@dataclass
class Watched:
    """The node from outside, its database from beside."""

    url: str
    node: Node
    database: Database
    notifier: Notifier
    http: httpx.AsyncClient
    tokens: Tokens = field(default_factory=lambda: Tokens([SECRET]))
    meeting: str = ""
    admin_id: str = ""
    join_secret: str = ""

    async def create(self, api_key: str | None = None) -> None:
        """A meeting, which the other calls are about."""
        headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        answer = await self.http.post("/meetings", json={"title": "Algebra"}, headers=headers)
        assert answer.status_code == 201, answer.text
        body = answer.json()
        self.meeting = body["data"]["id"]
        self.admin_id, self.join_secret = body["admin_id"], body["join_secret"]

    def token(self, sub: str = "ana", name: str = "Ana", ttl_s: int = 3600, **claims: Any) -> str:
        """A proctor's token, as an exam platform's backend would mint it."""
        return self.tokens.mint(sub, claims.get("meeting", self.meeting), claims.get("role", "proctor"), name, ttl_s)[0]

    def dial(self, **options: Any) -> connect:
        """A socket to the channel."""
        return dial(self.url + "/channel", subprotocols=[CHANNEL_PROTOCOL], **options)

    @asynccontextmanager
    async def watching(self, **hello: Any) -> AsyncIterator[tuple[ClientConnection, dict[str, Any]]]:
        """A socket that has said hello, and the answer."""
        async with self.dial() as client:
            await self.hello(client, **hello)
            yield client, await hear(client)

    async def hello(self, client: ClientConnection, **fields: Any) -> None:
        """Without other fields: the holder of the admin_id."""
        if not fields.keys() & {"token", "admin_id"}:
            fields["admin_id"] = self.admin_id
        await say(client, "hello", **{"meeting": self.meeting, **fields})

    async def write(self, count: int = 1, reason: str | None = None, notify: bool = True) -> int:
        """Events, as another node writes them; the last id."""
        news = [NewEvent("candidate_degraded", CandidateMoved(stream=1, reason=reason), CLEO)] * count
        async with self.database.transaction() as transaction:
            last = (await append(transaction, self.meeting, news))[-1]
        if notify:
            self.notifier.moved(self.meeting)
        return last

    async def anomaly(self, anomaly: str = "a1") -> None:
        """Something to review."""
        await self.database.execute(PARTICIPANT, {"meeting": self.meeting})
        await self.database.execute(ANOMALY, {"meeting": self.meeting, "anomaly": anomaly})


async def say(client: ClientConnection, kind: str, **fields: Any) -> None:
    """One message of the proctor's."""
    await client.send(msgspec.json.encode({"type": kind, **fields}).decode())


def review(anomaly: str = "a1", decision: str = "confirmed", **fields: Any) -> dict[str, Any]:
    """A review with a key of its own."""
    return {"key": str(uuid.uuid4()), "anomaly": anomaly, "decision": decision, **fields}


@asynccontextmanager
async def watched(database_url: str, data: Path, **said: Any) -> AsyncIterator[Watched]:
    """A node and a meeting. `said` are settings."""
    database = Database(database_url, max_connections=3)
    notifier = Notifier(database_url)
    settings = Settings(data=data, workers=0, **said)
    async with composed(settings, database_url, [SECRET], 1_000) as node, serving(node.app) as url:
        await database.connect()
        http = httpx.AsyncClient(base_url=url.replace("ws://", "http://"), trust_env=False, timeout=10)
        async with http, anyio.create_task_group() as tasks:
            tasks.start_soon(notifier.run)
            house = Watched(url, node, database, notifier, http)
            await house.create(settings.api_key)
            yield house
            tasks.cancel_scope.cancel()
        await database.close()


async def ids(client: ClientConnection, last: int) -> list[int]:
    """The ids of the events that come, up to this one."""
    got: list[int] = []
    while not got or got[-1] < last:
        message = await hear(client)
        if message["type"] == "event":
            got.append(message["id"])
    return got


def narrow_line(house: Watched, size: int = 8 * 1024) -> socket.socket:
    """A connection whose receiver buffers next to nothing, or so many bytes."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
    host, port = house.url.removeprefix("ws://").split(":")
    line.connect((host, int(port)))
    return line
