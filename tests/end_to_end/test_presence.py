"""What the proctors see of a candidate is so, in the end, however it stutters."""

from __future__ import annotations

import asyncio

import pytest

from tests.core.frames import frames
from tests.end_to_end.conftest import Nodes
from tests.end_to_end.wire import stream

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def state_when(nodes: Nodes, *wanted: str, within_s: float = 20) -> str:
    async with asyncio.timeout(within_s):
        while True:
            [row] = await nodes.query("select state from participants where meeting = $1")
            if row["state"] in wanted:
                return str(row["state"])
            await asyncio.sleep(0.2)


async def test_a_second_silence_within_a_minute_is_told_when_the_minute_is_over(nodes: Nodes) -> None:
    socket, _ = await stream(nodes.first, nodes.room.join()["token"])
    await socket.audio(frames(50))
    await state_when(nodes, "degraded")
    await socket.audio(frames(50, first=50))
    await state_when(nodes, "streaming")
    await asyncio.sleep(7)  # silent again, but degraded was said within the last minute
    [row] = await nodes.query("select state from participants where meeting = $1")
    assert row["state"] == "streaming"
    await nodes.query("update participants set degraded_at = now() - interval '61 seconds' where meeting = $1")
    await state_when(nodes, "degraded")
    kinds = [event["kind"] for event in nodes.room.events()]
    assert kinds.count("candidate_degraded") == 2


async def test_a_meeting_deleted_under_a_live_stream_leaves_no_sound(nodes: Nodes) -> None:
    socket, _ = await stream(nodes.first, nodes.room.join()["token"])
    await socket.audio(frames(500))
    await asyncio.sleep(0.3)
    assert nodes.room.call("DELETE", "").status_code == 204
    code, _ = await socket.fault()
    assert code == 4509
    await asyncio.sleep(2)  # the part would be written by now
    assert not [path for path in (nodes.folder / "clips" / nodes.room.id).rglob("*") if path.is_file()]
