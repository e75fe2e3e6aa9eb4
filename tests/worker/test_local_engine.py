"""The whole way of a window with the real engine: from bytes of a stream to what a proctor is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

import undertone_client
from tests.worker.lab import Lab, open_lab
from undertone.core.window import WindowCutter
from undertone.store.windows import Windows
from undertone.worker.analyzers import Analyzers
from undertone.worker.loop import AnalysisLoop, Wake

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SAMPLES = Path(undertone_client.__file__).parent / "samples"


@pytest.fixture
async def lab(database_url: str, tmp_path: Path) -> AsyncIterator[Lab]:
    async with open_lab(database_url, tmp_path) as lab:
        yield lab


async def stored(lab: Lab, participant: str, recording: str) -> None:
    """The first window of a recording, as a candidate's."""
    window = WindowCutter().feed((SAMPLES / recording).read_bytes())[0]
    await lab.exam.candidate(participant)
    name = await lab.exam.window(
        window.window,
        participant,
        sample_rate=window.format.sample_rate,
        samples=window.samples,
        lead_in_samples=window.lead_in_samples,
        clip_bytes=len(window.clip),
    )
    await lab.clips.put(name, window.clip)


async def test_the_second_voice_is_heard_and_the_single_one_left_alone(lab: Lab) -> None:
    await stored(lab, "calm", "one-voice.mp3")
    await stored(lab, "helped", "two-voices.mp3")
    windows = Windows(lab.exam.database, lab.exam.moved.append)
    loop = AnalysisLoop(windows, lab.clips, Analyzers("local", 1), Wake(), "tested")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(loop.run)
        await lab.judged(2)
        tasks.cancel_scope.cancel()
    events = await lab.exam.events()
    outcomes = {event["participant"]: event["outcome"] for event in events if event["kind"] == "window_judged"}
    assert outcomes == {"calm": "clean", "helped": "multiple_voices"}
    (anomaly,) = [event["anomaly"] for event in events if event["kind"] == "anomaly_opened"]
    (evidence,) = anomaly["evidence"]
    assert anomaly["participant"]["id"] == "helped"
    # The second voice has 20 s in all: from 3.9 s, 25.7 s, 35.9 s, 43.9 s and 53.5 s on.
    assert 12_000 < evidence["other_ms"] < 28_000
    starts = [start for start, _, speaker in evidence["turns"] if speaker == 1]
    assert any(abs(start - 3_900) < 1_500 for start in starts)
