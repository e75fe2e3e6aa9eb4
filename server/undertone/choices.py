"""What the settings choose from: each place that can be one of several, made here and nowhere else."""

from __future__ import annotations

from undertone.config import Settings
from undertone.rooms.base import RoomProvider
from undertone.rooms.local import LocalRooms
from undertone.store.clips import ClipStore


def clip_store(settings: Settings) -> ClipStore:
    """Where clips are kept."""
    return ClipStore(settings.clips or settings.data)


def room_provider(_: Settings) -> RoomProvider:
    """Who opens rooms."""
    return LocalRooms()
