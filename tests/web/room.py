"""A meeting as its creator, its candidates and its proctors see it from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar

import httpx
import msgspec
from websockets.sync.client import connect

from tests.audio import encode, voice
from tests.serving import Server
from tests.store.exam import TWO_VOICES
from undertone.core.messages import Finish, StreamHello, StreamReady, decode_to_candidate
from undertone.core.messages import encode as encode_message
from undertone.core.verdict import Diarization
from undertone.store.database import Database, Row
from undertone.store.windows import Windows

API_KEY: Final = "the.api-key.of-these-tests"  # with dots, as tokens have them
ORIGIN: Final = "https://exams.example.org"
PROBLEM: Final = "application/problem+json"

T = TypeVar("T")


def bearer(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


def problem_of(response: httpx.Response) -> tuple[int, str, str]:
    """Status, code and detail of an error that is told as RFC 9457 wants it."""
    assert response.headers["content-type"] == PROBLEM
    body = response.json()
    assert body["status"] == response.status_code
    assert body["title"]
    return response.status_code, body["code"], body["detail"]


@cache
def recording() -> bytes:
    """Ten seconds of real MP3."""
    return b"".join(encode(voice(10, 16_000), 16_000, 32_000))


@dataclass(frozen=True, slots=True)
class Room:
    http: httpx.Client
    server: Server
    database_url: str
    id: str
    admin_id: str
    join_secret: str

    @classmethod
    def create(cls, http: httpx.Client, server: Server, database_url: str, title: str = "Algebra") -> Room:
        response = http.post("/meetings", json={"title": title}, headers=bearer(API_KEY))
        assert response.status_code == 201, response.text
        body = response.json()
        return cls(http, server, database_url, body["data"]["id"], body["admin_id"], body["join_secret"])

    @property
    def path(self) -> str:
        return f"/meetings/{self.id}"

    def call(self, method: str, path: str, credential: str | None = None, **kwargs: Any) -> httpx.Response:
        """A call below the meeting, by the holder of the admin_id unless somebody else is named."""
        headers = {**bearer(credential or self.admin_id), **kwargs.pop("headers", {})}
        return self.http.request(method, self.path + path, headers=headers, **kwargs)

    def join(self, name: str = "Ada", **more: Any) -> dict[str, Any]:
        """A new candidate: id, name, token, expires_at."""
        response = self.call("POST", "/participants", self.join_secret, json={"name": name, **more})
        assert response.status_code == 201, response.text
        joined: dict[str, Any] = response.json()["data"]
        return joined

    def invite(self, name: str = "Grace") -> dict[str, Any]:
        """A new proctor: id, name, token, expires_at."""
        response = self.call("POST", "/proctors", json={"name": name})
        assert response.status_code == 201, response.text
        invited: dict[str, Any] = response.json()["data"]
        return invited

    def stream(self, token: str) -> None:
        """What a candidate's tab does in ten seconds, at once: one short window is stored."""
        with connect(f"{self.server.websocket_url}/stream", proxy=None) as socket:
            socket.send(encode_message(StreamHello(token=token)))
            assert isinstance(decode_to_candidate(socket.recv(5)), StreamReady)
            for start in range(0, len(recording()), 60_000):
                socket.send(recording()[start : start + 60_000])
            socket.send(encode_message(Finish()))
            for _ in socket:
                pass

    def hear(self, diarization: Diarization = TWO_VOICES) -> None:
        """Ends the meeting's waiting windows as a worker would."""

        async def judge(database: Database) -> None:
            windows = Windows(database, lambda _: None)
            for claimed in await windows.claim("a test", 100):
                assert await windows.judge(claimed, diarization)

        self.in_database(judge)

    def in_database(self, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
        async def connected() -> T:
            database = Database(self.database_url, max_connections=1)
            await database.connect()
            try:
                return await work(database)
            finally:
                await database.close()

        return asyncio.run(connected())

    def rows(self, query: str, meeting: str | None = None) -> list[Row]:
        """What the database holds of this meeting, or of another."""
        return self.in_database(lambda database: database.fetch_all(query, {"meeting": meeting or self.id}))

    def audit(self) -> list[tuple[str, str, str | None, str | None]]:
        """Who, did what, to what, from where; oldest first."""
        rows = self.rows(AUDIT)
        return [(row["who"], row["action"], row["subject"], row["address"]) for row in rows]

    def anomaly(self) -> dict[str, Any]:
        """An anomaly in this meeting, from a candidate's stream to its evidence."""
        self.stream(self.join()["token"])
        self.hear()
        [anomaly] = self.call("GET", "/anomalies").json()["anomalies"]
        found: dict[str, Any] = anomaly
        return found

    def events(self, **query: int | str) -> dict[str, Any]:
        answer: dict[str, Any] = msgspec.json.decode(self.call("GET", "/events", params=query).content)
        return answer


AUDIT: Final = "select who, action, subject, address from audit where meeting = :meeting order by id"
