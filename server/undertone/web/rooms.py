"""The way into a meeting's video room, and out of it. Whatever the provider does, the exam goes on.

Who creates a meeting is told if no room can be had. From then on a provider that fails costs video and nothing else:
whoever joins gets our token and is heard, is told that the room is missing, and asks for it again later. The database
is never in a transaction while a provider is asked.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import anyio
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from undertone.core.errors import MeetingEnded, NotFound, Unavailable
from undertone.core.requests import EnterRoom, RoomData, RoomEntered, RoomKind
from undertone.rooms.base import Reach, RoomProvider
from undertone.rooms.base import Room as Provided
from undertone.store.meetings import Meeting
from undertone.web.auth import ADMIN, Authority
from undertone.web.bodies import address, answer, bearer, read_json
from undertone.web.calls import routes
from undertone.web.limits import CreationLimit
from undertone.web.tokens import Role

log: Final = logging.getLogger("undertone.web")

LOCAL: Final = "local"  # meetings without a room
# Of settings, keys and quotas candidates learn nothing.
AWAY: Final = "the video room can't be reached for now"


@dataclass(frozen=True, slots=True)
class Lobby:
    """The rooms of this server's provider. Meetings of a provider that was set before have none any more."""

    provider: RoomProvider
    # Seconds: a provider lists people page by page, and whoever revokes somebody waits for it.
    showing_out: float = 10.0

    @property
    def reach(self) -> Reach:
        """What a page needs for rooms."""
        return self.provider.reach

    async def open(self, meeting: str, title: str) -> tuple[str, Mapping[str, Any]]:
        """The provider's name and what it says of a new room. Raises Unavailable."""
        room = await self.provider.open(meeting, title)
        return self.provider.name, room.data

    def kind(self, meeting: Meeting) -> RoomKind | None:
        """Whose room the meeting has; None: it has none."""
        return RoomKind(provider=meeting.provider) if self._has_room(meeting) else None

    async def enter(
        self, meeting: Meeting, who: str, name: str, role: Role, preset: str | None = None
    ) -> RoomData | None:
        """How somebody gets in; that it can't be had, and to proctors why; None where the meeting has no room."""
        if not self._has_room(meeting):
            return None
        try:
            admission = await self.provider.admit(Provided(meeting.provider_data), who, name, role, preset)
        except Unavailable as fault:
            why = AWAY if role == "candidate" else fault.detail
            return RoomData(provider=self.provider.name, missing=why, retry_after_ms=fault.retry_after_ms)
        return msgspec.convert(dict(admission.data), RoomData)

    async def leave(self, meeting: Meeting, who: str, role: Role) -> None:
        """Shows somebody out who was revoked."""
        if not self._has_room(meeting):
            return
        fault = f"{self.provider.name} took longer than {self.showing_out:g} s"
        with anyio.move_on_after(self.showing_out):
            try:
                await self.provider.remove(Provided(meeting.provider_data), who, role)
                return
            except Unavailable as error:
                fault = error.detail
        # Not heard here any more, whatever the provider does; but still seen there.
        log.warning("%s of meeting %s may still be in the room: %s", who, meeting.id, fault)

    async def close(self, meeting: Meeting) -> None:
        """The meeting has ended here whatever the provider does; its own limits end the room."""
        if self._has_room(meeting):
            await self.discard(meeting.id, meeting.provider_data)

    async def discard(self, meeting: str, room: Mapping[str, Any]) -> None:
        """A room that nobody needs; a provider that is away leaves it open, and a line in the log says so."""
        try:
            await self.provider.close(Provided(room))
        except Unavailable as fault:
            log.warning("the room of meeting %s was not closed: %s", meeting, fault.detail)

    def _has_room(self, meeting: Meeting) -> bool:
        return meeting.provider == self.provider.name != LOCAL


@dataclass(frozen=True, slots=True)
class RoomRoutes:
    """The call for whoever has a credential and needs a way in: now, again, or for the first time.

    Its `limit` is its own: candidates who ask for a room that is away keep nobody from joining.
    """

    authority: Authority
    lobby: Lobby
    limit: CreationLimit

    def routes(self) -> list[Route]:
        """All of them."""
        return routes([("POST", "/meetings/{meeting}/room", self.enter)])

    async def enter(self, request: Request) -> Response:
        self.limit.take(address(request))
        guest = await self.authority.guest(request.path_params["meeting"], bearer(request))
        body = await read_json(request, EnterRoom)
        if guest.meeting.ended_at is not None:
            raise MeetingEnded("the meeting has ended, and its room with it")
        who, name = guest.id, guest.name
        if guest.admin:
            who, name = f"{ADMIN}-{body.key}" if body.key else ADMIN, body.name or name
        room = await self.lobby.enter(guest.meeting, who, name, guest.role)
        if room is None:
            raise NotFound("this meeting has no video room")
        return answer(RoomEntered(data=room))
