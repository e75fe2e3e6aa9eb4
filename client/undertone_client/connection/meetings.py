"""The HTTP calls around a meeting: creating it, joining it, hearing its evidence, ending it."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from undertone.core.errors import CLOSE_CODES, UndertoneError
from undertone.core.events import Anomaly
from undertone_client.connection.address import ENVIRONMENT, Proxy, http_url, proxy_for

_FAULTS: Final = {fault.code: fault for fault in CLOSE_CODES}
TIMEOUT_S: Final = 30.0

_T = TypeVar("_T")


class Problem(UndertoneError):
    """An HTTP answer that is no success and has no name of the protocol."""

    def __init__(self, status: int, code: str | None, detail: str) -> None:
        super().__init__(f"{status} {code or ''}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """A new meeting and its two secrets: `admin_id` is its creator's, `join_secret` every candidate's."""

    id: str
    title: str
    created_at: str
    admin_id: str
    join_secret: str


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What a participant or proctor shows at a socket, until `expires_at`."""

    id: str
    name: str
    token: str
    expires_at: str


class ClipLink(msgspec.Struct, frozen=True, kw_only=True):
    """An address that plays a clip without a header, for five minutes."""

    url: str
    expires_at: str


class _Problem(msgspec.Struct, frozen=True):
    code: str | None = None
    detail: str = ""
    retry_after_ms: int | None = None


class Meetings:
    """The server's HTTP side. `api_key` is what creating needs; the other calls take the credential they are made with.

    Raises the named error of the protocol that the server answered with (Unauthorized, NotFound, …), Problem for any
    other refusal, and httpx.TransportError where there was no answer.
    """

    def __init__(self, server: str, api_key: str | None = None, *, proxy: Proxy = ENVIRONMENT) -> None:
        url = http_url(server)
        environment = proxy == ENVIRONMENT and proxy_for(server) is True
        self._api_key = api_key
        self._http = httpx.AsyncClient(
            base_url=url,
            timeout=TIMEOUT_S,
            trust_env=environment,
            proxy=None if proxy == ENVIRONMENT else proxy,
        )

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def create(self, title: str) -> Created:
        """A new meeting."""
        answer = await self._call("POST", "/meetings", self._api_key, {"title": title})
        meeting = msgspec.json.decode(answer.content, type=_CreatedAnswer)
        data = meeting.data
        return Created(
            id=data.id,
            title=data.title,
            created_at=data.created_at,
            admin_id=meeting.admin_id,
            join_secret=meeting.join_secret,
        )

    async def join(
        self,
        meeting: str,
        name: str,
        credential: str | None = None,
        *,
        external_id: str | None = None,
        expected_voices: int | None = None,
    ) -> Ticket:
        """A new candidate, by the `join_secret`, the `admin_id`, or (without a credential) the API key."""
        body = {"name": name, "external_id": external_id, "expected_voices": expected_voices}
        path = f"/meetings/{quote(meeting, safe='')}/participants"
        return await self._ticket(path, credential or self._api_key, body)

    async def renew(self, meeting: str, participant: str, token: str, join_secret: str) -> Ticket:
        """A fresh token for a candidate that shows its previous one, be it expired."""
        path = f"/meetings/{quote(meeting, safe='')}/participants/{quote(participant, safe='')}/token"
        return await self._ticket(path, join_secret, {"token": token})

    async def add_proctor(self, meeting: str, name: str, admin_id: str | None = None) -> Ticket:
        """A token for a proctor, by the `admin_id` or the API key."""
        path = f"/meetings/{quote(meeting, safe='')}/proctors"
        return await self._ticket(path, admin_id or self._api_key, {"name": name})

    async def anomalies(self, meeting: str, credential: str) -> list[Anomaly]:
        """What was found, newest first."""
        answer = await self._call("GET", f"/meetings/{quote(meeting, safe='')}/anomalies", credential)
        return msgspec.json.decode(answer.content, type=_AnomaliesAnswer).anomalies

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
        path = f"/meetings/{quote(meeting, safe='')}/anomalies/{quote(anomaly, safe='')}/review"
        answer = await self._call("POST", path, credential, {"key": key, "decision": decision, "note": note})
        return msgspec.json.decode(answer.content, type=Anomaly)

    async def clip(self, meeting: str, clip: str, credential: str) -> bytes:
        """A clip's MP3, its lead-in included."""
        return (await self._call("GET", _clip_path(meeting, clip), credential)).content

    async def clip_link(self, meeting: str, clip: str, credential: str) -> ClipLink:
        """An absolute address that plays the clip without a header."""
        answer = await self._call("POST", _clip_path(meeting, clip) + "/link", credential)
        link = msgspec.json.decode(answer.content, type=ClipLink)
        return ClipLink(url=str(self._http.base_url.join(link.url)), expires_at=link.expires_at)

    async def end(self, meeting: str, admin_id: str | None = None) -> None:
        """The exam is over; proctors may still read."""
        await self._call("POST", f"/meetings/{quote(meeting, safe='')}/end", admin_id or self._api_key)

    async def delete(self, meeting: str, admin_id: str | None = None) -> None:
        """No row and no clip of it stays."""
        await self._call("DELETE", f"/meetings/{quote(meeting, safe='')}", admin_id or self._api_key)

    async def ready(self) -> bool:
        """Whether the server takes traffic."""
        return (await self._http.get("/readyz")).is_success

    async def _ticket(self, path: str, credential: str | None, body: dict[str, Any]) -> Ticket:
        answer = await self._call("POST", path, credential, body)
        return msgspec.json.decode(answer.content, type=_TicketAnswer).data

    async def _call(
        self, method: str, path: str, credential: str | None, body: dict[str, Any] | None = None
    ) -> httpx.Response:
        headers = {} if credential is None else {"Authorization": f"Bearer {credential}"}
        json = None if body is None else {name: value for name, value in body.items() if value is not None}
        answer = await self._http.request(method, path, headers=headers, json=json)
        if answer.is_success:
            return answer
        raise _fault(answer)


class _CreatedData(msgspec.Struct, frozen=True):
    id: str
    title: str
    created_at: str


class _CreatedAnswer(msgspec.Struct, frozen=True):
    data: _CreatedData
    admin_id: str
    join_secret: str


class _TicketAnswer(msgspec.Struct, frozen=True):
    data: Ticket


class _AnomaliesAnswer(msgspec.Struct, frozen=True):
    anomalies: list[Anomaly]


def _clip_path(meeting: str, clip: str) -> str:
    return f"/meetings/{quote(meeting, safe='')}/clips/{quote(clip, safe='')}"


def _fault(answer: httpx.Response) -> UndertoneError:
    """The problem (RFC 9457) as the error it names."""
    try:
        problem = msgspec.json.decode(answer.content, type=_Problem)
    except msgspec.DecodeError:
        return Problem(answer.status_code, None, answer.text[:500] or answer.reason_phrase)
    fault = _FAULTS.get(problem.code or "")
    if fault is None:
        return Problem(answer.status_code, problem.code, problem.detail)
    return fault(problem.detail, problem.retry_after_ms)
