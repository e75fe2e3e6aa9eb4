"""No provider at all: candidates and proctors connect to Undertone alone, and no account is needed."""

from __future__ import annotations

from undertone.rooms.base import Admission, Role, Room


class LocalRooms:
    """Every room is already open to whoever has our token."""

    name = "local"

    async def open(self, meeting: str, title: str) -> Room:
        """Nothing to open."""
        return Room()

    async def admit(self, room: Room, participant: str, name: str, role: Role, preset: str | None = None) -> Admission:
        """Our own token is all that is needed."""
        return Admission()

    async def close(self, room: Room) -> None:
        """Nothing to close."""
