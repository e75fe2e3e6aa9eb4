"""What a meeting provider does for us: it opens rooms and lets people in. Undertone hears; the provider shows video.

A provider that is away, slow, out of quota or no longer takes our key raises `Unavailable`, whose `detail` says which.
Whoever opens a meeting is told; whoever joins one is heard all the same, and enters the room later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from undertone.core.errors import UndertoneError

Role = Literal["candidate", "proctor"]


class RoomsMisset(UndertoneError):
    """The settings of a provider can't be right: found before anybody is served. Says what would be right."""


@dataclass(frozen=True, slots=True)
class Room:
    """A room as its provider knows it. `data` is kept with the meeting and handed back: it fits into JSON."""

    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Admission:
    """What a front end needs to enter the room besides our own token; empty where that is nothing.

    `data` has the fields of `core.requests.RoomData`.
    """

    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reach:
    """What our pages may reach and start for a room, as sources of a Content-Security-Policy."""

    connect: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()
    camera: bool = False


NO_ROOM: Final = Reach()


class RoomProvider(Protocol):
    """Opens rooms and admits people to them."""

    name: str

    @property
    def reach(self) -> Reach:
        """What a page with such a room needs besides ourselves."""
        ...

    async def check(self) -> None:
        """Before anybody is served: raises RoomsMisset for settings that can't be right, Unavailable if it is away."""
        ...

    async def open(self, meeting: str, title: str) -> Room:
        """A room for a new meeting."""
        ...

    async def admit(self, room: Room, participant: str, name: str, role: Role, preset: str | None = None) -> Admission:
        """Lets somebody in. Called again for the same participant it admits the same one.

        `preset` names what the provider allows them, where it knows such names; None: what is set for the role.
        """
        ...

    async def remove(self, room: Room, participant: str, role: Role) -> None:
        """Shows somebody out, who may not come back with what they have. Who is not there is fine."""
        ...

    async def close(self, room: Room) -> None:
        """The meeting has ended, or was deleted. A room that is gone already is fine."""
        ...

    async def aclose(self) -> None:
        """Lets go of connections: the process ends."""
        ...


def identity(participant: str, role: Role) -> str:
    """Who somebody is in the provider's eyes: our id, so that both sides speak of the same; proctors are told apart.

    It is signed or kept by the provider, so a page can trust it. It holds no name: providers log it.
    """
    return participant if role == "candidate" else f"proctor:{participant}"
