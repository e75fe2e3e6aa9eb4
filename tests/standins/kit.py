"""RealtimeKit's and Dyte's API, as their pages describe it: what the two share.

Pages: "Create a meeting", "Add a participant", "Refresh participant's authentication token", "Update a meeting", "Kick
participants", "Kick all participants", "Fetch all presets" of https://developers.cloudflare.com/api/resources/realtime_kit/
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import jwt
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.standins.serving import Moody

Refusal = Callable[[int, str], Response]


class Kit:
    """One vendor's account: `meetings` by id hold their title, status and participants."""

    def __init__(self, prefix: str, authorization: str, created: int, refuse: Refusal) -> None:
        self.meetings: dict[str, dict[str, Any]] = {}
        self.presets = ["group_call_host", "group_call_participant"]
        self.kicked: list[str] = []
        self._authorization = authorization
        self._created = created
        self._refuse = refuse
        meeting = prefix + "/meetings/{meeting}"
        routes = [
            Route(prefix + "/presets", self._guarded(self._list_presets), methods=["GET"]),
            Route(prefix + "/meetings", self._guarded(self._create), methods=["POST"]),
            Route(meeting, self._guarded(self._update), methods=["PATCH"]),
            Route(meeting + "/participants", self._guarded(self._participants), methods=["GET", "POST"]),
            Route(meeting + "/participants/{participant}", self._guarded(self._delete), methods=["DELETE"]),
            Route(meeting + "/participants/{participant}/token", self._guarded(self._refresh), methods=["POST"]),
            Route(meeting + "/active-session/kick", self._guarded(self._kick), methods=["POST"]),
            Route(meeting + "/active-session/kick-all", self._guarded(self._kick_all), methods=["POST"]),
        ]
        self.app = Moody(Starlette(routes=routes, exception_handlers={404: self._nothing_there}))

    def forget(self) -> None:
        """Empty again, and well."""
        self.meetings.clear()
        self.kicked.clear()
        self.app.behave()

    def participants(self) -> list[dict[str, Any]]:
        """All of all meetings, as they were added."""
        return [each for meeting in self.meetings.values() for each in meeting["participants"].values()]

    def _guarded(self, call: Callable[[Request, Any], Response]) -> Callable[[Request], Any]:
        async def guarded(request: Request) -> Response:
            if request.headers.get("authorization") != self._authorization:
                return self._refuse(401, "Unauthorized")
            text = await request.body()
            try:
                body = orjson.loads(text) if text else None
            except orjson.JSONDecodeError:
                return self._refuse(400, "Unexpected token in JSON")
            meeting = request.path_params.get("meeting")
            if meeting is not None and meeting not in self.meetings:
                return self._refuse(404, f"No meeting found with id {meeting}")
            return call(request, body)

        return guarded

    async def _nothing_there(self, request: Request, _: Exception) -> Response:
        return self._refuse(404, f"Could not route to {request.url.path}")

    def _list_presets(self, request: Request, _: Any) -> Response:
        size = int(request.query_params.get("per_page", "20"))
        data = [{"id": str(uuid.uuid4()), "name": name} for name in self.presets[:size]]
        paging = {"total_count": len(self.presets), "start_offset": 1, "end_offset": len(data)}
        return JSONResponse({"success": True, "data": data, "paging": paging})

    def _create(self, _: Request, body: Any) -> Response:
        if not isinstance(body, dict) or not isinstance(body.get("title", ""), str):
            return self._refuse(422, "title must be a string")
        meeting = str(uuid.uuid4())
        self.meetings[meeting] = {"title": body.get("title"), "status": "ACTIVE", "participants": {}}
        return self._made({"id": meeting, "title": body.get("title"), "status": "ACTIVE"})

    def _update(self, request: Request, body: Any) -> Response:
        if not isinstance(body, dict) or body.get("status") not in ("ACTIVE", "INACTIVE"):
            return self._refuse(422, "status must be ACTIVE or INACTIVE")
        self.meetings[request.path_params["meeting"]]["status"] = body["status"]
        return JSONResponse({"success": True, "data": {"id": request.path_params["meeting"], **body}})

    def _participants(self, request: Request, body: Any) -> Response:
        if request.method == "POST":
            return self._add(request, body)
        people = list(self.meetings[request.path_params["meeting"]]["participants"].values())
        page, size = (int(request.query_params[name]) for name in ("page_no", "per_page"))
        shown = people[(page - 1) * size : page * size]
        return JSONResponse(
            {
                "success": True,
                "data": [{name: value for name, value in each.items() if name != "token"} for each in shown],
                "paging": {"total_count": len(people), "start_offset": 1, "end_offset": len(shown)},
            }
        )

    def _add(self, request: Request, body: Any) -> Response:
        meeting = self.meetings[request.path_params["meeting"]]
        for field in ("preset_name", "custom_participant_id"):
            if not isinstance(body, dict) or not isinstance(body.get(field), str):
                return self._refuse(422, f"{field} is required")
        if body["preset_name"] not in self.presets:
            return self._refuse(404, f"No preset found with name {body['preset_name']}")
        if meeting["status"] != "ACTIVE":
            return self._refuse(403, "Meeting is inactive")
        participant = {"id": str(uuid.uuid4()), **body}
        participant["token"] = token(request.path_params["meeting"], participant["id"])
        meeting["participants"][participant["id"]] = participant
        return self._made(participant)

    def _delete(self, request: Request, _: Any) -> Response:
        meeting = self.meetings[request.path_params["meeting"]]
        if meeting["participants"].pop(request.path_params["participant"], None) is None:
            return self._refuse(404, "No participant found")
        return JSONResponse({"success": True, "data": {}})

    def _refresh(self, request: Request, _: Any) -> Response:
        participant = self.meetings[request.path_params["meeting"]]["participants"].get(
            request.path_params["participant"]
        )
        if participant is None:
            return self._refuse(404, "No participant found")
        participant["token"] = token(request.path_params["meeting"], participant["id"])
        return JSONResponse({"success": True, "data": {"token": participant["token"]}})

    def _kick(self, _: Request, body: Any) -> Response:
        if not isinstance(body, dict) or set(body) != {"custom_participant_ids", "participant_ids"}:
            return self._refuse(422, "custom_participant_ids and participant_ids are required")
        self.kicked += body["custom_participant_ids"]
        return JSONResponse({"success": True, "data": {"action": "kick", "participants": []}})

    def _kick_all(self, _: Request, __: Any) -> Response:
        self.kicked.append("all")
        return JSONResponse({"success": True, "data": {"action": "kick_all", "kicked_participants_count": 0}})

    def _made(self, data: dict[str, Any]) -> Response:
        return JSONResponse({"success": True, "data": data}, self._created)


def token(meeting: str, participant: str) -> str:
    """A new one each time, with what the vendor's script in the browser reads of it."""
    claims = {"orgId": str(uuid.uuid4()), "meetingId": meeting, "participantId": participant}
    return jwt.encode(claims, uuid.uuid4().hex, algorithm="HS256")
