"""What the settings choose from: each place that can be one of several, made here and nowhere else."""

from __future__ import annotations

from undertone.config import Settings
from undertone.rooms.base import RoomProvider
from undertone.rooms.local import LocalRooms
from undertone.store.clips import ClipStore
from undertone.store.clips_cloud import CloudClips
from undertone.store.clips_folder import FolderClips


def clip_store(settings: Settings) -> ClipStore:
    """Where clips are kept. Raises WrongStore for a place that can't be one."""
    if isinstance(settings.clips, str):
        return CloudClips(settings.clips, endpoint=settings.clips_endpoint, links=settings.clip_links == "store")
    return FolderClips(settings.clips or settings.data)


def room_provider(_: Settings) -> RoomProvider:
    """Who opens rooms."""
    return LocalRooms()
