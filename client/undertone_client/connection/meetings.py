"""The HTTP calls around a meeting: creating it, joining it, hearing its evidence, ending it."""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import Final, Literal, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from undertone.core.errors import CLOSE_CODES, UndertoneError
from undertone.core.events import Anomaly
from undertone.core.requests import (
    AnomalyList,
    ChangeProctor,
    CreateMeeting,
    CreateParticipant,
    CreateProctor,
    CredentialData,
    CredentialIssued,
    GiveReview,
    LinkIssued,
    MeetingCreated,
    MeetingData,
    MeetingFound,
    Problem,
    ProctorData,
    RenewToken,
)
from undertone_client.connection.address import ENVIRONMENT, Proxy, http_url, proxy_for

_FAULTS: Final = {fault.code: fault for fault in CLOSE_CODES}
TIMEOUT_S: Final = 30.0

_Answer = TypeVar("_Answer")


class CallFailed(UndertoneError):
    """An HTTP answer that is no success and has no name in the table of close codes; or one that can't be read."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail


class Meetings:
    """The server's HTTP side. `api_key` is what creating needs; the other calls take the credential they are made with.

    Raises the fault that the server named (Unauthorized, NotFound, RateLimited, …), CallFailed for any other refusal,
    and httpx.TransportError where there was no answer. `proxy` is "environment" (none for loopback), an address, or
    None.
    """

    def __init__(self, server: str, api_key: str | None = None, *, proxy: Proxy = ENVIRONMENT) -> None:
        self._api_key = api_key
        by_environment = proxy == ENVIRONMENT
        self._http = httpx.AsyncClient(
            base_url=http_url(server),
            timeout=TIMEOUT_S,
            # As the sockets do: the system's authorities, or those of SSL_CERT_FILE; httpx has a list of its own.
            verify=ssl.create_default_context(),
            trust_env=by_environment and proxy_for(server) is True,
            proxy=None if by_environment else proxy,
        )

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def create(self, title: str) -> MeetingCreated:
        """A new meeting, with its `admin_id` and `join_secret`."""
        return _read(await self._call("POST", "/meetings", self._api_key, CreateMeeting(title=title)), MeetingCreated)

    async def meeting(self, meeting: str, credential: str | None = None) -> MeetingData:
        """What it is called, and whether it has ended; by whatever opens a door of it, or the API key."""
        return _read(await self._call("GET", _path(meeting), credential or self._api_key), MeetingFound).data

    async def join(
        self,
        meeting: str,
        name: str,
        credential: str | None = None,
        *,
        external_id: str | None = None,
        expected_voices: int | None = None,
    ) -> CredentialData:
        """A new candidate, by the `join_secret`, the `admin_id`, or (without a credential) the API key."""
        body = CreateParticipant(name=name, external_id=external_id, expected_voices=expected_voices)
        answer = await self._call("POST", _path(meeting, "participants"), credential or self._api_key, body)
        return _read(answer, CredentialIssued).data

    async def renew(self, meeting: str, participant: str, token: str, join_secret: str) -> CredentialData:
        """A fresh token for a candidate that shows its previous one, be it expired."""
        path = _path(meeting, "participants", participant, "token")
        return _read(await self._call("POST", path, join_secret, RenewToken(token=token)), CredentialIssued).data

    async def add_proctor(self, meeting: str, name: str, admin_id: str | None = None) -> CredentialData:
        """A token for a proctor, by the `admin_id` or the API key."""
        answer = await self._call(
            "POST", _path(meeting, "proctors"), admin_id or self._api_key, CreateProctor(name=name)
        )
        return _read(answer, CredentialIssued).data

    async def revoke_proctor(
        self, meeting: str, proctor: str, admin_id: str | None = None, *, revoked: bool = True
    ) -> ProctorData:
        """Take a proctor's access away, by the `admin_id` or the API key; `revoked=False` gives it back.

        Their open sockets are closed with `revoked`. A proctor whose token your own backend minted counts, too.
        """
        body = ChangeProctor(revoked=revoked)
        answer = await self._call("PATCH", _path(meeting, "proctors", proctor), admin_id or self._api_key, body)
        return _read(answer, ProctorData)

    async def anomalies(self, meeting: str, credential: str) -> list[Anomaly]:
        """What was found, newest first."""
        return _read(await self._call("GET", _path(meeting, "anomalies"), credential), AnomalyList).anomalies

    async def review(
        self,
        meeting: str,
        anomaly: str,
        credential: str,
        *,
        key: str,
        decision: Literal["confirmed", "dismissed", "open"],
        note: str | None = None,
    ) -> Anomaly:
        """Decide on an anomaly; the same `key` again gets the first answer."""
        body = GiveReview(key=key, decision=decision, note=note)
        return _read(
            await self._call("POST", _path(meeting, "anomalies", anomaly, "review"), credential, body), Anomaly
        )

    async def clip(self, meeting: str, clip: str, credential: str) -> bytes:
        """A clip's MP3, its lead-in included."""
        return (await self._call("GET", _path(meeting, "clips", clip), credential)).content

    async def clip_link(self, meeting: str, clip: str, credential: str) -> LinkIssued:
        """An absolute address that plays the clip without a header, for five minutes."""
        link = _read(await self._call("POST", _path(meeting, "clips", clip, "link"), credential), LinkIssued)
        return LinkIssued(url=str(self._http.base_url.join(link.url)), expires_at=link.expires_at)

    async def end(self, meeting: str, admin_id: str | None = None) -> None:
        """The exam is over; proctors may still read."""
        await self._call("POST", _path(meeting, "end"), admin_id or self._api_key)

    async def delete(self, meeting: str, admin_id: str | None = None) -> None:
        """No row and no clip of it stays."""
        await self._call("DELETE", _path(meeting), admin_id or self._api_key)

    async def ready(self) -> bool:
        """Whether the server takes traffic."""
        return (await self._http.get("/readyz")).is_success

    async def _call(
        self, method: str, path: str, credential: str | None, body: msgspec.Struct | None = None
    ) -> httpx.Response:
        headers = {} if credential is None else {"Authorization": f"Bearer {credential}"}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode(body)
        answer = await self._http.request(method, path, headers=headers, content=content)
        if answer.is_success:
            return answer
        raise _fault(answer)


def _path(*segments: str) -> str:
    return "/meetings/" + "/".join(quote(segment, safe="") for segment in segments)


def _read(answer: httpx.Response, shape: type[_Answer]) -> _Answer:
    try:
        return msgspec.json.decode(answer.content, type=shape)
    except msgspec.DecodeError as error:
        raise CallFailed(answer.status_code, "unreadable", f"{answer.url} is no Undertone server: {error}") from None


def _fault(answer: httpx.Response) -> UndertoneError:
    """The problem (RFC 9457) as the error it names."""
    try:
        problem = msgspec.json.decode(answer.content, type=Problem)
    except msgspec.DecodeError:
        return CallFailed(answer.status_code, "unreadable", answer.text[:500] or answer.reason_phrase)
    fault = _FAULTS.get(problem.code)
    if fault is None:
        return CallFailed(answer.status_code, problem.code, problem.detail)
    return fault(problem.detail, problem.retry_after_ms)
