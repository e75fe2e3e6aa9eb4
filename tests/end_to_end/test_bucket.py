"""Clips in a bucket, with real processes: an exam from the first byte to its deletion, and starts that fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx
import pytest

import undertone_client
from tests.end_to_end.cast import playing
from tests.serving import LOOKING, prepared_server, prepared_worker, running_server
from tests.standins.s3 import S3, Fault
from undertone.core.events import AnomalyMoved
from undertone_client import Meetings

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

TWO_VOICES: Final = (Path(undertone_client.__file__).parent / "samples" / "two-voices.mp3").read_bytes()


def told(s3: S3, url: str) -> dict[str, str]:
    return {"UNDERTONE_CLIPS": url, "UNDERTONE_CLIPS_ENDPOINT": s3.endpoint, "UNDERTONE_MAX_SPEED": "0"}


async def until(true: Callable[[], bool], within_s: float = 60) -> None:
    async with asyncio.timeout(within_s):
        while not await asyncio.to_thread(true):
            await asyncio.sleep(0.5)


async def test_an_exam_whose_clips_are_in_a_bucket(s3: S3, database_url: str, tmp_path: Path) -> None:
    s3.make("autumn")
    environment = told(s3, "s3://autumn/exams/undertone")
    with running_server(tmp_path, database_url=database_url, workers=1, env=environment) as server:
        async with playing(server.url, database_url, tmp_path) as cast:
            proctor = await cast.watch()
            candidate = await cast.join()
            # More refusals than one call asks again after: what was received waits, and goes to the bucket later.
            s3.methods, s3.faults[:] = ("PUT",), [Fault(503, "SlowDown")] * 7
            await cast.speak(candidate, TWO_VOICES)
            assert not s3.faults
            await cast.settled(60)
            [anomaly] = [e.body.anomaly for e in proctor.events if isinstance(e.body, AnomalyMoved)]
            clip = anomaly.evidence[0].clip
            name = f"exams/undertone/clips/{cast.meeting}/{clip}.mp3"
            # What is of no use goes by itself; the evidence stays.
            await until(lambda: s3.objects("autumn") == [name])

            admin = {"Authorization": f"Bearer {cast.room.admin_id}"}
            link = await cast.meetings.clip_link(cast.meeting, clip, cast.room.admin_id)
            assert link.url.startswith(f"{s3.endpoint}/autumn/{name}?")
            async with httpx.AsyncClient(trust_env=False) as browser:
                whole = await browser.get(link.url)
                piece = await browser.get(link.url, headers={"Range": "bytes=100-199"})
                through = await browser.get(
                    f"{server.url}/meetings/{cast.meeting}/clips/{clip}", headers={**admin, "Range": "bytes=100-199"}
                )
            assert (whole.status_code, whole.headers["Content-Type"]) == (200, "audio/mpeg")
            assert (piece.status_code, piece.content) == (206, whole.content[100:200])
            assert (through.status_code, through.content) == (206, piece.content)
            assert through.headers["Content-Range"] == piece.headers["Content-Range"]

            for watching in cast.watching:  # they would be told that the meeting is gone
                watching.cancel()
            await cast.meetings.delete(cast.meeting, cast.room.admin_id)
            await until(lambda: s3.objects("autumn") == [])


def test_a_bucket_that_is_not_there_keeps_a_worker_from_starting(s3: S3, database_url: str, data_dir: Path) -> None:
    worker = prepared_worker(data_dir, database_url=database_url, env=told(s3, "s3://summer"))
    worker.launch()
    try:
        assert worker.wait() == 1
        assert "stopped: clips can't be kept in s3://summer: there is no such bucket: make it" in worker.log()
        assert LOOKING not in worker.log()
        assert "Traceback" not in worker.log()
    finally:
        worker.end()


async def test_a_bucket_that_is_away_is_waited_for_and_named(s3: S3, database_url: str, data_dir: Path) -> None:
    s3.make("winter")
    s3.fault = Fault(503, "SlowDown")
    server = prepared_server(data_dir, database_url=database_url, env=told(s3, "s3://winter"))
    server.launch()
    try:
        server.wait_for("waiting for the clip store: the clip store is away: SlowDown", 60)
        assert "ready" not in server.log()
        s3.behave()
        server.wait_ready()
        async with Meetings(server.url) as meetings:
            await meetings.create("Algebra")
        assert server.stop() == 0
    finally:
        server.end()
