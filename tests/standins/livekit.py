"""LiveKit's server as far as its Twirp API goes; media it has none.

Pages: "Room management" (https://docs.livekit.io/server/room-management), "Tokens & grants"
(https://docs.livekit.io/frontends/reference/tokens-grants), Twirp's errors
(https://twitchtv.github.io/twirp/docs/errors.html).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import jwt
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.standins.answers import Moody

KEY: Final = "APIundertonetests"
SECRET: Final = "a-livekit-secret-of-these-tests-0123456789"


def refuse(status: int, code: str, message: str) -> Response:
    """Twirp's `{code, msg}`."""
    return JSONResponse({"code": code, "msg": message}, status)


class LiveKit:
    """One server: `rooms` by name as they were made; who was removed."""

    def __init__(self) -> None:
        self.rooms: dict[str, dict[str, Any]] = {}
        self.removed: list[tuple[str, str]] = []
        calls: dict[str, tuple[str, Callable[[Any], Response]]] = {
            "CreateRoom": ("roomCreate", self._create),
            "ListRooms": ("roomList", self._list),
            "DeleteRoom": ("roomCreate", self._delete),
            "RemoveParticipant": ("roomAdmin", self._remove),
        }
        routes = [
            Route(f"/twirp/livekit.RoomService/{method}", self._guarded(grant, call), methods=["POST"])
            for method, (grant, call) in calls.items()
        ]
        self.app = Moody(Starlette(routes=[*routes, Route("/", lambda _: PlainTextResponse("OK"))]))

    def _guarded(self, grant: str, call: Callable[[Any], Response]) -> Callable[[Request], Any]:
        async def guarded(request: Request) -> Response:
            try:
                claims = claims_of(request.headers.get("authorization", "").removeprefix("Bearer "))
            except jwt.PyJWTError as error:
                return refuse(401, "unauthenticated", f"invalid token: {error}")
            if not claims.get("video", {}).get(grant):
                return refuse(401, "unauthenticated", "permissions denied")
            if request.headers.get("content-type") != "application/json":
                return refuse(404, "bad_route", "unexpected Content-Type")
            return call(orjson.loads(await request.body()))

        return guarded

    def _create(self, body: Any) -> Response:
        room = self.rooms.setdefault(body["name"], {"sid": f"RM_{len(self.rooms)}", **body})
        return JSONResponse(room)

    def _list(self, body: Any) -> Response:
        return JSONResponse({"rooms": [room for name, room in self.rooms.items() if name in body["names"]]})

    def _delete(self, body: Any) -> Response:
        if self.rooms.pop(body["room"], None) is None:
            return refuse(404, "not_found", "requested room does not exist")
        return JSONResponse({})

    def _remove(self, body: Any) -> Response:
        self.removed.append((body["room"], body["identity"]))
        return JSONResponse({})


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, as the server reads it. Raises PyJWTError."""
    claims: dict[str, Any] = jwt.decode(token, SECRET, algorithms=["HS256"], options={"require": ["exp", "iss"]})
    if claims["iss"] != KEY:
        raise jwt.InvalidIssuerError(f"API key {claims['iss']} is not known")
    return claims
