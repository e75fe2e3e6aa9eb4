"""What the settings choose from: each place that can be one of several, made here and nowhere else."""

from __future__ import annotations

from typing import Final

from undertone.config import ConfigError, Settings
from undertone.rooms.base import RoomProvider
from undertone.rooms.local import LocalRooms
from undertone.store.clips import ClipStore
from undertone.store.clips_cloud import CloudClips
from undertone.store.clips_folder import FolderClips
from undertone.store.hearing import Deaf, Reach
from undertone.store.notify import Listener, Notifier

# One to tell and one to listen, of every process.
WAKE_UPS: Final = 2
# More than so many at a time a worker has no use for.
WORKERS_CONNECTIONS: Final = 10


def clip_store(settings: Settings) -> ClipStore:
    """Where clips are kept. Raises WrongStore for a place that can't be one, and ConfigError."""
    if isinstance(settings.clips, str):
        return CloudClips(settings.clips, endpoint=settings.clips_endpoint, links=settings.clip_links == "store")
    if settings.clips_endpoint is not None:
        raise ConfigError(
            "UNDERTONE_CLIPS_ENDPOINT is where a bucket is: name one with UNDERTONE_CLIPS=s3://bucket/prefix"
        )
    return FolderClips(settings.clips or settings.data)


def shares(connections: int) -> tuple[int, int]:
    """Of a server's connections to the database: how many are for calls and proctors, and how many for candidates.

    Candidates write through connections of their own: when a thousand windows end in the same second, or a thousand
    lines come back after a restart, proctors and calls do not wait behind them. Six keep one event loop busy. Two more
    are for wake-ups.
    """
    rest = connections - WAKE_UPS
    candidates = max(1, rest * 3 // 8)
    return rest - candidates, candidates


def listener(reach: Reach) -> Listener | Deaf:
    """Who hears what other processes tell."""
    return Deaf() if reach.listen_url is None else Listener(reach.listen_url)


def notifier(reach: Reach) -> Notifier:
    """Who tells them. Also where nothing is heard: another process may know a way past the pooler."""
    if reach.listen_url is None:
        return Notifier(reach.url, pooled=reach.pooled)
    return Notifier(reach.listen_url)


def room_provider(_: Settings) -> RoomProvider:
    """Who opens rooms."""
    return LocalRooms()
