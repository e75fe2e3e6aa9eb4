"""Who is asking, and may they: the one place that turns a credential into a candidate, a proctor or a manager.

Sockets and HTTP calls ask the same questions here. A credential that nobody gave out is `Unauthorized`; a good one for
something else is `Forbidden` and says what it is good for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from undertone.core.errors import Forbidden, NotFound, RemoteFault, Revoked, Unauthorized
from undertone.store.meetings import Meeting, Meetings
from undertone.store.participants import Participant, Participants
from undertone.web.tokens import Claims, Role, Tokens, holds, require_well_formed, well_formed

__all__ = ["Authority", "Claims", "Guest", "Proctor", "Tokens"]

ADMIN: Final = "admin"  # how the holder of an admin_id is called where nobody gave a name


@dataclass(frozen=True, slots=True)
class Proctor:
    """Who watches a meeting. `expires_at` is None for the holder of the `admin_id`."""

    id: str
    name: str
    expires_at: datetime | None
    admin: bool

    @property
    def named(self) -> str:
        """As the audit trail writes it: names repeat, ids don't."""
        return self.name if self.admin else f"{self.name} ({self.id})"


@dataclass(frozen=True, slots=True)
class Guest:
    """Whoever may enter a meeting's room. An `admin` is nobody by name: the `admin_id` says no more."""

    meeting: Meeting
    id: str
    name: str
    role: Role
    admin: bool


