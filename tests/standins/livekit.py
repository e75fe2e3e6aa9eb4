"""LiveKit's server: its Twirp API, and the door of its signalling; what is behind that runs in a browser.

A page at `/media` (client/browser/test/play/livekit.ts) takes and sends the media. Without one nobody gets in.

Pages: "Room management" (https://docs.livekit.io/server/room-management), "Tokens & grants"
(https://docs.livekit.io/frontends/reference/tokens-grants), Twirp's errors
(https://twitchtv.github.io/twirp/docs/errors.html).
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable
from typing import Any, Final

import jwt
import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.standins.serving import Moody

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
        routes: list[BaseRoute] = [
            Route(f"/twirp/livekit.RoomService/{method}", self._guarded(grant, call), methods=["POST"])
            for method, (grant, call) in calls.items()
        ]
        routes += [
            Route("/", lambda _: PlainTextResponse("OK")),
            Route("/rtc/validate", self._validate),
            Route("/media", lambda _: HTMLResponse("<script type=module src=/media.js></script>")),
            Route("/media.js", lambda _: Response(self.media_script, media_type="text/javascript")),
            WebSocketRoute("/media-half", self._media_half),
            WebSocketRoute("/rtc", self._signalling),
        ]
        # Browsers of any origin call; the server itself says so.
        anywhere = Middleware(CORSMiddleware, allow_origins=["*"])
        self.app = Moody(Starlette(routes=routes, middleware=[anywhere]))
        self.media_script = ""
        self.joined: list[str] = []  # identities, as they came
        self._half: WebSocket | None = None
        self._clients: dict[int, tuple[str, WebSocket]] = {}
        self._numbers = itertools.count()

    def forget(self) -> None:
        """Empty again, and well."""
        self.rooms.clear()
        self.removed.clear()
        self.app.behave()

    async def _validate(self, request: Request) -> Response:
        try:
            claims_of(request.query_params.get("access_token", ""))
        except jwt.PyJWTError as error:
            return PlainTextResponse(f"invalid token: {error}", 401)
        return PlainTextResponse("success")

    async def _signalling(self, websocket: WebSocket) -> None:
        try:
            claims = claims_of(websocket.query_params.get("access_token", ""))
        except jwt.PyJWTError:
            await websocket.close()
            return
        if not claims["video"].get("roomJoin") or claims["video"]["room"] not in self.rooms or self._half is None:
            await websocket.close()
            return
        await websocket.accept()
        number = next(self._numbers)
        self._clients[number] = (claims["sub"], websocket)
        self.joined.append(claims["sub"])
        await self._half.send_json([number, "open", {"identity": claims["sub"], "name": claims["name"]}])
        try:
            while True:
                frame = await websocket.receive_bytes()
                await self._half.send_json([number, "frame", base64.b64encode(frame).decode()])
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            self._clients.pop(number, None)
            if self._half is not None:
                await self._half.send_json([number, "closed", None])

    async def _media_half(self, websocket: WebSocket) -> None:
        await websocket.accept()
        self._half = websocket
        try:
            while True:
                number, message = orjson.loads(await websocket.receive_text())
                if number in self._clients:
                    await self._clients[number][1].send_text(message)
        except WebSocketDisconnect:
            self._half = None
            for _, client in list(self._clients.values()):
                await client.close(1011)

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
            body = orjson.loads(await request.body())
            for number, (identity, _) in self._clients.items():
                if request.url.path.endswith("RemoveParticipant") and identity == body["identity"] and self._half:
                    await self._half.send_json([number, "remove", None])
            return call(body)

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
