"""The HTTP calls that create and change: meetings, participants, proctors, and their end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from undertone.core.errors import BadMessage, Forbidden, NotFound, RemoteFault
from undertone.core.requests import (
    DEFAULT_MEETINGS,
    MAX_MEETINGS,
    ChangeParticipant,
    ChangeProctor,
    CreateMeeting,
    CreateParticipant,
    CreateProctor,
    CredentialData,
    CredentialIssued,
    MeetingCreated,
    MeetingData,
    MeetingFound,
    MeetingList,
    ParticipantData,
    ProctorData,
    RenewToken,
)
from undertone.core.times import rfc3339
from undertone.store.audit import Audit
from undertone.store.meetings import Meeting, Meetings
from undertone.store.participants import Participant, Participants
from undertone.web.auth import ADMIN, Authority
from undertone.web.bodies import address, answer, bearer, maybe_bearer, parameter, read_json, whole_number
from undertone.web.calls import Entry, routes
from undertone.web.limits import CreationLimit
from undertone.web.rooms import Lobby
from undertone.web.tokens import Role, Tokens, hash_secret, new_id, new_secret, require_well_formed, well_formed


@dataclass(frozen=True, slots=True)
class MeetingRoutes:
    """What the calls need, and the calls."""

    meetings: Meetings
    participants: Participants
    audit: Audit
    authority: Authority
    tokens: Tokens
    lobby: Lobby
    limit: CreationLimit
    candidate_token_seconds: int
    proctor_token_seconds: int

    def routes(self, instead: Iterable[Entry] = ()) -> list[Route]:
        """All of them; `instead` has calls for the same paths, or for others besides."""
        participant = "/meetings/{meeting}/participants/{participant}"
        return routes(
            [
                ("POST", "/meetings", self.create_meeting),
                ("GET", "/meetings", self.list_meetings),
                ("GET", "/meetings/{meeting}", self.show),
                ("POST", "/meetings/{meeting}/participants", self.create_participant),
                ("POST", participant + "/token", self.renew_token),
                ("PATCH", participant, self.change_participant),
                ("POST", "/meetings/{meeting}/proctors", self.create_proctor),
                ("PATCH", "/meetings/{meeting}/proctors/{proctor}", self.change_proctor),
                ("POST", "/meetings/{meeting}/end", self.end),
                ("DELETE", "/meetings/{meeting}", self.delete),
                *instead,
            ]
        )

    async def create_meeting(self, request: Request) -> Response:
        self.limit.take(address(request))
        self.authority.creator(maybe_bearer(request))
        body = await read_json(request, CreateMeeting)
        meeting, admin_id, join_secret = new_id(), new_secret(), new_secret()
        provider, room = await self.lobby.open(meeting, body.title)
        try:
            created = await self.meetings.create(
                meeting, body.title, hash_secret(admin_id), hash_secret(join_secret), provider, room
            )
        except RemoteFault:
            await self.lobby.discard(meeting, room)
            raise
        return answer(MeetingCreated(data=self._meeting(created), admin_id=admin_id, join_secret=join_secret), 201)

    async def list_meetings(self, request: Request) -> Response:
        self.authority.api_key(maybe_bearer(request))
        limit = whole_number(request, "limit", DEFAULT_MEETINGS, 1, MAX_MEETINGS)
        page = await self.meetings.list(limit, parameter(request, "before"))
        return answer(MeetingList(data=[self._meeting(each) for each in page.meetings], next=page.next))

    async def show(self, request: Request) -> Response:
        meeting = await self.authority.insider(request.path_params["meeting"], bearer(request))
        return answer(MeetingFound(data=self._meeting(meeting)))

    async def create_participant(self, request: Request) -> Response:
        self.limit.take(address(request))
        meeting, by_join_secret = await self.authority.joiner(request.path_params["meeting"], bearer(request))
        body = await read_json(request, CreateParticipant)
        voices = voices_of(body, by_join_secret)
        participant = await self.participants.add(meeting.id, new_id(), body.name, body.external_id, voices)
        return await self._credential(meeting, participant.id, participant.name, "candidate", 201)

    async def renew_token(self, request: Request) -> Response:
        meeting, participant = request.path_params["meeting"], request.path_params["participant"]
        credential = bearer(request)
        body = await read_json(request, RenewToken)
        found = await self.authority.renewer(meeting, participant, credential, body.token)
        return await self._credential(await self.authority.meeting(meeting), found.id, found.name, "candidate", 200)

    async def change_participant(self, request: Request) -> Response:
        participant = request.path_params["participant"]
        meeting = await self.authority.manager(request.path_params["meeting"], bearer(request))
        require_well_formed(meeting.id, participant)
        body = await read_json(request, ChangeParticipant)
        if body.expected_voices is None and body.revoked is None:
            raise BadMessage("say what to change: expected_voices, revoked, or both")
        changed = await self.participants.change(meeting.id, participant, body.expected_voices, body.revoked)
        did = ", ".join(f"{name}={value}" for name, value in msgspec.structs.asdict(body).items() if value is not None)
        await self.audit.write(meeting.id, ADMIN, f"participant_changed: {did}", participant, address(request))
        if body.revoked:
            await self.lobby.leave(meeting, participant, "candidate")
        return answer(_participant(changed))

    async def create_proctor(self, request: Request) -> Response:
        self.limit.take(address(request))
        meeting = await self.authority.manager(request.path_params["meeting"], bearer(request))
        body = await read_json(request, CreateProctor)
        proctor = await self.meetings.add_proctor(meeting.id, new_id(), body.name)
        return await self._credential(meeting, proctor.id, proctor.name, "proctor", 201)

    async def change_proctor(self, request: Request) -> Response:
        proctor = request.path_params["proctor"]
        meeting = await self.authority.manager(request.path_params["meeting"], bearer(request))
        if not well_formed(proctor):
            raise NotFound("no such proctor")
        body = await read_json(request, ChangeProctor)
        if body.revoked is None:
            raise BadMessage("say what to change: revoked")
        changed = await self.meetings.change_proctor(meeting.id, proctor, body.revoked)
        did = f"proctor_changed: revoked={body.revoked}"
        await self.audit.write(meeting.id, ADMIN, did, proctor, address(request))
        if body.revoked:
            await self.lobby.leave(meeting, proctor, "proctor")
        return answer(ProctorData(id=changed.id, name=changed.name, revoked=changed.revoked_at is not None))

    async def end(self, request: Request) -> Response:
        meeting = await self.authority.manager(request.path_params["meeting"], bearer(request))
        await self.meetings.end(meeting.id)
        await self.lobby.close(meeting)
        return Response(status_code=204)

    async def delete(self, request: Request) -> Response:
        meeting = await self.authority.manager(request.path_params["meeting"], bearer(request))
        await self.meetings.delete(meeting.id)
        await self.lobby.close(meeting)
        return Response(status_code=204)

    async def _credential(self, meeting: Meeting, sub: str, name: str, role: Role, status: int) -> Response:
        return answer(await self.admit(meeting, sub, name, role), status)

    async def admit(
        self, meeting: Meeting, sub: str, name: str, role: Role, preset: str | None = None
    ) -> CredentialIssued:
        """Lets somebody in, with a token of ours. `preset` is the room provider's word for what they may there."""
        room = await self.lobby.enter(meeting, sub, name, role, preset)
        ttl = self.candidate_token_seconds if role == "candidate" else self.proctor_token_seconds
        token, expires_at = self.tokens.mint(sub, meeting.id, role, name, ttl)
        data = CredentialData(id=sub, name=name, token=token, expires_at=rfc3339(expires_at), room=room)
        return CredentialIssued(data=data)

    def _meeting(self, row: Meeting) -> MeetingData:
        ended_at = None if row.ended_at is None else rfc3339(row.ended_at)
        return MeetingData(
            id=row.id,
            title=row.title,
            created_at=rfc3339(row.created_at),
            ended_at=ended_at,
            room=self.lobby.kind(row),
        )


def voices_of(body: CreateParticipant, by_join_secret: bool) -> int:
    """How many voices to expect. Raises Forbidden where a candidate says so."""
    if by_join_secret and body.expected_voices is not None:
        raise Forbidden("how many voices are expected is not the candidate's to say: it takes the admin_id")
    return body.expected_voices or 1


def _participant(row: Participant) -> ParticipantData:
    return ParticipantData(
        id=row.id,
        name=row.name,
        external_id=row.external_id,
        expected_voices=row.expected_voices,
        revoked=row.revoked_at is not None,
        state=row.state,
    )
