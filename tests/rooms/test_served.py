"""A provider behind a real server: what people are answered, and that an exam goes on without it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from starlette.applications import Starlette
from websockets.sync.client import connect

from tests.end_to_end.conftest import fresh_database
from tests.rooms.vendors import Vendor
from tests.serving import Server, prepared_server, running_server
from tests.standins import realtimekit
from tests.standins.kit import Kit
from tests.standins.serving import Answers
from tests.web.room import bearer, problem_of
from undertone.choices import refuse_unfurnished_rooms
from undertone.config import ConfigError, Settings
from undertone.core.messages import StreamHello, encode
from undertone.core.requests import RoomData
from undertone.rooms.local import LocalRooms
from undertone.store.audit import Audit
from undertone.store.database import Database
from undertone.store.embedded import EmbeddedPostgres
from undertone.store.meetings import Meeting, Meetings
from undertone.store.participants import Participants
from undertone.web.auth import Authority
from undertone.web.limits import CreationLimit
from undertone.web.meetings import MeetingRoutes
from undertone.web.problems import HANDLERS
from undertone.web.rooms import Lobby
from undertone.web.tokens import Tokens


def said(vendor: Vendor, token: str = realtimekit.TOKEN) -> dict[str, str]:
    """RealtimeKit's settings, with the stand-in in its place."""
    return {
        "UNDERTONE_ROOMS": "realtimekit",
        "UNDERTONE_REALTIMEKIT_ACCOUNT": realtimekit.ACCOUNT,
        "UNDERTONE_REALTIMEKIT_APP": realtimekit.APP,
        "UNDERTONE_REALTIMEKIT_TOKEN": token,
        "UNDERTONE_REALTIMEKIT_URL": vendor.url,
        "NO_PROXY": "127.0.0.1",
    }


@pytest.fixture(scope="module")
def database(postgres: EmbeddedPostgres) -> Iterator[str]:
    with fresh_database(postgres) as url:
        yield url


