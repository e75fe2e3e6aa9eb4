"""The polling front end's calls, as its page makes them, and a worker that hears what a test says."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import httpx
import msgspec

from tests.store.exam import TWO_VOICES
from tests.web.watched import Watched
from undertone.core.verdict import Diarization
from undertone.store.database import Row
from undertone.store.windows import Windows
from undertone.web.polling import PollingRoutes

PAGE: Final = "http://localhost:3000"
LOOK_EVERY_S: Final = 0.01


class Page:
    """One meeting, from another origin, without a credential and without slashes at the end."""

    def __init__(self, house: Watched, http: httpx.AsyncClient | None = None) -> None:
        self.house = house
        self._http = http or house.http
        self.id = ""
        self.admin_id = ""

    @property
    def polling(self) -> PollingRoutes:
        assert self.house.node.polling is not None
        return self.house.node.polling

    async def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        return await self._http.post(path, json=body, headers={"Origin": PAGE, **headers})

    async def create(self) -> Page:
        answer = (await self.post("/meetings", {"title": "Joint Entrance Examination"})).json()
        self.id, self.admin_id = answer["data"]["id"], answer["admin_id"]
        return self

    async def join(self, **more: object) -> httpx.Response:
        body = {"name": "new user", "preset_name": "audio_proc_preset", "meeting_id": self.id, **more}
        return await self.post(f"/meetings/{self.id}/participants", body)

    async def upload(
        self, data: bytes, participant: str = "peer-1", *, slash: str = "", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        form = {"meeting_id": self.id, "participant_id": participant, "participant_name": "new user"}
        return await self._http.post(
            "/multiple_voices" + slash,
            data=form,
            files={"file": ("audio.mp3", data)},
            headers={"Origin": PAGE, **(headers or {})},
        )

    async def ask(self, path: str, admin_id: str | None = None, meeting: str | None = None) -> httpx.Response:
        body = {"meeting_id": meeting or self.id, "admin_id": self.admin_id if admin_id is None else admin_id}
        return await self.post(path, body)

    async def reports(self) -> list[list[str]]:
        rows: list[list[str]] = (await self.ask("/multiple_voices_list")).json()
        return rows

    async def rows(self, query: str) -> list[Row]:
        """What the database holds of this meeting."""
        return await self.house.database.fetch_all(query, {"meeting": self.id})

    async def events(self) -> list[dict[str, Any]]:
        """All events, as a proctor reads them."""
        headers = {"Authorization": f"Bearer {self.admin_id}"}
        answer = await self._http.get(f"/meetings/{self.id}/events", headers=headers)
        found: list[dict[str, Any]] = msgspec.json.decode(answer.content)["events"]
        return found


@asynccontextmanager
async def heard(house: Watched, diarization: Diarization | str = TWO_VOICES) -> AsyncIterator[None]:
    """Every window that is stored meanwhile is judged by that, or fails for that reason."""
    windows = Windows(house.database, house.notifier.moved, retry_s=0)

    async def judge() -> None:
        while True:
            for claimed in await windows.claim("a test", 100):
                if isinstance(diarization, str):
                    await windows.failed(claimed, diarization)
                else:
                    await windows.judge(claimed, diarization)
            await anyio.sleep(LOOK_EVERY_S)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(judge)
        yield
        tasks.cancel_scope.cancel()


def address(house: Watched) -> tuple[str, int]:
    """For a line of one's own."""
    host, port = house.url.removeprefix("ws://").split(":")
    return socket.gethostbyname(host), int(port)
