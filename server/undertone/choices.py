"""What the settings choose from: each place that can be one of several, made here and nowhere else."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from undertone.config import PREFIX, ConfigError, Settings
from undertone.core.errors import Unavailable
from undertone.rooms.base import Role, RoomProvider
from undertone.rooms.dyte import dyte
from undertone.rooms.livekit import LiveKitRooms
from undertone.rooms.local import LocalRooms
from undertone.rooms.realtimekit import realtimekit
from undertone.store.clips import ClipStore

log: Final = logging.getLogger("undertone")


def clip_store(settings: Settings) -> ClipStore:
    """Where clips are kept."""
    return ClipStore(settings.clips or settings.data)


# What a provider can't do without.
ROOMS_NEED: Final[Mapping[str, tuple[str, ...]]] = {
    "realtimekit": ("realtimekit_account", "realtimekit_app", "realtimekit_token"),
    "dyte": ("dyte_org", "dyte_key"),
    "livekit": ("livekit_url", "livekit_api_key", "livekit_api_secret"),
}


def refuse_unfurnished_rooms(settings: Settings) -> None:
    """Raises ConfigError naming what the meeting provider needs and was not told."""
    missing = [PREFIX + name.upper() for name in ROOMS_NEED.get(settings.rooms, ()) if not getattr(settings, name)]
    if missing:
        raise ConfigError(f"{PREFIX}ROOMS={settings.rooms} needs {' and '.join(missing)}: set them (docs/rooms.md)")


def room_provider(settings: Settings) -> RoomProvider:
    """Who opens rooms. Raises ConfigError."""
    refuse_unfurnished_rooms(settings)
    given: list[str] = [getattr(settings, name) for name in ROOMS_NEED.get(settings.rooms, ())]
    presets: Mapping[Role, str] = {"candidate": settings.candidate_preset, "proctor": settings.proctor_preset}
    match settings.rooms, given:
        case "realtimekit", [account, app, token]:
            return realtimekit(settings.realtimekit_url, account, app, token, presets)
        case "dyte", [org, key]:
            return dyte(settings.dyte_url, org, key, presets)
        case "livekit", [url, key, secret]:
            return LiveKitRooms(url, key, secret)
    return LocalRooms()


async def found_right(rooms: RoomProvider) -> None:
    """One cheap question to the provider before anybody is served. Raises RoomsMisset for settings that can't be right.

    One that is away keeps nobody from serving: exams are heard without it.
    """
    try:
        await rooms.check()
    except Unavailable as fault:
        log.warning("serving all the same, and meetings can't be created until it answers: %s", fault.detail)