@pytest.fixture(scope="module")
def server(
    running_vendors: dict[str, Vendor], database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Started while the provider is down: that keeps nobody from serving."""
    vendor = running_vendors["realtimekit"]
    vendor.app.always = Answers(500)
    folder = tmp_path_factory.mktemp("rooms")
    with running_server(folder, database_url=database, env=said(vendor)) as server:
        assert "serving all the same" in server.log()
        yield server


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        yield client


@pytest.fixture
def kit(server: Server, vendors: dict[str, Vendor]) -> Kit:
    """The provider, well again."""
    account = vendors["realtimekit"].account
    assert isinstance(account, Kit)
    return account


class Exam:
    """A meeting with a room, by its creator."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        response = http.post("/meetings", json={"title": "Algebra"})
        assert response.status_code == 201, response.text
        self.made = response.json()
        self.path = f"/meetings/{self.made['data']['id']}"

    def call(self, method: str, path: str, credential: str | None = None, body: Any = None) -> httpx.Response:
        return self._http.request(
            method, self.path + path, json=body, headers=bearer(credential or self.made["admin_id"]), timeout=20
        )

    def join(self) -> dict[str, Any]:
        response = self.call("POST", "/participants", self.made["join_secret"], {"name": "Ada"})
        assert response.status_code == 201
        data: dict[str, Any] = response.json()["data"]
        return data

    def room(self, credential: str | None = None, **body: str) -> httpx.Response:
        return self.call("POST", "/room", credential, body)


@pytest.mark.slow
def test_everybody_gets_in_with_what_they_have(http: httpx.Client, kit: Kit) -> None:
    exam = Exam(http)
    assert exam.made["data"]["room"] == {"provider": "realtimekit"}
    assert exam.call("GET", "").json()["data"]["room"] == {"provider": "realtimekit"}
    joined = exam.join()
    assert set(joined["room"]) == {"provider", "id", "token", "server"}
    again = exam.room(joined["token"]).json()
    assert again["success"]
    assert again["data"]["id"] == joined["room"]["id"]
    assert again["data"]["token"] != joined["room"]["token"]
    renewed = exam.call(
        "POST", f"/participants/{joined['id']}/token", exam.made["join_secret"], {"token": joined["token"]}
    ).json()["data"]
    assert renewed["room"]["id"] == joined["room"]["id"]
    invited = exam.call("POST", "/proctors", body={"name": "Grace"}).json()["data"]
    assert exam.room(invited["token"]).json()["data"]["id"] == invited["room"]["id"]
    # The admin_id names nobody: the tab does, and is one person however often it asks.
    tabs = [exam.room(name="Emmy", key=key).json()["data"]["id"] for key in ("a", "a", "b")]
    assert tabs[0] == tabs[1] != tabs[2]
    added = [(each["custom_participant_id"], each["name"]) for each in kit.participants()]
    assert added[-4:] == [
        (joined["id"], "Ada"),
        (f"proctor:{invited['id']}", "Grace"),
        ("proctor:admin-a", "Emmy"),
        ("proctor:admin-b", "Emmy"),
    ]
    assert problem_of(exam.room(exam.made["join_secret"]))[:2] == (403, "forbidden")
    assert problem_of(exam.room("nonsense"))[:2] == (401, "unauthorized")
    assert problem_of(exam.room(Exam(http).join()["token"]))[:2] == (403, "forbidden")
    exam.call("PATCH", f"/participants/{joined['id']}", body={"revoked": True})
    exam.call("PATCH", f"/proctors/{invited['id']}", body={"revoked": True})
    assert kit.kicked[-2:] == [joined["id"], f"proctor:{invited['id']}"]
    assert problem_of(exam.room(joined["token"]))[:2] == (403, "revoked")
    assert exam.call("POST", "/end").status_code == 204
    assert kit.kicked[-1] == "all"
    assert problem_of(exam.room())[:2] == (409, "meeting_ended")


@pytest.mark.slow
def test_a_provider_that_fails_costs_video_and_nothing_else(
    http: httpx.Client, server: Server, kit: Kit, vendors: dict[str, Vendor]
) -> None:
    exam = Exam(http)
    limited = vendors["realtimekit"].reply((429, "More than 1200 requests per 300 seconds reached", 1))
    kit.app.always = limited
    refused = http.post("/meetings", json={"title": "Geometry"}, timeout=20)
    status, code, detail = problem_of(refused)
    assert (status, code) == (503, "unavailable")
    assert detail.startswith("Cloudflare RealtimeKit takes no more calls from our account for now (429, “More than")
    assert refused.headers["retry-after"] == "1"
    # An exam in progress goes on: whoever comes is heard.
    joined = exam.join()
    assert set(joined["room"]) == {"provider", "missing", "retry_after_ms"}
    assert joined["room"]["missing"] == "the video room can't be reached for now"
    invited = exam.call("POST", "/proctors", body={"name": "Grace"}).json()["data"]
    assert "takes no more calls" in invited["room"]["missing"]
    with connect(server.websocket_url + "/stream", proxy=None) as socket:
        socket.send(encode(StreamHello(token=joined["token"])))
        assert '"ready"' in str(socket.recv(10))
    assert exam.room(joined["token"]).json()["data"]["missing"]
    kit.app.behave()
    within = datetime.now(UTC).timestamp() + 15
    while "token" not in (data := exam.room(joined["token"]).json()["data"]):
        assert datetime.now(UTC).timestamp() < within, data
        time.sleep(0.2)
    # And it ends, whatever the provider does.
    kit.app.always = Answers(500)
    assert exam.call("POST", "/end").status_code == 204
    assert "was not closed: Cloudflare RealtimeKit failed (500)" in server.log()
    assert exam.call("DELETE", "").status_code == 204
    assert realtimekit.TOKEN not in server.log()


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/join/m", "/watch/m"])
def test_its_pages_may_reach_the_provider_and_no_other_page_may(http: httpx.Client, path: str) -> None:
    html = {"Accept": "text/html"}
    headers = http.get(path, headers=html).headers
    sources = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert sources["connect-src"].endswith("https://*.realtime.cloudflare.com wss://*.realtime.cloudflare.com")
    assert sources["worker-src"] == "'self' blob:"
    assert sources["script-src"] == sources["style-src"] == "'self'"
    assert "camera=(self)" in headers["permissions-policy"]
    home = http.get("/", headers=html).headers
    assert "cloudflare" not in home["content-security-policy"]
    assert "camera=()" in home["permissions-policy"]


@pytest.mark.slow
def test_a_wrong_key_is_said_before_anybody_is_served(
    vendors: dict[str, Vendor], database: str, data_dir: Path
) -> None:
    vendor = vendors["realtimekit"]
    vendor.app.behave()
    server = prepared_server(data_dir, database_url=database, env=said(vendor, token="x" * 40))
    server.launch()
    assert server.wait(30) == 1
    server.end()
    told = [line for line in server.log().splitlines() if "CRITICAL" in line]
    assert len(told) == 1
    assert re.search(r"Cloudflare RealtimeKit does not know our key \(401.*set UNDERTONE_REALTIMEKIT_TOKEN", told[0])
    assert "ready" not in server.log()
    assert "x" * 40 not in server.log()


@pytest.mark.parametrize(
    ("rooms", "needs"),
    [
        ("realtimekit", ["REALTIMEKIT_ACCOUNT", "REALTIMEKIT_APP", "REALTIMEKIT_TOKEN"]),
        ("dyte", ["DYTE_ORG", "DYTE_KEY"]),
        ("livekit", ["LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"]),
    ],
)
def test_what_a_provider_needs_is_named(rooms: str, needs: list[str]) -> None:
    given = {"UNDERTONE_ROOMS": rooms}
    for name in needs:
        with pytest.raises(ConfigError, match=f"ROOMS={rooms} needs UNDERTONE_{name}"):
            refuse_unfurnished_rooms(Settings.read(given))
        given["UNDERTONE_" + name] = "wss://live.example.org" if name.endswith("URL") else "x" * 32
    refuse_unfurnished_rooms(Settings.read(given))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ROOMS", "zoom"),
        ("LIVEKIT_URL", "live.example.org"),
        ("LIVEKIT_URL", "wss://ada:secret@live.example.org"),
        ("REALTIMEKIT_URL", "ftp://example.org"),
        ("REALTIMEKIT_TOKEN", "two words"),
        ("DYTE_KEY", "a\nb"),
    ],
)
def test_a_setting_that_can_not_be_is_named_and_a_key_is_not_shown(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match="UNDERTONE_" + name) as caught:
        Settings.read({"UNDERTONE_" + name: text})
    private = name in ("REALTIMEKIT_TOKEN", "DYTE_KEY") or "@" in text
    assert (text in str(caught.value)) == (not private)


