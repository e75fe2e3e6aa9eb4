"""Writing a window of a stream, in whoever's transaction: its row, its stream's resume point, and what it tells."""

from __future__ import annotations

import hashlib

from undertone.core.events import AudioMissing, WindowStored
from undertone.core.stream_actions import ReportMissing, StoreWindow
from undertone.core.times import rfc3339
from undertone.core.window import WindowClosed
from undertone.store.database import Transaction
from undertone.store.events import NewEvent
from undertone.store.stream_queries import STORE_WINDOW
from undertone.store.stream_rows import Owner, moment, pace_values, resume_values


async def insert_window(tx: Transaction, owner: Owner, action: StoreWindow, clip: str, part: str | None = None) -> bool:
    """Whether the window, whose `clip` was put, was written: it is the stream's next, and `owner` the stream's.

    `part` names the object that the window was made of, if nobody took that up.
    """
    window = action.window
    values = {
        **owner.key,
        **resume_values(window.resume),
        **pace_values(action),
        "generation": owner.generation,
        "stream": owner.stream,
        "number": window.window,
        "start_ms": window.start_ms,
        "duration_ms": window.duration_ms,
        "start_at": moment(action.anchor_ms + window.start_ms),
        "clip": clip,
        "clip_bytes": len(window.clip),
        "fingerprint": fingerprint(window),
        "window_rate": window.format.sample_rate,
        "samples": window.samples,
        "lead_in_samples": window.lead_in_samples,
        "part": part,
    }
    return await tx.fetch_one(STORE_WINDOW, values) is not None


def written_key(owner: Owner, window: WindowClosed) -> dict[str, object]:
    """What finds the window again if it was written before."""
    place = {"stream": owner.stream, "number": window.window, "fingerprint": fingerprint(window)}
    return {**owner.key, **place}


def fingerprint(window: WindowClosed) -> bytes:
    """Of the clip's bytes: SHA-256."""
    return hashlib.sha256(window.clip).digest()


def window_told(owner: Owner, action: StoreWindow) -> list[NewEvent]:
    """That the window is stored, and what was lost behind it."""
    window = action.window
    told = WindowStored(
        stream=owner.stream,
        window=window.window,
        start_at=rfc3339(moment(action.anchor_ms + window.start_ms)),
        duration_ms=window.duration_ms,
    )
    return [NewEvent("window_stored", told, owner.person), *missing_told(owner, action.missing)]


def missing_told(owner: Owner, missing: ReportMissing | None) -> list[NewEvent]:
    """That sound was lost, if some was."""
    if missing is None:
        return []
    body = AudioMissing(stream=owner.stream, start_ms=missing.start_ms, lost_ms=missing.lost_ms)
    return [NewEvent("audio_missing", body, owner.person)]
