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
from undertone_client.simulate import speaker
from undertone_client.simulate.audio import load
from undertone_client.simulate.exam import Exam
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


async def spoken(host: StreamHost, folder: Path, *faults: Fault) -> tuple[CandidateRecord, list[Fault]]:
    """26 s of sound in 2.6 s; and of the faults, those that were carried out."""
    path = folder / "a.mp3"
    path.write_bytes(frames(0, 1000))
    candidate = CandidateRecord(1, "Ada", load(path))
    done: list[Fault] = []
    service, schedule = Door([host.url], None, 0), Schedule(0, (0,), faults, frozenset())
    exam = Exam(service, MEETING, Record([candidate], []), schedule, Silent(), done.append)
    await Speaker(exam, candidate, None).run(time.monotonic(), speed=10)
    return candidate, done


@pytest.mark.slow
async def test_the_first_tab_goes_on_where_the_second_is_refused(tmp_path: Path) -> None:
    """Both lines were broken, and the first tab's hello came after the second's."""
    host = StreamHost()
    host.orders = [None, TakenOver("a newer connection owns the candidate")]
    async with hosting(host):
        candidate, done = await spoken(host, tmp_path, SECOND_TAB)
    [first] = candidate.streams
    assert (first.number, first.end) == (1, "finished")
    assert candidate.fault is None
    assert done == [SECOND_TAB]


@pytest.mark.slow
async def test_only_what_the_tab_suffered_is_said_to_have_been_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second tab waits until the first has a stream to be taken over; what comes after the last word never was."""
    monkeypatch.setattr(speaker, "FIRST_TAB_TOLD_WITHIN_S", 0.5)  # this host tells an older socket nothing by itself
    host = StreamHost()
    faults = [Fault(0, "second_tab", Client("candidate", 1)), Fault(60_000, "reload", Client("candidate", 1))]
    async with hosting(host):
        candidate, done = await spoken(host, tmp_path, *faults)
    assert [stream.end for stream in candidate.streams] == ["taken over", "finished"]
    assert done == faults[:1]
