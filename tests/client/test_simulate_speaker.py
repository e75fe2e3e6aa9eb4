"""A simulated candidate's tabs: which of them goes on, where the server keeps but one."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.client.recording import frames
from tests.client.sockets import StreamHost, hosting
from undertone.core.errors import TakenOver
from undertone.core.requests import CredentialData, MeetingCreated, MeetingData
from undertone_client.simulate.audio import load
from undertone_client.simulate.record import CandidateRecord, Record
from undertone_client.simulate.schedule import Client, Fault, Schedule
from undertone_client.simulate.service import Service
from undertone_client.simulate.speaker import Speaker
from undertone_client.simulate.watcher import Silent

pytestmark = pytest.mark.anyio

MEETING = MeetingCreated(
    data=MeetingData(id="m", title="Exam", created_at="2026-01-01T00:00:00.000Z"), admin_id="a", join_secret="j"
)
SECOND_TAB = Fault(500, "second_tab", Client("candidate", 1))


class Door(Service):
    """Lets everybody in."""

    async def call(self, ask: Callable[[Any], Awaitable[Any]], patience_s: float = 0) -> Any:
        return CredentialData(id="p1", name="Ada", token="token", expires_at="2026-01-01T00:00:00.000Z")


async def spoken(host: StreamHost, folder: Path) -> CandidateRecord:
    """26 s of sound in 2.6 s, a second tab after half a second."""
    path = folder / "a.mp3"
    path.write_bytes(frames(0, 1000))
    candidate = CandidateRecord(1, "Ada", load(path))
    schedule = Schedule(0, (0,), (SECOND_TAB,), frozenset())
    service = Door([host.url], None, 0)
    await Speaker(service, MEETING, Record([candidate], []), candidate, schedule, Silent(), None).run(
        time.monotonic(), speed=10
    )
    return candidate


async def test_the_first_tab_goes_on_where_the_second_is_refused(tmp_path: Path) -> None:
    """Both lines were broken, and the first tab's hello came after the second's."""
    host = StreamHost()
    host.orders = [None, TakenOver("a newer connection owns the candidate")]
    async with hosting(host):
        candidate = await spoken(host, tmp_path)
    [first] = candidate.streams
    assert (first.number, first.end) == (1, "finished")
    assert candidate.fault is None
