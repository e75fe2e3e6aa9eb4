"""Proctors in front of `/watch`, and the meeting that they look at."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
from playwright.async_api import Browser, Page

from tests.browser.crowd import Person, append, crowd
from tests.browser.visitor import Visitor, visiting
from tests.serving import Server
from undertone.store import embedded

# What the console says of a clip that nobody stored.
NO_CLIP: Final = r"status of 404 .*/clips/.*-late/link"


@dataclass
class Room:
    """A meeting on the server, and its database for what takes hours in life."""

    server: Server
    database_url: str
    id: str
    admin_id: str
    kept: dict[str, Any]
    people: list[Person]

    async def tell(self, kind: str, who: Person | None, body: dict[str, Any]) -> int:
        return await append(self.database_url, self.id, kind, who, body)

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """A call of the `admin_id` holder's. Raises HTTPStatusError."""
        headers = {"Authorization": f"Bearer {self.admin_id}"}
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.request(
                method, f"{self.server.url}/meetings/{self.id}{path}", json=body, headers=headers
            )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    async def anomalies(self) -> list[dict[str, Any]]:
        """Newest first."""
        found: list[dict[str, Any]] = (await self.ask("GET", "/anomalies"))["anomalies"]
        return found


@asynccontextmanager
async def room(server: Server, *, candidates: int = 0, anomalies: int = 0, minutes: int = 0) -> AsyncIterator[Room]:
    """A new meeting, with so many in it."""
    created = httpx.post(f"{server.url}/meetings", json={"title": "Algebra I"}, trust_env=False).json()
    kept = {**created["data"], "admin_id": created["admin_id"], "join_secret": created["join_secret"]}
    postgres = await asyncio.to_thread(embedded.start, server.data)  # the server's own
    try:
        people: list[Person] = []
        if candidates:
            people = await crowd(
                postgres.dsn, server.data, kept["id"], candidates=candidates, anomalies=anomalies, minutes=minutes
            )
        yield Room(server, postgres.dsn, kept["id"], kept["admin_id"], kept, people)
    finally:
        await asyncio.to_thread(postgres.stop)


@asynccontextmanager
async def watching(
    browser: Browser, room: Room, *, name: str = "Salma", token: str | None = None, **profile: Any
) -> AsyncIterator[tuple[Visitor, Page]]:
    """Somebody at `/watch` who holds the `admin_id`, or a proctor's `token`; the snapshot is there."""
    own = {"undertone.meetings": json.dumps([room.kept]), "undertone.name": name}
    storage = own if token is None else {f"undertone.proctor.{room.id}": token}
    async with visiting(browser, room.server.url, **profile) as visitor:
        await visitor.context.add_init_script(
            f"const kept = Object.entries({json.dumps(storage)});"
            "if (location.host) for (const [key, text] of kept) localStorage[key] ??= text;"
        )
        page = await visitor.open(f"{room.server.url}/watch/{room.id}")
        await page.locator(".line-state.live").wait_for()
        yield visitor, page
