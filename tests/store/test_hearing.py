"""How the database is reached is found out once, at the start: a server that is slow just then is no pooler."""

from __future__ import annotations

import asyncio

import pytest

from tests.store.silent_line import silent_line
from undertone.core.errors import Unavailable
from undertone.store.hearing import find_reach, hears

pytestmark = pytest.mark.anyio


async def test_a_notification_that_does_not_come_in_time_makes_no_pooler(database_url: str) -> None:
    async with silent_line(database_url) as line:
        line.loses = b"undertone_"  # the channel's name: the notification that was told first
        reach = await find_reach(line.url, None, within_s=0.4)
        assert line.loses == b""
        assert (reach.pooled, reach.listen_url) == (False, line.url)


@pytest.mark.parametrize("asked", [b"LISTEN", b"begin", b"pg_notify", b"commit"])
async def test_a_server_that_freezes_is_away(database_url: str, asked: bytes) -> None:
    async with silent_line(database_url) as line, asyncio.timeout(10):
        line.silenced_by = asked
        with pytest.raises(Unavailable, match="TimeoutError"):
            await hears(line.url, line.url, within_s=0.2)
