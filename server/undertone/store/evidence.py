"""Which clips there are to play: only a committed window's row names one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from undertone.store.database import Database

# By the index windows_clip.
FIND_CLIP: Final = "select clip_bytes, fingerprint from windows where meeting = :meeting and clip = :clip"


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip that stands: its size, and SHA-256 of its bytes."""

    id: str
    size: int
    fingerprint: bytes


async def find_clip(database: Database, meeting: str, clip: str) -> Clip | None:
    """The clip of a window of this meeting; None if there is none, or none any more."""
    row = await database.fetch_one(FIND_CLIP, {"meeting": meeting, "clip": clip})
    return None if row is None else Clip(clip, row["clip_bytes"], bytes(row["fingerprint"]))
