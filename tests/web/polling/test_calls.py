"""The polling front end's six routes, as its page calls them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from tests.core.frames import WINDOW_FRAMES, frames
from tests.standins import realtimekit
from tests.standins.kit import Kit
from tests.standins.serving import Answers, serving
from tests.store.exam import NO_SOUND, NOISE, ONE_VOICE, SOMEBODY_ELSE, TWO_VOICES
from tests.web.here import dial, hear
from tests.web.polling.page import PAGE, Page, heard
from tests.web.room import problem_of
from tests.web.watched import Watched
from undertone.core.messages import Finish, StreamHello
from undertone.core.messages import encode as encode_message
from undertone.core.verdict import Diarization
from undertone.rooms.base import Role, RoomProvider
from undertone.rooms.realtimekit import realtimekit as realtimekit_rooms
from undertone.store.clips_folder import FolderClips
from undertone.web.calls import routes
from undertone.web.polling import LOOPBACK_ORIGINS, allowed_origins
from undertone.web.problems import HANDLERS
from undertone.web.rooms import Lobby

pytestmark = pytest.mark.anyio

PRESET = {"preset_name": "audio_proc_preset"}
MINUTE = frames(WINDOW_FRAMES + 1)  # "a minute" is a frame more than a window


async def test_its_way_from_a_meeting_to_a_report(house: Watched, page: Page) -> None:
    joined = (await page.join()).json()
    me = json.loads(joined["detail"])["data"]
    assert me["token"]
    assert (await page.ask("/is_admin")).json() == {"admin": True}
    async with house.watching(meeting=page.id, admin_id=page.admin_id) as (proctor, ready), heard(house):
        assert [each["id"] for each in ready["candidates"]] == [me["id"]]
        answer = (await page.upload(MINUTE, me["id"])).json()
        kinds: list[str] = []
        while not kinds or kinds[-1] != "anomaly_opened":
            kinds.append((await hear(proctor))["kind"])
    assert kinds == [
        "candidate_streaming",
        "window_stored",
        "candidate_finished",
        "window_judged",
        "anomaly_opened",
    ]
    assert (answer["id"], answer["different_voices_detected"]) == (me["id"], True)
    [[at, meeting, participant, url, verdict]] = await page.reports()
    assert (meeting, participant) == (page.id, me["id"])
    assert verdict == f"Participant Name: new user <> Anomaly: Different Voices Detected <> Participant ID: {me['id']}"
    assert timedelta(0) <= datetime.now(UTC) - datetime.fromisoformat(at) < timedelta(minutes=2)
    for link in (answer["url"], url):
        played = await house.http.get(link)
        assert (played.status_code, played.headers["content-type"]) == (200, "audio/mpeg")
        assert played.content == MINUTE
    assert (await house.http.get("/")).json()["message"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/meetings", 201),
        ("/meetings/{meeting}/participants", 201),
        ("/is_admin", 200),
        ("/multiple_voices_list", 200),
    ],
)
async def test_each_is_there_with_a_slash_and_without(page: Page, path: str, status: int) -> None:
    body = {"title": "Algebra", "name": "Ada", "meeting_id": page.id, "admin_id": page.admin_id}
    for slash in ("", "/"):
        answer = await page.post(path.format(meeting=page.id) + slash, body)
        assert answer.status_code == status, answer.text
        wrong = await page.house.http.put(path.format(meeting=page.id) + slash)
        assert wrong.status_code == 405
    assert (await page.house.http.get("/meetings/")).status_code == 405


async def test_an_upload_with_a_slash(house: Watched, page: Page) -> None:
    async with heard(house, ONE_VOICE):
        answer = await page.upload(frames(100), slash="/")
    assert (answer.status_code, answer.json()) == (200, {"id": "peer-1", "different_voices_detected": False})


@pytest.mark.parametrize(
    ("diarization", "different"),
    [(ONE_VOICE, False), (NO_SOUND, False), (NOISE, False), (TWO_VOICES, True), (SOMEBODY_ELSE, True)],
    ids=["one voice", "silence", "noise", "two voices", "somebody else"],
)
async def test_what_was_heard_is_answered(
    house: Watched, page: Page, diarization: Diarization, different: bool
) -> None:
    async with heard(house, diarization):
        answer = (await page.upload(frames(2000))).json()
    assert answer["different_voices_detected"] is different
    assert ("url" in answer) is different
    assert len(await page.reports()) == different
    clips = await page.rows("select clip from windows where meeting = :meeting")
    needless = await page.rows("select object from deletions where meeting = :meeting")
    innocent = diarization in (ONE_VOICE, NO_SOUND)
    assert [row["clip"] is None for row in clips] == [innocent], "innocent audio does not stay"
    assert len(needless) == innocent


async def test_an_analysis_that_fails_is_no_all_clear(house: Watched, page: Page) -> None:
    async with heard(house, "the engine broke"):
        status, code, detail = problem_of(await page.upload(frames(100)))
    assert (status, code) == (500, "analysis_failed")
    assert "the engine broke" in detail
    assert len(await page.rows("select from windows where meeting = :meeting and clip is not null")) == 1


async def test_who_was_reported_within_ten_minutes_is_so_once(house: Watched, page: Page) -> None:
    async with heard(house):
        first, second = [(await page.upload(MINUTE, "peer-1")).json()["url"] for _ in range(2)]
        other = (await page.upload(MINUTE, "peer-2")).json()["url"]
    assert second == "not uploaded"
    assert first.startswith("http")
    assert other.startswith("http")
    assert len(await page.reports()) == 2
    assert [row[2] for row in await page.reports()] == ["peer-2", "peer-1"], "the newest first"
    await page.rows("update anomalies set opened_at = opened_at - interval '11 minutes' where meeting = :meeting")
    async with heard(house):
        assert (await page.upload(MINUTE, "peer-1")).json()["url"].startswith("http")
    assert [row[2] for row in await page.reports()] == ["peer-1", "peer-2", "peer-1"]


async def test_a_list_s_links_are_new_each_time_and_leave_one_line_in_the_trail(house: Watched, page: Page) -> None:
    assert await page.reports() == []
    async with heard(house):
        await page.upload(MINUTE)
    [[*_, url, _]] = await page.reports()
    expires = re.search(r"expires=([0-9]+)", url)
    assert expires is not None
    assert 290 < int(expires[1]) - datetime.now(UTC).timestamp() <= 300
    trail = await page.rows("select who, action from audit where meeting = :meeting order by id")
    assert [row["action"] for row in trail] == ["clip_linked", "clips_linked"]
    assert trail[1]["who"] == "admin"


async def test_a_list_s_links_lead_through_us_where_each_play_is_seen(
    house: Watched, page: Page, tmp_path: Path
) -> None:
    class Linking(FolderClips):
        """As a bucket, which tells nobody who followed its links."""

        async def link(self, name: str, seconds: int) -> str | None:
            return f"https://bucket.example.org/{name}"

    evidence = replace(page.polling.evidence, clips=Linking(tmp_path))
    app = Starlette(routes=routes(replace(page.polling, evidence=evidence).entries()), exception_handlers=HANDLERS)
    async with heard(house):
        await page.upload(MINUTE)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as http:
        answer = await http.post("/multiple_voices_list", json={"meeting_id": page.id, "admin_id": page.admin_id})
    [[*_, url, _]] = answer.json()
    assert url.startswith("http://here/meetings/")
    assert (await house.http.get(url.removeprefix("http://here"))).content == MINUTE
    [opened] = await page.rows("select clip from windows where meeting = :meeting")
    played = await page.rows("select who, subject from audit where meeting = :meeting and action = 'link_played'")
    assert [dict(row) for row in played] == [{"who": "admin", "subject": opened["clip"]}]


async def test_only_its_admin_is_one(page: Page) -> None:
    other = await Page(page.house).create()
    for meeting, admin_id in (
        (page.id, other.admin_id),
        (page.id, ""),
        (page.id, "undefined"),
        ("nobody", page.admin_id),
        ("no such", page.admin_id),
        ("\0", page.admin_id),
    ):
        assert (await page.ask("/is_admin", admin_id, meeting)).json() == {"admin": False}
        assert problem_of(await page.ask("/multiple_voices_list", admin_id, meeting))[:2] == (401, "unauthorized")
    assert (await page.post("/is_admin", {"admin_id": page.admin_id, "meeting_id": ""})).json() == {"admin": False}
    assert problem_of(await page.post("/is_admin", {"admin_id": 1}))[:2] == (400, "bad_message")


async def test_joining_is_answered_twice_over(page: Page) -> None:
    answer = await page.join()
    assert answer.status_code == 201
    body = answer.json()
    detail = json.loads(body.pop("detail"))
    assert detail == body
    assert set(body) == {"success", "data", "undertone"}
    assert body["undertone"].items() <= body["data"].items(), "no provider has ids of its own"
    [event] = await page.events()
    assert (event["kind"], event["participant"]["id"]) == ("candidate_joined", body["data"]["id"])


async def test_who_shows_a_credential_is_who_they_were_without_these_routes(page: Page) -> None:
    path = f"/meetings/{page.id}/participants"
    body = {"name": "Ada", "external_id": "ada", "expected_voices": 2}
    answer = await page.post(path, body, Authorization=f"Bearer {page.admin_id}")
    assert answer.status_code == 201
    assert set(answer.json()) == {"success", "data", "undertone", "detail"}
    assert answer.json()["data"]["name"] == "Ada"
    [row] = await page.rows("select expected_voices, external_id from participants where meeting = :meeting")
    assert dict(row) == {"expected_voices": 2, "external_id": "ada"}
    again = await page.post(path, body, Authorization=f"Bearer {page.admin_id}")
    assert problem_of(again)[:2] == (409, "conflict")
    refused = await page.post(path, body, Authorization="Bearer nonsense")
    assert problem_of(refused)[:2] == (401, "unauthorized")
    # Without one, what takes more than the join_secret is nobody's to say.
    answer = await page.join(expected_voices=9, external_id="ada")
    [row] = await page.rows("select expected_voices from participants where meeting = :meeting and name = 'new user'")
    assert row["expected_voices"] == 1


@pytest.mark.parametrize("meeting", ["nobody", "no.such"])
async def test_nobody_joins_what_is_not_there(page: Page, meeting: str) -> None:
    answer = await page.post(f"/meetings/{meeting}/participants", {"name": "Ada"})
    assert problem_of(answer)[:2] == (404, "not_found")


async def test_nobody_joins_or_uploads_after_the_end(page: Page) -> None:
    end = await page.post(f"/meetings/{page.id}/end", None, Authorization=f"Bearer {page.admin_id}")
    assert end.status_code == 204
    assert problem_of(await page.join())[:2] == (409, "meeting_ended")
    assert problem_of(await page.upload(frames(100)))[:2] == (409, "meeting_ended")
    assert await page.rows("select from participants where meeting = :meeting") == []


async def test_a_provider_s_participant_is_known_by_its_id(house: Watched) -> None:
    assert house.node.polling is not None
    theirs = realtimekit.realtimekit()
    theirs.presets.append("audio_proc_preset")
    with serving(theirs.app) as url:
        presets: dict[Role, str] = {"candidate": "group_call_participant", "proctor": "group_call_host"}
        rooms = realtimekit_rooms(url, realtimekit.ACCOUNT, realtimekit.APP, realtimekit.TOKEN, presets)
        await _known_by_its_id(house, theirs, rooms)
        await rooms.aclose()


async def _known_by_its_id(house: Watched, theirs: Kit, rooms: RoomProvider) -> None:
    assert house.node.polling is not None
    polling = replace(house.node.polling, meetings=replace(house.node.polling.meetings, lobby=Lobby(rooms)))
    app = Starlette(routes=routes(polling.entries()), exception_handlers=HANDLERS)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://theirs") as http, heard(house):
        page = await Page(house, http).create()
        answer = (await page.join()).json()
        data = json.loads(answer["detail"])["data"]
        [added] = theirs.participants()
        assert (added["name"], added["preset_name"]) == ("new user", "audio_proc_preset")
        assert (data["id"], data["token"]) == (added["id"], added["token"])
        participant = added["custom_participant_id"]
        assert answer["undertone"]["id"] == participant
        async with dial(house.url + "/stream") as line:
            await line.send(encode_message(StreamHello(token=answer["undertone"]["token"])))
            assert (await hear(line))["type"] == "ready"
            await line.send(encode_message(Finish()))
            assert (await hear(line))["type"] == "finished"
        assert (await page.upload(MINUTE, data["id"])).json()["id"] == data["id"]
        [row] = await page.rows("select participant, streams, external_id from participants where meeting = :meeting")
        assert dict(row) == {"participant": participant, "streams": 2, "external_id": data["id"]}
        [[_, meeting, reported, *_]] = await page.reports()
        assert (meeting, reported) == (page.id, data["id"])
        # Somebody of ours, who shows a credential, gets our token.
        headers = {"Authorization": f"Bearer {page.admin_id}"}
        ours = (await page.post(f"/meetings/{page.id}/participants", {"name": "Ada"}, **headers)).json()["data"]
        assert ours["room"]["token"] == theirs.participants()[-1]["token"] != ours["token"]
        # That page behind a proxy that adds a credential is that page still.
        theirs_too = (await page.post(f"/meetings/{page.id}/participants", {"name": "Eve", **PRESET}, **headers)).json()
        added = theirs.participants()[-1]
        assert (added["name"], added["preset_name"]) == ("Eve", "audio_proc_preset")
        assert json.loads(theirs_too["detail"])["data"] == theirs_too["data"]
        assert (theirs_too["data"]["id"], theirs_too["data"]["token"]) == (added["id"], added["token"])
        assert theirs_too["undertone"]["id"] == added["custom_participant_id"]
        known = await page.rows("select external_id from participants where meeting = :meeting and name = 'Eve'")
        assert [row["external_id"] for row in known] == [added["id"]]
        # Their provider is away: they are heard all the same, by our id.
        theirs.app.always = Answers(403)
        alone = (await page.join()).json()
        assert alone["data"]["id"] == alone["undertone"]["id"]
        assert "missing" in alone["data"]["room"]


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (PAGE, True),
        ("http://127.0.0.1:5173", True),
        ("http://[::1]:8080", True),
        ("https://localhost", True),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1.example.org", False),
        ("https://exams.example.org", False),
        ("null", False),
        ("http://[", False),
    ],
)
async def test_pages_on_this_machine_may_call(page: Page, origin: str, allowed: bool) -> None:
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = await page.house.http.options("/is_admin", headers={"Origin": origin, **preflight})
    assert (answer.headers.get("access-control-allow-origin") == origin) is allowed
    answer = await page.upload(b"", headers={"Origin": origin})  # which needs no leave
    assert answer.status_code == (400 if allowed else 403)


@pytest.mark.parametrize(
    ("configured", "loopback", "allowed"),
    [
        ((), True, {PAGE}),
        ((), False, set()),
        (("https://exams.example.org",), True, {"https://exams.example.org"}),
        (("https://exams.example.org", PAGE), False, {"https://exams.example.org", PAGE}),
    ],
)
def test_whose_pages_may_call(configured: tuple[str, ...], loopback: bool, allowed: set[str]) -> None:
    pattern = allowed_origins(configured, loopback)
    for origin in (PAGE, "https://exams.example.org", "https://examsXexample.org"):
        assert bool(re.fullmatch(pattern, origin)) is (origin in allowed)
    assert allowed_origins((), True) == LOOPBACK_ORIGINS
