"""What a meeting provider does for us: it opens rooms and lets people in. Undertone hears; the provider shows video.

A provider that is away raises `Unavailable`; one that refuses our account's credentials does too, saying so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Role = Literal["candidate", "proctor"]


@dataclass(frozen=True, slots=True)
class Room:
    """A room as its provider knows it. `data` is kept with the meeting and handed back: it fits into JSON."""

    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Admission:
    """What a front end needs to enter the room besides our own token; empty where that is nothing."""

    data: Mapping[str, Any] = field(default_factory=dict)


class RoomProvider(Protocol):
    """Opens rooms and admits people to them."""

    name: str

    async def open(self, meeting: str, title: str) -> Room:
        """A room for a new meeting."""
        ...

    async def admit(self, room: Room, participant: str, name: str, role: Role, preset: str | None = None) -> Admission:
        """Lets somebody in. Called again for the same participant it admits the same one.

        `preset` names what they may do there, in the provider's words; None: as the role says.
        """
        ...

    async def close(self, room: Room) -> None:
        """The meeting has ended, or was deleted. A room that is gone already is fine."""
        ...
