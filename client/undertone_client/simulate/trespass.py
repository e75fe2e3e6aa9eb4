"""Calls that ask over HTTP for what is somebody else's: a meeting's events, anomalies and clips, by every credential
that is not for them."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass, replace
from random import Random
from typing import Final
from urllib.parse import quote

import httpx

from undertone.core.errors import Forbidden, NotFound, Unauthorized
from undertone.core.requests import MeetingCreated
from undertone_client.connection.address import proxy_for
from undertone_client.simulate.hostile import BROKEN, Answer, Sort, next_door
from undertone_client.simulate.service import Service
from undertone_client.simulate.speaker import now_ms

ANSWERED_WITHIN_S: Final = 20.0
REFUSED: Final = frozenset({Unauthorized.status, Forbidden.status})
UNKNOWN_CLIP: Final = "0123456789abcdef-1-0-0123456789abcdef"


@dataclass(frozen=True, slots=True)
class _Call:
    """What is asked, by whom, and the statuses that answer it."""

    what: str
    by: str
    method: str
    path: str
    credential: str | None
    refused: frozenset[int] = REFUSED


async def read(service: Service, meeting: MeetingCreated, clip: str | None, random: Random) -> list[Answer]:
    """Try everything once. `clip`: one of the meeting's, if it has any."""
    async with next_door(service) as other:
        mallory = await service.call(lambda node: node.join(meeting.data.id, "Mallory", meeting.join_secret))
        proctor = await service.call(lambda node: node.add_proctor(other.data.id, "Mallory", other.admin_id))
        server = random.choice(service.servers)
        async with httpx.AsyncClient(
            base_url=server,
            timeout=ANSWERED_WITHIN_S,
            verify=ssl.create_default_context(),
            trust_env=proxy_for(server) is True,
        ) as client:
            calls = _calls(meeting, other, clip or UNKNOWN_CLIP, mallory.token, proctor.token)
            return [replace(await _ask(client, call), participant=mallory.id, server=server) for call in calls]


def _calls(meeting: MeetingCreated, other: MeetingCreated, clip: str, token: str, proctor: str) -> list[_Call]:
    here, there = f"/meetings/{meeting.data.id}", f"/meetings/{other.data.id}"
    name = quote(clip, safe="")
    reads = [
        ("the events", "GET", f"{here}/events"),
        ("the anomalies", "GET", f"{here}/anomalies"),
        ("a clip", "GET", f"{here}/clips/{name}"),
        ("a link to a clip", "POST", f"{here}/clips/{name}/link"),
    ]
    credentials = [
        ("nobody", None),
        ("another meeting's admin", other.admin_id),
        ("another meeting's proctor", proctor),
        ("a holder of the join secret", meeting.join_secret),
        ("a candidate", token),
    ]
    forged = f"{here}/clips/{name}?by=admin&expires={int(time.time()) + 60}&signature={'A' * 43}"
    unknown = frozenset({NotFound.status})
    return [
        *(_Call(what, by, method, path, secret) for what, method, path in reads for by, secret in credentials),
        # Under one's own meeting there is no clip of another.
        _Call("a clip", "another meeting's admin at home", "GET", f"{there}/clips/{name}", other.admin_id, unknown),
        _Call("a link to a clip", "another meeting's admin at home", "POST", f"{there}/clips/{name}/link",
              other.admin_id, unknown),
        _Call("a clip", "a forged link", "GET", forged, None),
    ]  # fmt: skip


async def _ask(client: httpx.AsyncClient, call: _Call) -> Answer:
    sort = Sort(f"{call.what} for {call.by}", "http", call.refused, theirs=True)
    from_ms = now_ms()
    code, said, got = BROKEN, "", ""
    headers = {} if call.credential is None else {"Authorization": f"Bearer {call.credential}"}
    try:
        answer = await client.request(call.method, call.path, headers=headers)
        code = answer.status_code
        if answer.is_success:
            got = f"{len(answer.content)} bytes: {answer.content[:40]!r}"
    except httpx.TimeoutException:
        code, said = 0, f"nothing within {ANSWERED_WITHIN_S:.0f} s"
    except httpx.TransportError as error:
        said = f"{error or type(error).__name__}"
    return Answer(sort, code, said, got, from_ms=from_ms, to_ms=now_ms())
