"""The HTTP side of one service of several nodes: a call goes to any of them, and again where one was away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from random import Random
from types import TracebackType
from typing import Final, Self, TypeVar

import httpx

from undertone.core.errors import Draining, Overloaded, RateLimited, Unavailable
from undertone_client.connection import CallFailed, Meetings
from undertone_client.session.backoff import Backoff

# A process that was killed is started again within seconds, and its database recovers within a minute.
PATIENCE_S: Final = 90.0
AT_ONCE: Final = 20

_Answer = TypeVar("_Answer")


class Service:
    """Calls with patience; `first` without: what can't be reached at all is said at once."""

    def __init__(self, servers: Sequence[str], api_key: str | None, seed: int) -> None:
        self.servers = tuple(servers)
        self._nodes = [Meetings(server, api_key) for server in servers]
        self._random = Random(f"{seed} calls")  # noqa: S311 - the waits of a test, repeatable
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for node in self._nodes:
            await self._stack.enter_async_context(node)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def first(self) -> Meetings:
        """The node named first, without patience."""
        return self._nodes[0]

    async def call(self, ask: Callable[[Meetings], Awaitable[_Answer]], patience_s: float = PATIENCE_S) -> _Answer:
        """The answer of any node. Raises what the last one said when patience ends, and what is final at once."""
        backoff = Backoff(self._random)
        until = time.monotonic() + patience_s
        while True:
            try:
                async with self._at_once:
                    return await ask(self._random.choice(self._nodes))
            except (httpx.TransportError, RateLimited, Draining, Overloaded, Unavailable, CallFailed) as error:
                if isinstance(error, CallFailed) and error.status < 500:
                    raise
                if time.monotonic() > until:
                    raise
                asked_ms = getattr(error, "retry_after_ms", None)
                await asyncio.sleep(backoff.failed(time.monotonic_ns() // 1_000_000, asked_ms) / 1000)