@pytest.mark.anyio
@pytest.mark.parametrize("provider", ["livekit", "local"])
async def test_a_meeting_of_another_provider_has_no_room_any_more(provider: str) -> None:
    now = datetime.now(UTC)
    meeting = Meeting("m", "Algebra", now, None, b"", b"", provider, {"name": "undertone-m"})
    lobby = Lobby(LocalRooms())
    assert lobby.kind(meeting) is None
    room: RoomData | None = await lobby.enter(meeting, "p", "Ada", "candidate")
    assert room is None
    await lobby.leave(meeting, "p", "candidate")
    await lobby.close(meeting)


@pytest.mark.anyio
async def test_a_meeting_that_can_not_be_kept_leaves_no_room_open(
    vendors: dict[str, Vendor], postgres: EmbeddedPostgres
) -> None:
    """The database went away after the provider had answered."""
    vendor = vendors["realtimekit"]
    assert isinstance(vendor.account, Kit)
    provider = vendor.provider()
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute("create database short_lived")
    database = Database(postgres.url("short_lived"))
    await database.connect()
    await connection.execute("drop database short_lived with (force)")
    await connection.close()
    meetings, people = Meetings(database, lambda _: None), Participants(database, lambda _: None, lambda _, __: None)
    authority = Authority(Tokens(["s" * 32]), meetings, people, None)
    routes = MeetingRoutes(
        meetings, people, Audit(database), authority, Tokens(["s" * 32]), Lobby(provider), CreationLimit(0), 60, 60
    )
    app = Starlette(routes=routes.routes(), exception_handlers=HANDLERS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
        response = await client.post("/meetings", json={"title": "Kept nowhere"})
    await provider.aclose()
    await database.close()
    assert problem_of(response)[:2] == (503, "unavailable")
    [room] = [each for each in vendor.account.meetings.values() if each["title"] == "Kept nowhere"]
    assert room["status"] == "INACTIVE"
