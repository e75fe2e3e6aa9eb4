"""The bodies of the HTTP calls: what they take and what they answer.

Absent fields have their default and unknown ones are ignored, as in the messages of the sockets. `{success, data}` is
the shape in which the common meeting providers answer.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from undertone.core.events import Anomaly
from undertone.core.messages import Key, Name, Note, Token

ExpectedVoices = Annotated[int, Meta(ge=1, le=16)]  # the candidate and up to 15 allowed others, such as a reader
ExternalId = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]

MAX_EVENTS = 10_000  # of one answer; with 300 bytes an event that is 3 MB
DEFAULT_EVENTS = 200
MAX_MEETINGS = 200
DEFAULT_MEETINGS = 50


class CreateMeeting(Struct, frozen=True, kw_only=True):
    """`POST /meetings`"""

    title: Name


class CreateParticipant(Struct, frozen=True, kw_only=True):
    """`POST /meetings/{id}/participants`. `expected_voices` takes more than the `join_secret`."""

    name: Name
    external_id: ExternalId | None = None
    expected_voices: ExpectedVoices | None = None


class RenewToken(Struct, frozen=True, kw_only=True):
    """`POST /meetings/{id}/participants/{participant}/token`: the candidate's previous token; it may have expired."""

    token: Token


class ChangeParticipant(Struct, frozen=True, kw_only=True):
    """`PATCH /meetings/{id}/participants/{participant}`: what is absent stays as it is."""

    expected_voices: ExpectedVoices | None = None
    revoked: bool | None = None


class CreateProctor(Struct, frozen=True, kw_only=True):
    """`POST /meetings/{id}/proctors`"""

    name: Name


class ChangeProctor(Struct, frozen=True, kw_only=True):
    """`PATCH /meetings/{id}/proctors/{proctor}`. Revoking takes ids too that nobody was invited under: a backend that
    mints its own tokens revokes them so."""

    revoked: bool | None = None


class GiveReview(Struct, frozen=True, kw_only=True):
    """`POST /meetings/{id}/anomalies/{anomaly}/review`. `key` is the client's UUID: a repeat changes nothing."""

    key: Key
    decision: Literal["confirmed", "dismissed", "open"]
    note: Note | None = None


class RoomKind(Struct, frozen=True, kw_only=True):
    """Whose video room a meeting has. `local` meetings have none."""

    provider: str


class RoomData(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a front end needs to enter the meeting's video room: `server`, and the provider's `token` for the one whom
    it knows as `id`. Without a token the provider could not be asked, and `missing` says so, to
    proctors with the reason: the exam goes on, and `POST /meetings/{id}/room` asks again later."""

    provider: str
    id: str | None = None
    token: str | None = None
    server: str | None = None
    missing: str | None = None
    retry_after_ms: int | None = None


class EnterRoom(Struct, frozen=True, kw_only=True):
    """`POST /meetings/{id}/room`. `name` and `key` are for whoever shows the `admin_id`, which names nobody: what the
    others see, and an id of the tab's own choice, so that asking again enters nobody twice."""

    name: Name | None = None
    key: Annotated[str, Meta(pattern=r"^[0-9A-Za-z_-]{1,48}$")] | None = None


class RoomEntered(Struct, frozen=True, kw_only=True):
    """The answer to `POST /meetings/{id}/room`."""

    success: Literal[True] = True
    data: RoomData


class MeetingData(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A meeting as its creator sees it. `room` is there if it has one."""

    id: str
    title: str
    created_at: str
    ended_at: str | None = None
    room: RoomKind | None = None


class MeetingCreated(Struct, frozen=True, kw_only=True):
    """Both secrets are said here and never again: only their hashes are kept."""

    success: Literal[True] = True
    data: MeetingData
    admin_id: str
    join_secret: str


class MeetingFound(Struct, frozen=True, kw_only=True):
    """`GET /meetings/{id}`: what its pages say above everything else."""

    success: Literal[True] = True
    data: MeetingData


class MeetingList(Struct, frozen=True, kw_only=True):
    """Newest first. `next` is the `before` of the next page, null on the last."""

    success: Literal[True] = True
    data: list[MeetingData]
    next: str | None = None


class CredentialData(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A participant or proctor and the token to connect with. `room` is there if the meeting has one."""

    id: str
    name: str
    token: str
    expires_at: str
    room: RoomData | None = None


class CredentialIssued(Struct, frozen=True, kw_only=True):
    """The answer to joining, to inviting a proctor and to renewing a token."""

    success: Literal[True] = True
    data: CredentialData


class ParticipantData(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A participant as `PATCH` answers it."""

    id: str
    name: str
    external_id: str | None = None
    expected_voices: int
    revoked: bool
    state: str


class ProctorData(Struct, frozen=True, kw_only=True):
    """A proctor as `PATCH` answers it. One that nobody invited is called by its id."""

    id: str
    name: str
    revoked: bool


class EventsHead(Struct, frozen=True, kw_only=True):
    """`GET /meetings/{id}/events`; beside these stands `events`: the `event` messages of the channel, oldest first."""

    epoch: str
    last_id: int
    recovered: bool


class AnomalyList(Struct, frozen=True, kw_only=True):
    """Newest first."""

    anomalies: list[Anomaly]


class LinkIssued(Struct, frozen=True, kw_only=True):
    """Plays the clip without a header until `expires_at`."""

    url: str
    expires_at: str


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 `application/problem+json`. `code` is as in the table of close codes, `detail` says what is right."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    retry_after_ms: int | None = None
