"""The six routes of the polling front end, over the same meetings, streams, verdicts and evidence as everything else.

That page (a React page in a video meeting, docs/migration.md) posts a minute of MP3 at a time and asks for a list every
half minute. It shows no credential but the `admin_id`, in bodies: whoever knows a meeting's id may join and upload. So
these routes are off unless they are asked for. Each is there with and without a slash at its end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import anyio
import msgspec
from anyio.lowlevel import checkpoint
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from undertone.core.errors import Conflict, Forbidden, MeetingEnded, RemoteFault, Unauthorized
from undertone.core.messages import Name
from undertone.core.requests import CreateParticipant, RoomData
from undertone.core.times import rfc3339
from undertone.core.verdict import ALARMS
from undertone.store.audit import Audit
from undertone.store.participants import Participant, Participants
from undertone.store.uploads import Judged, Kept, Uploads
from undertone.web.addresses import from_here
from undertone.web.auth import ADMIN, Authority
from undertone.web.bodies import address, maybe_bearer, read_json
from undertone.web.calls import Entry
from undertone.web.evidence import EvidenceRoutes
from undertone.web.meetings import MeetingRoutes, voices_of
from undertone.web.problems import HttpFault
from undertone.web.tokens import new_id
from undertone.web.uploads import Reception, UploadFields
from undertone.web.verdicts import Verdicts

OPEN: Final = (
    "UNDERTONE_POLLING_API=1: whoever knows a meeting's id may join it, with any preset that its video room has, and "
    "upload sound in any name, without a credential (docs/migration.md)"
)
TAKES_KEY: Final = (
    "creating a meeting still takes the API key, which the polling front end does not send: create meetings from your "
    "own backend, or let a proxy add the key"
)
# A page that is being developed, or served beside us: nothing else is on this machine's own addresses.
LOOPBACK_ORIGINS: Final = r"https?://(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]+)?"

NOT_UPLOADED: Final = "not uploaded"
ROWS_PER_TURN: Final = 100  # of the list, a millisecond; between them everybody else gets a turn
VERDICT: Final = "Participant Name: {name} <> Anomaly: Different Voices Detected <> Participant ID: {id}"

Secret = Annotated[str, Meta(max_length=200)]


class MeetingAndAdmin(Struct, frozen=True, kw_only=True):
    """`POST /is_admin/`, `POST /multiple_voices_list/`"""

    meeting_id: Secret
    admin_id: Secret


class Join(CreateParticipant, frozen=True, kw_only=True):
    """`POST /meetings/{id}/participants`: as in protocol.md, and the preset that this page always says."""

    preset_name: Name | None = None


def allowed_origins(configured: Sequence[str], loopback: bool) -> str:
    """A regular expression of the origins whose pages may call; none where nothing is configured for others than this
    machine."""
    if configured:
        return "|".join(re.escape(origin) for origin in configured)
    return LOOPBACK_ORIGINS if loopback else "(?!)"


@dataclass(frozen=True, slots=True)
class PollingRoutes:
    """What the calls need, and the calls."""

    meetings: MeetingRoutes
    evidence: EvidenceRoutes
    participants: Participants
    uploads: Uploads
    audit: Audit
    authority: Authority
    reception: Reception
    verdicts: Verdicts
    origins: str  # as `allowed_origins` says it

    def entries(self) -> list[Entry]:
        """All of them; `GET /` is the pages'."""
        calls = {
            "/meetings": self.meetings.create_meeting,
            "/meetings/{meeting}/participants": self.join,
            "/is_admin": self.is_admin,
            "/multiple_voices": self.take,
            "/multiple_voices_list": self.list_reports,
        }
        return [("POST", path + slash, call) for path, call in calls.items() for slash in ("", "/")]

    async def is_admin(self, request: Request) -> Response:
        body = await read_json(request, MeetingAndAdmin)
        return _json({"admin": await self.authority.is_admin(body.meeting_id, body.admin_id)})

    async def join(self, request: Request) -> Response:
        """With a credential or, as that page does, without.

        `id` and `token` are what the room wants, where the provider gave them: that page hands them to its SDK. Ours
        are in `undertone`, for a page that goes on to stream. `detail` is the answer again, as a string: that page
        reads it out of what was an error for its old server.
        """
        self.meetings.limit.take(address(request))
        credential, wanted = maybe_bearer(request), request.path_params["meeting"]
        if credential is None:
            meeting, by_join_secret = await self.authority.meeting(wanted), True
        else:
            meeting, by_join_secret = await self.authority.joiner(wanted, credential)
        if meeting.ended_at is not None:  # before the provider is asked
            raise MeetingEnded(f"the meeting ended at {rfc3339(meeting.ended_at)}")
        body = await read_json(request, Join)
        if credential is None:  # whatever takes one is nobody's to say
            body = Join(name=body.name, preset_name=body.preset_name)
        voices, participant = voices_of(body, by_join_secret), new_id()
        data = (await self.meetings.admit(meeting, participant, body.name, "candidate", body.preset_name)).data
        own = {"id": data.id, "token": data.token, "expires_at": data.expires_at}
        room = data.room if data.room is not None and data.room.token is not None else RoomData(provider="")
        try:
            await self.participants.add(meeting.id, participant, body.name, body.external_id or room.id, voices)
        except (RemoteFault, Conflict):
            await self.meetings.lobby.leave(meeting, participant, "candidate")
            raise
        if credential is None or body.preset_name is not None:  # our own pages, who say none, find our token there
            data = msgspec.structs.replace(data, id=room.id or data.id, token=room.token or data.token)
        joined = {"success": True, "data": data, "undertone": own}
        return _json({**joined, "detail": msgspec.json.encode(joined).decode()}, 201)

    async def take(self, request: Request) -> Response:
        """An upload; answered when it is judged."""
        self._check_origin(request)
        with self.verdicts.place():
            kept, said = await self._keep(request)
            judged = await self.verdicts.of(kept)
        # The original tells of more than one speaker in a minute; another speaker than before is the same matter.
        found = [each for each in judged if each.outcome in ALARMS]
        if found:
            url = await self._link(request, kept, found)
            return _json({"id": said.participant_id, "different_voices_detected": True, "url": url})
        failed = next((each for each in judged if each.outcome == "failed"), None)
        if failed is not None:
            detail = f"window {failed.number} of the upload could not be analysed: {failed.reason}; its clip is kept"
            raise HttpFault(500, "analysis_failed", detail)
        return _json({"id": said.participant_id, "different_voices_detected": False})

    async def _keep(self, request: Request) -> tuple[Kept, UploadFields]:
        """From the first byte of the body until it is durable; nothing of it is in memory afterwards."""
        since = anyio.current_time()
        async with self.reception.receive(request) as upload:
            said = upload.fields
            meeting = await self.authority.meeting(said.meeting_id)
            async with self.reception.turn():
                windows, total_bytes = await upload.cut()
                participant, created = await self._participant(request, meeting.id, said)
                kept = await self.uploads.keep(
                    meeting.id, participant.id, windows, total_bytes, since, created_with_it=created
                )
            return kept, said

    async def _participant(self, request: Request, meeting: str, said: UploadFields) -> tuple[Participant, bool]:
        """Whose sound it is, and whether nobody knew them before."""
        found = await self.participants.find(meeting, said.participant_id)
        if found is not None:
            return found, False
        self.meetings.limit.take(address(request))
        try:
            return await self.participants.add(meeting, new_id(), said.participant_name, said.participant_id), True
        except Conflict:  # by another upload, in this moment
            found = await self.participants.find(meeting, said.participant_id)
            if found is None:
                raise
            return found, False

    async def _link(self, request: Request, kept: Kept, found: Sequence[Judged]) -> str:
        """To the window that began an anomaly; without one the participant was reported before."""
        opened = await self.uploads.opened_with(kept)
        clip = next((each.clip for each in found if each.clip in opened), None)
        if clip is None:
            return NOT_UPLOADED
        who = f"the upload of {kept.participant}"
        await self.audit.write(kept.meeting, who, "clip_linked", clip, address(request))
        return (await self.evidence.playable(request, kept.meeting, clip, who))[0]

    async def list_reports(self, request: Request) -> Response:
        """The reports, newest first, each with a link that plays from now on.

        Through this server, also where the store makes links: who hears which clip is in the trail, play by play, for
        the list itself leaves one row. It is asked for twice a minute: a row for each link would be most of the trail.
        """
        body = await read_json(request, MeetingAndAdmin)
        if not await self.authority.is_admin(body.meeting_id, body.admin_id):
            raise Unauthorized("this is not the meeting's admin_id")
        reports = await self.uploads.reports(body.meeting_id)
        if reports:
            await self.audit.write(body.meeting_id, ADMIN, "clips_linked", None, address(request))
        rows: list[tuple[str, ...]] = []
        for each in reports:
            url = NOT_UPLOADED
            if each.clip is not None:
                url = self.evidence.playable_here(request, body.meeting_id, each.clip, ADMIN)[0]
            verdict = VERDICT.format(name=each.name, id=each.participant)
            rows.append((rfc3339(each.at), body.meeting_id, each.participant, url, verdict))
            if len(rows) % ROWS_PER_TURN == 0:
                await checkpoint()
        return _json(rows)

    def _check_origin(self, request: Request) -> None:
        """A form needs no leave from CORS: any page that somebody opens could send one here."""
        origin = request.headers.get("origin")
        if origin is None or re.fullmatch(self.origins, origin.lower()):
            return
        if not from_here(origin, request.headers):
            raise Forbidden(f"pages of {origin[:200]!r} may not upload here: add it to UNDERTONE_ORIGINS")


def _json(body: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
