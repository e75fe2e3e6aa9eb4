"""The meeting that most of these look at."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.browser.proctor import Room, room
from tests.serving import Server


@pytest.fixture
async def exam(server: Server) -> AsyncIterator[Room]:
    """Half an hour into it: twelve candidates, fifteen anomalies."""
    async with room(server, candidates=12, anomalies=15, minutes=30) as made:
        yield made
