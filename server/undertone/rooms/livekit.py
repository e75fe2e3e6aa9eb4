"""LiveKit, one's own server or the vendor's: rooms over its Twirp API, and join tokens that we sign ourselves.

Written from "Room management" (https://docs.livekit.io/server/room-management), "Tokens & grants"
(https://docs.livekit.io/frontends/reference/tokens-grants) and Twirp's "Errors"
(https://twitchtv.github.io/twirp/docs/errors.html), as of November 2026.
"""

from __future__ import annotations

import time
from typing import Any, Final
from urllib.parse import urlsplit

import jwt

from undertone.core.errors import Unavailable
from undertone.rooms.asking import Answer, Asking, Call, Patience
from undertone.rooms.base import Admission, Reach, Role, Room, RoomsMisset, identity

WHO: Final = "LiveKit"
KEY_SETTING: Final = "UNDERTONE_LIVEKIT_API_KEY and UNDERTONE_LIVEKIT_API_SECRET"
# A join token counts only for connecting: LiveKit refreshes those inside by itself. Whoever was revoked can come back
# for as long; whoever comes later asks us for a new one.
JOIN_SECONDS: Final = 600
CALL_SECONDS: Final = 60  # a token of ours for one call
CLOCK_SECONDS: Final = 60  # how far the two clocks may differ
# A room that nobody has entered yet, or that all have left, goes by itself; the next who joins makes it again.
EMPTY_SECONDS: Final = 3600


class LiveKitRooms:
    """Rooms of one LiveKit server (or cluster)."""

    name = "livekit"

    def __init__(self, url: str, api_key: str, api_secret: str, patience: Patience | None = None) -> None:
        parts = urlsplit(url)
        secure = parts.scheme in ("wss", "https")
        self._url = parts._replace(scheme="wss" if secure else "ws").geturl().rstrip("/")
        self._http = parts._replace(scheme="https" if secure else "http").geturl().rstrip("/")
        self._key, self._secret = api_key, api_secret
        self._patience = patience or Patience()
        self._asking = Asking(WHO, self._http, headers={}, secrets=(api_secret,), words=_words, patience=self._patience)

    @property
    def reach(self) -> Reach:
        """Signalling; before a retry its script also asks over HTTP what was wrong."""
        http, socket = (f"{urlsplit(each).scheme}://{urlsplit(each).netloc}" for each in (self._http, self._url))
        return Reach((socket, http), camera=True)

    async def check(self) -> None:
        """Lists a room that is not there: shows that the address and both halves of the key are right."""
        call = self._call("ListRooms", {"names": ["undertone"]}, {"roomList": True})
        answer = await self._asking.ask(call, self._patience.joining)
        if answer.status >= 400:
            raise RoomsMisset(self._refused(answer).detail)
        if not isinstance(answer.body, dict):
            raise RoomsMisset(self._asking.nonsense("a list of rooms").detail + " Set UNDERTONE_LIVEKIT_URL.")

    async def open(self, meeting: str, title: str) -> Room:
        """A room by our own name: created twice it is one. Its name says nothing of the exam, since LiveKit logs it."""
        room = f"undertone-{meeting}"
        body = {"name": room, "empty_timeout": EMPTY_SECONDS}
        answer = await self._asking.of_opening(self._call("CreateRoom", body, {"roomCreate": True}))
        if answer.status >= 400:
            raise self._refused(answer)
        if not isinstance(answer.body, dict) or answer.body.get("name") != room:
            raise self._asking.nonsense("the room")
        return Room({"name": room})

    async def admit(self, room: Room, participant: str, name: str, role: Role, preset: str | None = None) -> Admission:
        """A join token; nobody is asked. LiveKit has no presets: the role says what somebody may."""
        who, there = identity(participant, role), str(room.data.get("name"))
        grant: dict[str, Any] = {
            "room": there,
            "roomJoin": True,
            "canPublish": True,
            "canPublishSources": ["camera", "microphone"],
            "canSubscribe": True,
            "canPublishData": False,
            "canUpdateOwnMetadata": False,
        }
        token = self._token(grant, JOIN_SECONDS, sub=who, name=name)
        return Admission({"provider": self.name, "id": who, "token": token, "server": self._url})

    async def remove(self, room: Room, participant: str, role: Role) -> None:
        """Out of the room; a join token that they may have kept ends within minutes."""
        there = str(room.data.get("name"))
        body = {"room": there, "identity": identity(participant, role)}
        await self._done("RemoveParticipant", body, {"roomAdmin": True, "room": there})

    async def close(self, room: Room) -> None:
        """Deletes the room: everybody in it is disconnected."""
        await self._done("DeleteRoom", {"room": str(room.data.get("name"))}, {"roomCreate": True})

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._asking.aclose()

    async def _done(self, method: str, body: dict[str, Any], grant: dict[str, Any]) -> None:
        answer = await self._asking.ask(self._call(method, body, grant), self._patience.joining)
        if answer.status >= 400 and answer.status != 404:
            raise self._refused(answer)

    def _call(self, method: str, body: dict[str, Any], grant: dict[str, Any]) -> Call:
        headers = {"Authorization": f"Bearer {self._token(grant, CALL_SECONDS)}"}
        return Call("POST", f"/twirp/livekit.RoomService/{method}", body, headers=headers)

    def _token(self, grant: dict[str, Any], seconds: int, **claims: str) -> str:
        now = int(time.time())
        payload = {"iss": self._key, "nbf": now - CLOCK_SECONDS, "exp": now + seconds, "video": grant, **claims}
        return jwt.encode(payload, self._secret, algorithm="HS256")

    def _refused(self, answer: Answer) -> Unavailable:
        if answer.status == 404:
            return Unavailable(f"{WHO} is not what answers there (404): set UNDERTONE_LIVEKIT_URL")
        return self._asking.refused(answer, KEY_SETTING)


def _words(body: Any) -> str:
    """Twirp's `{code, msg}`."""
    found = body.get("msg") if isinstance(body, dict) else None
    return found if isinstance(found, str) else ""
