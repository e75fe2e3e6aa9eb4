"""`/healthz`: the process answers. `/readyz`: it wants traffic: not draining, and the database within reach."""

from __future__ import annotations

from typing import Final

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from undertone.core.errors import Draining, Unavailable
from undertone.store.database import Database

# A load balancer gives up after a few seconds; a database that takes two is no place to send anybody.
DATABASE_WITHIN_SECONDS: Final = 2.0
PROBE: Final = "select 1 as alive"


class Health:
    """Whether this process lives, and whether it wants traffic."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.draining = False

    def routes(self) -> list[Route]:
        """Both."""
        return [Route("/healthz", self.alive), Route("/readyz", self.ready)]

    async def alive(self, _: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(self, _: Request) -> Response:
        if self.draining:
            raise Draining("this node is going away")
        with anyio.move_on_after(DATABASE_WITHIN_SECONDS) as waited:
            await self._database.fetch_one(PROBE)
        if waited.cancelled_caught:
            raise Unavailable(f"the database did not answer within {DATABASE_WITHIN_SECONDS:.0f} s")
        return JSONResponse({"status": "ready"})
