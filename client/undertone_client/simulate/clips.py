"""Whether the evidence plays: every clip of every anomaly is fetched as a proctor would, and decoded."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterable

import httpx

from undertone.core.errors import UndertoneError
from undertone.core.events import Anomaly, Evidence
from undertone.core.mp3 import FrameParser
from undertone_client.connection import Meetings


async def faults(meetings: Meetings, meeting: str, credential: str, anomalies: Iterable[Anomaly]) -> list[str]:
    """What is wrong with which clip; empty if all play."""
    found = []
    for anomaly in anomalies:
        for evidence in anomaly.evidence:
            try:
                clip = await meetings.clip(meeting, evidence.clip, credential)
                fault = await asyncio.to_thread(fault_of, clip, evidence)
            except (UndertoneError, httpx.TransportError) as error:
                fault = str(error) or repr(error)
            if fault is not None:
                found.append(f"{anomaly.participant.name}: clip {evidence.clip} does not play: {fault}")
    return found


def fault_of(clip: bytes, evidence: Evidence) -> str | None:
    """Why a clip does not play for as long as its evidence says; None if it does.

    Decoded where PyAV is installed; elsewhere its frames are counted.
    """
    expected_ms = evidence.lead_in_ms + evidence.duration_ms
    frames_ms, frame_ms = _frames_ms(clip)
    # Both times of the evidence are rounded to the millisecond.
    if abs(frames_ms - expected_ms) > 2:
        return f"its frames last {frames_ms} ms instead of {expected_ms} ms"
    late = [turn for turn in evidence.turns if not 0 <= turn[0] < turn[1] <= evidence.duration_ms + frame_ms]
    if late:
        return f"the turn from {late[0][0]} ms to {late[0][1]} ms lies outside of it"
    try:
        decoded_ms = _decoded_ms(clip)
    except ImportError:
        return None
    except (ValueError, OSError) as error:
        return f"it can't be decoded: {error}"
    # A decoder may hold back the first frame, which has nothing before it.
    if abs(decoded_ms - expected_ms) > 2 * frame_ms:
        return f"it decodes to {decoded_ms} ms instead of {expected_ms} ms"
    return None


def _frames_ms(clip: bytes) -> tuple[int, int]:
    """How long the clip's frames last, and one of them."""
    parser = FrameParser()
    frames = sum(len(run) - 1 for run in parser.feed(clip))
    if parser.format is None:
        return 0, 0
    samples, rate = parser.format.samples_per_frame, parser.format.sample_rate
    return frames * samples * 1000 // rate, -(-samples * 1000 // rate)


def _decoded_ms(clip: bytes) -> int:
    """Decodes it all. ValueError or OSError (PyAV's errors are both) if that fails."""
    import av

    with av.open(io.BytesIO(clip), mode="r", format="mp3") as container:
        stream = container.streams.audio[0]
        return sum(frame.samples for frame in container.decode(stream)) * 1000 // stream.rate
