"""Somebody else alone in a candidate's place: no single window shows it, the candidate's profile does."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

import asyncpg
import numpy as np
import pytest

from tests.audio import decode
from tests.diarize.speech import ONE_VOICE, SECOND_VOICE, TWO_VOICES, encoded, minute
from tests.end_to_end.cast import Cast, playing
from tests.serving import running_server
from undertone.core.events import AnomalyMoved, Event, WindowJudged
from undertone.diarize.local.decode import decode as heard
from undertone.diarize.local.fbank import RATE, Samples

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

MINUTE: Final = 60 * RATE
STREAM_RATE: Final = 44_100
CANDIDATE: Final = ONE_VOICE.read_bytes()  # a minute in which a woman reads


def minute_of(samples: Samples) -> bytes:
    """As a browser sends it, over the noise of a quiet room."""
    room = np.random.default_rng(9).normal(0, 0.0005, MINUTE).astype(np.float32)
    room[: len(samples)] += samples[:MINUTE]
    at = np.arange(60 * STREAM_RATE) * RATE / STREAM_RATE
    return encoded(np.interp(at, np.arange(MINUTE), room).astype(np.float32), STREAM_RATE)


@functools.cache
def reader() -> bytes:
    """A minute of another woman, and nobody else."""
    samples = heard(minute(TWO_VOICES)).copy()
    for start, end in SECOND_VOICE:
        samples[int((start - 0.2) * RATE) : int((end + 0.2) * RATE)] = 0
    return minute_of(samples)


@functools.cache
def helper() -> bytes:
    """A minute in which a man speaks alone for 20 s."""
    samples = heard(minute(TWO_VOICES))
    said = [samples[int(start * RATE) : int(end * RATE)] for start, end in SECOND_VOICE]
    return minute_of(3 * np.concatenate([np.zeros(5 * RATE, np.float32), *said]))


def outcomes(events: list[Event], participant: str) -> list[str]:
    return [
        event.body.outcome
        for event in events
        if isinstance(event.body, WindowJudged)
        and event.participant is not None
        and event.participant.id == participant
    ]


async def profiles(cast: Cast) -> list[int | None]:
    """How many bytes are kept of each candidate's voice."""
    connection = await asyncpg.connect(cast.database_url)
    try:
        query = "select octet_length(profile) from participants where meeting = $1"
        return [row[0] for row in await connection.fetch(query, cast.meeting)]
    finally:
        await connection.close()


async def test_somebody_else_alone_is_pushed_with_a_clip_that_plays(database_url: str, tmp_path: Path) -> None:
    env = {"UNDERTONE_MAX_SPEED": "0"}
    with running_server(tmp_path, database_url=database_url, workers=3, env=env) as server:
        async with playing(server.url, database_url, tmp_path) as cast:
            proctor = await cast.watch()
            replaced, calm = await cast.join("Ada"), await cast.join("Bea")
            await cast.speak(calm, 3 * reader())
            await cast.speak(replaced, 2 * CANDIDATE + helper() + CANDIDATE)
            await cast.settled(180)
            assert outcomes(proctor.events, calm.id)[:3] == ["clean"] * 3
            assert outcomes(proctor.events, replaced.id)[:4] == ["clean", "clean", "voice_changed", "clean"]
            (anomaly,) = [e.body.anomaly for e in proctor.events if isinstance(e.body, AnomalyMoved)]
            assert (anomaly.participant.id, anomaly.kind, anomaly.state) == (replaced.id, "voice_changed", "open")
            assert anomaly.summary.startswith("one voice, unlike the one heard before, for about ")
            assert " s at 02:0" in anomaly.summary
            (evidence,) = anomaly.evidence
            assert (evidence.voices, evidence.other_ms) == (1, 0)
            assert {speaker for _, _, speaker in evidence.turns} == {0}
            sound = decode(await cast.meetings.clip(cast.meeting, evidence.clip, cast.room.admin_id))
            assert sound.shape[1] / STREAM_RATE == pytest.approx(60 + evidence.lead_in_ms / 1000, abs=0.1)
            assert all(size is not None and size <= 4096 for size in await profiles(cast))
            assert not await cast.audited()


async def test_switched_off_nobodys_voice_is_kept_or_compared(database_url: str, tmp_path: Path) -> None:
    env = {"UNDERTONE_MAX_SPEED": "0", "UNDERTONE_VOICE_PROFILE": "0"}
    with running_server(tmp_path, database_url=database_url, workers=1, env=env) as server:
        async with playing(server.url, database_url, tmp_path) as cast:
            proctor = await cast.watch()
            replaced = await cast.join("Ada")
            await cast.speak(replaced, 2 * CANDIDATE + helper())
            await cast.settled(120)
            assert outcomes(proctor.events, replaced.id)[:3] == ["clean"] * 3
            assert await profiles(cast) == [None]
