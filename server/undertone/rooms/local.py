"""No provider at all: candidates and proctors connect to Undertone alone, and no account is needed."""

from __future__ import annotations

from undertone.rooms.base import NO_ROOM, Admission, Role, Room


class LocalRooms:
    """Every room is already open to whoever has our token."""

    name = "local"
    reach = NO_ROOM

    async def check(self) -> None:
        """Nothing to be wrong."""

    async def open(self, meeting: str, title: str) -> Room:
        """Nothing to open."""
        return Room()

    async def admit(self, room: Room, participant: str, name: str, role: Role, preset: str | None = None) -> Admission:
        """Our own token is all that is needed."""
        return Admission()

    async def remove(self, room: Room, participant: str, role: Role) -> None:
        """Nowhere to be shown out of: the token is revoked."""

    async def close(self, room: Room) -> None:
        """Nothing to close."""

    async def aclose(self) -> None:
        """Nothing is open."""