class Authority:
    """Answers for one server. Raises RemoteFaults alone; `Unavailable` while the database is away."""

    def __init__(
        self, tokens: Tokens, meetings: Meetings, participants: Participants, api_key_hash: bytes | None
    ) -> None:
        self._tokens = tokens
        self._meetings = meetings
        self._participants = participants
        self._api_key_hash = api_key_hash

    # --- sockets, and the calls of proctors

    async def candidate(self, token: str) -> tuple[Claims, Participant]:
        """Whose microphone this is; a valid token whose participant has no row yet creates it."""
        claims = self._claims(token, "candidate")
        participant = await self._participants.ensure(claims.meeting, claims.sub, claims.name)
        if participant.revoked_at is not None:
            raise Revoked("this participant was revoked")
        return claims, participant

    async def proctor(self, meeting: str, admin_id: str | None, token: str | None, name: str | None = None) -> Proctor:
        """Who watches: the holder of the meeting's `admin_id`, or of a proctor's token. `name` is the admin's."""
        require_well_formed(meeting)
        if (admin_id is None) == (token is None):
            raise Unauthorized("exactly one of admin_id and token is needed")
        if token is not None:
            return await self._proctor_by_token(meeting, token)
        assert admin_id is not None
        row = await self.meeting(meeting)
        if holds(admin_id, row.admin_hash):
            return Proctor(ADMIN, name or ADMIN, None, admin=True)
        if holds(admin_id, row.join_hash):
            raise Forbidden("a join_secret lets candidates in; watching takes the admin_id or a proctor's token")
        if self._is_api_key(admin_id):
            raise Forbidden("watching takes the admin_id or a proctor's token: POST …/proctors makes one")
        raise Unauthorized("this is neither the meeting's admin_id nor a proctor's token")

    async def is_admin(self, meeting: str, admin_id: str) -> bool:
        """Whether this is the meeting's `admin_id`; it is not where there is no such meeting."""
        row = await self._meetings.get(meeting) if well_formed(meeting) else None
        return row is not None and holds(admin_id, row.admin_hash)

    async def proctor_by_bearer(self, meeting: str, credential: str) -> Proctor:
        """For HTTP, where the header does not say which of the two it holds. An `admin_id` has no dot in it."""
        if "." in credential and not self._is_api_key(credential):
            return await self.proctor(meeting, None, credential)
        return await self.proctor(meeting, credential, None)

    async def guest(self, meeting: str, credential: str) -> Guest:
        """Who may enter the meeting's room: a candidate by token, a proctor by token or the `admin_id`."""
        require_well_formed(meeting)
        if "." in credential and not self._is_api_key(credential):
            claims = self._tokens.verify(credential)
            if claims.role == "candidate":
                if claims.meeting != meeting:
                    raise Forbidden("the token is for another meeting")
                row = await self.meeting(meeting)
                _, participant = await self.candidate(credential)
                return Guest(row, participant.id, participant.name, "candidate", admin=False)
        proctor = await self.proctor_by_bearer(meeting, credential)
        return Guest(await self.meeting(meeting), proctor.id, proctor.name, "proctor", proctor.admin)

    async def _proctor_by_token(self, meeting: str, token: str) -> Proctor:
        claims = self._claims(token, "proctor")
        if claims.meeting != meeting:
            raise Forbidden("the token is for another meeting")
        await self.meeting(meeting)
        row = await self._meetings.get_proctor(meeting, claims.sub)
        if row is not None and row.revoked_at is not None:
            raise Revoked("this proctor was revoked")
        return Proctor(claims.sub, claims.name, claims.expires_at, admin=False)

    def _claims(self, token: str, role: Role) -> Claims:
        claims = self._tokens.verify(token)
        if claims.role != role:
            raise Forbidden(f"the token is a {claims.role}'s, a {role}'s is needed")
        require_well_formed(claims.meeting, claims.sub)
        return claims

    # --- the calls that create and change

    def creator(self, credential: str | None) -> None:
        """Who may create a meeting: the API key's holder; everybody, where none is set (loopback alone)."""
        if self._api_key_hash is not None:
            self.api_key(credential)

    def api_key(self, credential: str | None) -> None:
        """The API key's holder and nobody else."""
        if self._api_key_hash is None:
            raise Unauthorized("this call takes an API key, and none is set: start the server with UNDERTONE_API_KEY")
        if credential is None or not self._is_api_key(credential):
            raise Unauthorized("this call takes the API key: Authorization: Bearer …")

    async def manager(self, meeting: str, credential: str) -> Meeting:
        """Who may change a meeting: the API key or its `admin_id`."""
        row = await self.meeting(meeting)
        if self._is_api_key(credential) or holds(credential, row.admin_hash):
            return row
        raise self._refused(credential, row, "the API key or the meeting's admin_id")

    async def joiner(self, meeting: str, credential: str) -> tuple[Meeting, bool]:
        """Who may create a participant; and whether by the `join_secret`, which every candidate has."""
        row = await self.meeting(meeting)
        if holds(credential, row.join_hash):
            return row, True
        if self._is_api_key(credential) or holds(credential, row.admin_hash):
            return row, False
        raise self._refused(credential, row, "the API key, the meeting's admin_id or its join_secret")

    async def insider(self, meeting: str, credential: str) -> Meeting:
        """Who may read what a meeting is called: whoever manages or watches it, and whoever may join it."""
        if "." in credential and not self._is_api_key(credential):
            await self._proctor_by_token(meeting, credential)
            return await self.meeting(meeting)
        return (await self.joiner(meeting, credential))[0]

    async def renewer(self, meeting: str, participant: str, credential: str, previous: str) -> Participant:
        """Whose token may be renewed: with the `join_secret` and the candidate's own previous token."""
        require_well_formed(meeting, participant)
        row = await self.meeting(meeting)
        if not holds(credential, row.join_hash):
            raise self._refused(credential, row, "the meeting's join_secret")
        claims = self._tokens.verify(previous, allow_expired=True)
        if (claims.meeting, claims.sub, claims.role) != (meeting, participant, "candidate"):
            raise Forbidden("the previous token is somebody else's")
        if claims.expired:
            found = await self._participants.get(meeting, participant)
        else:  # as at the socket: a valid token creates the row
            found = await self._participants.ensure(meeting, participant, claims.name)
        if found is None:
            raise NotFound("no such participant")
        if found.revoked_at is not None:
            raise Revoked("this participant was revoked")
        return found

    async def meeting(self, meeting: str) -> Meeting:
        """The meeting's row. Raises NotFound."""
        require_well_formed(meeting)
        row = await self._meetings.get(meeting)
        if row is None:
            raise NotFound("no such meeting")
        return row

    def _refused(self, credential: str, row: Meeting, taken: str) -> RemoteFault:
        """Forbidden for a credential that is valid for something else; a token that is not valid says so itself."""
        known = self._is_api_key(credential) or holds(credential, row.admin_hash) or holds(credential, row.join_hash)
        if known or ("." in credential and self._tokens.verify(credential)):
            return Forbidden(f"this call takes {taken}")
        return Unauthorized(f"this call takes {taken}, and that is none of them")

    def _is_api_key(self, credential: str) -> bool:
        return self._api_key_hash is not None and holds(credential, self._api_key_hash)
