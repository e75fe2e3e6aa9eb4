"""Whether the evidence plays and is what was said: each clip is fetched as a proctor would, decoded, and compared."""

from __future__ import annotations

import asyncio
import io

import httpx

from undertone.core.errors import UndertoneError
from undertone.core.events import Anomaly, Evidence
from undertone.core.mp3 import FrameParser
from undertone_client.simulate import audio
from undertone_client.simulate.record import CandidateRecord, Record, WindowKey
from undertone_client.simulate.run import Room
from undertone_client.simulate.service import Service


async def faults(service: Service, room: Room) -> list[str]:
    """What is wrong with which clip of one meeting; empty if all play and hold what was said."""
    found = []
    for anomaly in room.record.anomalies.values():
        for evidence in anomaly.evidence:
            try:
                fault = await _fault(service, room, anomaly, evidence)
            except (UndertoneError, httpx.TransportError) as error:
                fault = f"it does not come: {error or type(error).__name__}"
            if fault is not None:
                found.append(f"{anomaly.participant.name}: clip {evidence.clip}: {fault}")
    return found


async def _fault(service: Service, room: Room, anomaly: Anomaly, evidence: Evidence) -> str | None:
    meeting = room.meeting
    clip = await service.call(lambda node: node.clip(meeting.data.id, evidence.clip, meeting.admin_id))
    fault = await asyncio.to_thread(fault_of, clip, evidence)
    return fault or difference(room.record, anomaly.participant.id, clip, evidence)


def difference(record: Record, participant: str, clip: bytes, evidence: Evidence) -> str | None:
    """Where a clip differs from what was sent for its window; None if it is that, from the lead-in to the last byte."""
    # Faster than real time, two streams may begin at the same moment, which is the candidate's own: then it is of one.
    keys = [
        key
        for key, judged in record.judged.items()
        if key[0] == participant and (judged.start_at, judged.duration_ms) == (evidence.start_at, evidence.duration_ms)
    ]
    if not keys or participant not in record.by_participant:
        return "it belongs to no window that was judged"
    differences = [_from_window(record.by_participant[participant], key, clip, evidence) for key in keys]
    return None if None in differences else differences[0]


def _from_window(candidate: CandidateRecord, key: WindowKey, clip: bytes, evidence: Evidence) -> str | None:
    stream = next((stream for stream in candidate.streams if stream.number == key[1]), None)
    if stream is None:
        return f"it belongs to stream {key[1]}, which nobody spoke"
    data = candidate.recording.data[stream.base : stream.base + stream.spoken]
    if stream.may_be_cut_short:  # wherever that was, nothing is in a clip that was not said in one piece
        return None if clip in data else f"it is nowhere in what was said in stream {key[1]}"
    expected = audio.cut(data, [(gap.held, gap.offset, gap.lost_ms) for gap in stream.gaps])
    if key[2] >= len(expected):
        return f"it belongs to window {key[2]}, which nobody spoke"
    window = expected[key[2]]
    lead_in_ms = window.lead_in_samples * 1000 // window.format.sample_rate
    if abs(lead_in_ms - evidence.lead_in_ms) > 1:
        return f"its window starts after {lead_in_ms} ms, not {evidence.lead_in_ms} ms"
    said = window.clip
    if stream.finished is None and len(clip) < len(said):
        said = said[: len(clip)]  # broken off, wherever the server had it
    if clip != said:
        both = min(len(said), len(clip))
        at = next((at for at in range(both) if said[at] != clip[at]), both)
        return f"byte {at} of {len(said)} is not what was said in stream {key[1]}, window {key[2]}"
    return None


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
